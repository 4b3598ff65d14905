/** GET requests with a time limit per try, retries with back-off, and a space between requests. */
import { VERSION } from "./args.ts";
import { connectionFault } from "./connection_faults.ts";
import { Cookies } from "./cookies.ts";
import { HttpError, type MakenError } from "./errors.ts";
import { allowedUrl } from "./hosts.ts";
import { chunksOf, readBody, Silence } from "./http_body.ts";
import { httpError, statusError } from "./http_errors.ts";
import { sleep, withRetries } from "./retry.ts";
import { withoutCredentials } from "./urls.ts";

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
  /** Whether a redirect may not lead from https to http. */
  readonly staysSecure?: boolean;
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
  rest: Pick<HttpOptions, "signal" | "onRetry" | "hosts" | "maxBytes" | "staysSecure">,
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

/** An answer whose body is still to come. */
export interface OpenAnswer {
  /** 200, also for 203; 206 and 416 to a request for a part. */
  readonly status: 200 | 206 | 416;
  readonly headers: Headers;
  /** Throws an HttpError where it breaks off; packed as the headers say. */
  readonly body: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** Where another address is to be asked. */
interface Redirect {
  readonly location: string;
}

const MAX_REDIRECTS = 5;
/** First and longest wait between two tries. */
const WAITS = { firstWaitMs: 500, maxWaitMs: 60_000 };
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
      const answer = await this.#follow(
        url,
        (address, cookies) => this.#whole(address, asked, cookies),
      );
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

  /**
   * Fetches a URL whose body is used as it comes. The time limit is for silence: a body may take
   * longer. Tries again as {@linkcode get} does, also where the body breaks off.
   *
   * @param headers of the next try
   * @param take uses the answer; may refuse it by throwing an HttpError
   * @param reached how far all tries have come; see {@linkcode RetryPolicy}
   * @throws {HttpError} when the last try failed, or at once when another cannot help
   * @throws {DOMException} AbortError when the signal was aborted
   */
  async receive<T>(
    url: string,
    headers: () => Record<string, string>,
    take: (answer: OpenAnswer) => Promise<T>,
    reached: () => number,
  ): Promise<T> {
    return await withRetries({ ...WAITS, ...this.options, reached }, async () => {
      const asked = { ...UNPACKED, ...headers() };
      const silence = new Silence(this.options.timeoutMs);
      try {
        return await take(
          await this.#follow(
            url,
            (address, cookies) => this.#open(address, asked, cookies, silence),
          ),
        );
      } finally {
        silence.end();
      }
    });
  }

  /** One try: the request, and those that it is redirected to. */
  async #follow<A extends object>(
    startUrl: string,
    request: (url: URL, cookies: Cookies) => Promise<A | Redirect>,
  ): Promise<A> {
    const { hosts, staysSecure } = this.options;
    let url = allowedUrl(startUrl, startUrl, hosts);
    const cookies = new Cookies();
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      await this.#waitForTurn(url);
      const answer = await request(url, cookies);
      if (!("location" in answer)) return answer;
      const target = URL.parse(answer.location, url);
      if (target === null) {
        const location = withoutCredentials(answer.location);
        throw httpError("redirect", url, `it redirects to "${location}", which is no address`);
      }
      if (staysSecure && url.protocol === "https:" && target.protocol === "http:") {
        throw httpError("redirect", url, `it redirects to plain http, at ${target.host}`);
      }
      url = allowedUrl(target.href, url.href, hosts);
    }
    throw httpError("redirect", url, `more than ${MAX_REDIRECTS} redirects`);
  }

  async #whole(
    url: URL,
    headers: Record<string, string>,
    cookies: Cookies,
  ): Promise<HttpAnswer | Redirect> {
    const { timeoutMs, maxBytes } = this.options;
    try {
      const response = await this.#send(url, headers, cookies, AbortSignal.timeout(timeoutMs));
      if ("location" in response) return response;
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
      throw this.#fault(error, url);
    }
  }

  async #open(
    url: URL,
    headers: Record<string, string>,
    cookies: Cookies,
    silence: Silence,
  ): Promise<OpenAnswer | Redirect> {
    try {
      const sent = this.#send(url, headers, cookies, silence.signal);
      const response = await silence.waitFor(sent);
      if ("location" in response) return response;
      const { status } = response;
      const isAboutPart = (status === 206 || status === 416) && "range" in headers;
      if (status !== 200 && status !== 203 && !isAboutPart) {
        throw statusError(response, url, new Uint8Array());
      }
      const body = this.#chunks(response, url, silence);
      return { status: isAboutPart ? status : 200, headers: response.headers, body };
    } catch (error) {
      throw this.#fault(error, url, true);
    }
  }

  async *#chunks(response: Response, url: URL, silence: Silence) {
    const chunks = chunksOf(response, silence);
    for (;;) {
      const next = await chunks.next().catch((error) => {
        throw this.#fault(error, url, true);
      });
      if (next.done) return;
      yield next.value;
    }
  }

  async #send(
    url: URL,
    headers: Record<string, string>,
    cookies: Cookies,
    limit: AbortSignal,
  ): Promise<Response | Redirect> {
    const { userAgent, signal } = this.options;
    const cookie = cookies.header(url);
    const response = await fetch(url, {
      headers: { ...headers, ...cookie && { cookie }, "user-agent": userAgent },
      redirect: "manual",
      signal: AbortSignal.any([signal, limit]),
    });
    this.#known.add(url.host);
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    await response.body?.cancel();
    cookies.keep(url, response.headers);
    return { location: withBytesEscaped(location) };
  }

  /** What is thrown for what a request ended with. */
  #fault(error: unknown, url: URL, isForSilence = false): unknown {
    const { timeoutMs, signal } = this.options;
    if (error instanceof HttpError || signal.aborted) return error;
    const fault = connectionFault(error, { url, timeoutMs, isForSilence });
    const { kind, code, reason, passes, tries } = fault;
    const retry = passes || (this.#known.has(url.host) && kind !== "permission");
    return httpError(code, url, reason, { retry, tries }, error);
  }

  async #waitForTurn(url: URL): Promise<void> {
    const now = performance.now();
    const start = Math.max(now, this.#nextStart.get(url.host) ?? 0);
    this.#nextStart.set(url.host, start + this.options.delayMs);
    if (start > now) await sleep(start - now, this.options.signal);
  }
}

/** A header's text, whose characters are its bytes, with those past ASCII written as `%XX`. */
function withBytesEscaped(text: string): string {
  return text.replaceAll(
    /[^\0-\x7f]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
