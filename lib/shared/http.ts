/** GET requests with a time limit per try, retries with back-off, and a space between requests. */
import { VERSION } from "./args.ts";
import { connectionFault } from "./connection_faults.ts";
import { Cookies } from "./cookies.ts";
import { HttpError, type HttpErrorInfo, type MakenError } from "./errors.ts";
import { readBody } from "./http_body.ts";
import { retryAfterMs, sleep, withRetries } from "./retry.ts";
import { hostAndPort, withoutCredentials } from "./urls.ts";

/** How a {@linkcode HttpClient} behaves. */
export interface HttpOptions {
  /** Ends every request and wait. */
  readonly signal: AbortSignal;
  /** Time limit of one try, body included, in milliseconds. */
  readonly timeoutMs: number;
  /** Tries after the first one. */
  readonly retries: number;
  /** Least time between the starts of two requests to one host, in milliseconds. */
  readonly delayMs: number;
  /** Hosts with port that may be asked, redirects included, such as `api.nb.no:443`. */
  readonly hosts: readonly string[];
  /** Largest body that is taken, in bytes. */
  readonly maxBytes: number;
  readonly userAgent: string;
  /** Called before each new try. */
  readonly onRetry?: (error: MakenError, waitMs: number) => void;
}

/** How a tool's options have hosts be treated. */
export interface Politeness {
  /** Time limit of one try. */
  readonly timeoutSeconds: number;
  /** Tries after the first one. */
  readonly retries: number;
  /** Least time between the starts of two requests to one host; 0 if not given. */
  readonly delaySeconds?: number;
  /** Address of the person who runs the tool, for the hosts' operators. */
  readonly contact?: string;
}

/**
 * A client that treats hosts as a tool's options say, and tells them that it is Maken.
 *
 * @param rest what no option says
 */
export function politeClient(
  { timeoutSeconds, retries, delaySeconds = 0, contact = "" }: Politeness,
  rest: Pick<HttpOptions, "signal" | "onRetry" | "hosts" | "maxBytes">,
): HttpClient {
  const whose = contact === "" ? "" : `; ${contact}`;
  return new HttpClient({
    ...rest,
    timeoutMs: timeoutSeconds * 1000,
    retries,
    delayMs: delaySeconds * 1000,
    userAgent: `maken/${VERSION} (similar-image indexer${whose})`,
  });
}

/** A complete answer. */
export interface HttpAnswer {
  /** 200, also for 203 as a proxy says it; 206 to a request for a part. */
  readonly status: 200 | 206;
  /** Address that answered, after redirects. */
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

const MAX_REDIRECTS = 5;
/** First and longest wait between two tries. */
const WAITS = { firstWaitMs: 500, maxWaitMs: 60_000 };
/** Part of an error's body that is kept for logs, in bytes. */
const BODY_START = 2000;
/** Asks for a body that is not packed: then one that is, all the same, is unpacked here. */
const UNPACKED = { "accept-encoding": "identity" };

/** Sends one client's requests, host by host spaced by `delayMs`. */
export class HttpClient {
  readonly #nextStart = new Map<string, number>();
  /** Hosts that have answered: the address of one that never did is more likely wrong. */
  readonly #known = new Set<string>();

  constructor(private readonly options: HttpOptions) {}

  /**
   * Fetches a URL; tries again after network errors, time-outs, bodies cut short and the statuses
   * 408, 429 and 5xx; but not where a host that never answered refuses, is not found or cannot be
   * trusted. `check` may refuse a complete answer by throwing an HttpError, with `retry` set where
   * another try may help.
   *
   * @throws {HttpError} when the last try failed, or at once when another cannot help
   * @throws {DOMException} AbortError when the signal was aborted
   */
  async get<T = HttpAnswer>(
    url: string,
    headers: Record<string, string> = {},
    check: (answer: HttpAnswer) => T = (answer) => answer as T,
  ): Promise<T> {
    const policy = { ...WAITS, ...this.options };
    let asked = headers;
    return await withRetries(policy, async () => {
      const answer = await this.#tryOnce(url, asked);
      try {
        return check(answer);
      } catch (error) {
        // fetch() unpacks only the first of several gzip files that a body may be made of.
        const packing = answer.headers.get("content-encoding") ?? "";
        if (/gzip/i.test(packing)) asked = { ...headers, ...UNPACKED };
        throw error;
      }
    });
  }

  /** One try: the request, and those that it is redirected to. */
  async #tryOnce(startUrl: string, headers: Record<string, string>): Promise<HttpAnswer> {
    let url = this.#allowed(startUrl, startUrl);
    const cookies = new Cookies();
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      await this.#waitForTurn(url);
      const answer = await this.#request(url, headers, cookies);
      if (!("location" in answer)) return answer;
      const target = URL.parse(answer.location, url);
      if (target === null) {
        const location = withoutCredentials(answer.location);
        throw httpError("redirect", url, `it redirects to "${location}", which is no address`);
      }
      url = this.#allowed(target.href, url.href);
    }
    throw httpError("redirect", url, `more than ${MAX_REDIRECTS} redirects`);
  }

  async #request(
    url: URL,
    headers: Record<string, string>,
    cookies: Cookies,
  ): Promise<HttpAnswer | { location: string }> {
    const { userAgent, timeoutMs, signal, maxBytes } = this.options;
    const cookie = cookies.header(url);
    try {
      const response = await fetch(url, {
        headers: { ...headers, ...cookie && { cookie }, "user-agent": userAgent },
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      this.#known.add(url.host);
      const location = response.headers.get("location");
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await response.body?.cancel();
        cookies.keep(url, response.headers);
        return { location: withBytesEscaped(location) };
      }
      const { status } = response;
      const body = readBody(response, {
        maxBytes,
        isLeftPacked: "range" in headers || "accept-encoding" in headers,
        error: ({ code, reason, ...info }, cause) => httpError(code, url, reason, info, cause),
      });
      const isPart = status === 206 && "range" in headers;
      // Of an answer that is none the status counts, whatever its body is.
      if (status !== 200 && status !== 203 && !isPart) {
        throw statusError(response, url, await body.catch(() => new Uint8Array()));
      }
      const told = isPart ? 206 : 200;
      return { status: told, url: url.href, headers: response.headers, body: await body };
    } catch (error) {
      if (error instanceof HttpError || signal.aborted) throw error;
      const { kind, code, reason, passes, tries } = connectionFault(error, { url, timeoutMs });
      const retry = passes || (this.#known.has(url.host) && kind !== "permission");
      throw httpError(code, url, reason, { retry, tries }, error);
    }
  }

  /** The URL, if its host may be asked. */
  #allowed(text: string, from: string): URL {
    const url = URL.parse(text);
    const allowed = url !== null && /^https?:$/.test(url.protocol) && url.username === "" &&
      url.password === "" && this.options.hosts.includes(hostAndPort(url));
    if (allowed) return url;
    const asked = withoutCredentials(text);
    const via = text === from ? "" : ` (redirected from ${withoutCredentials(from)})`;
    const reason = url !== null && !/^https?:$/.test(url.protocol)
      ? "it is not an http or https address"
      : asked === text
      ? `its host is not among ${this.options.hosts.join(", ")}`
      : "it holds a user name or password";
    throw new HttpError(
      `Cannot get ${asked}${via}: ${reason}`,
      { code: "host_not_allowed", url: asked },
    );
  }

  async #waitForTurn(url: URL): Promise<void> {
    const now = performance.now();
    const start = Math.max(now, this.#nextStart.get(url.host) ?? 0);
    this.#nextStart.set(url.host, start + this.options.delayMs);
    if (start > now) await sleep(start - now, this.options.signal);
  }
}

function statusError(response: Response, url: URL, body: Uint8Array): HttpError {
  const { status, headers } = response;
  return httpError(`http_${status}`, url, `status ${status}${STATUS_HINTS[status] ?? ""}`, {
    status,
    body: bodyStart(body),
    retry: status === 408 || status === 429 || status >= 500,
    retryAfterMs: retryAfterMs(headers.get("retry-after")),
  });
}

/** First part of a body as text, for logs. */
export function bodyStart(body: Uint8Array): string {
  const start = body.subarray(0, BODY_START);
  try {
    // A character that is cut in two at the end is left out.
    return new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: true });
  } catch {
    return new TextDecoder("latin1").decode(start); // whatever it is, no byte is lost
  }
}

/** A header's text, whose characters are its bytes, with those past ASCII written as `%XX`. */
function withBytesEscaped(text: string): string {
  return text.replaceAll(
    /[^\0-\x7f]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const STATUS_HINTS: Record<number, string> = {
  401: " (not signed in)",
  403: " (access refused)",
  404: " (not found)",
  429: " (too many requests)",
};

function httpError(
  code: string,
  url: URL,
  reason: string,
  info: Partial<HttpErrorInfo> = {},
  cause?: unknown,
): HttpError {
  const href = withoutCredentials(url.href);
  return new HttpError(`Cannot get ${href}: ${reason}`, { ...info, code, url: href }, { cause });
}
