/** Requests to the nodes of one Elasticsearch or OpenSearch cluster. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { HttpError, type HttpErrorInfo, type MakenError, SetupError } from "../../shared/errors.ts";
import { backoffMs, retryAfterMs } from "../../shared/http.ts";
import { NodeRing } from "./node_ring.ts";
import { type Connection, connectionReason, reasonOf, refusal, setupReason } from "./errors.ts";

/** How a cluster is asked. */
export interface ClientOptions {
  /** Addresses of its nodes, without credentials; a path is put before every request's. */
  readonly urls: readonly URL[];
  /** Empty: no user name is sent. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** In place of a user name: the encoded form of an API key. */
  readonly apiKey?: string | undefined;
  /** Certificates of further authorities to trust, as PEM text. */
  readonly ca?: string | undefined;
  /** Time limit of one try, body included, in milliseconds. */
  readonly timeoutMs: number;
  /** Tries after the first one, of a request that a busy or absent server did not answer. */
  readonly retries: number;
  /** Ends every request and wait. */
  readonly signal: AbortSignal;
  /** Called before each new try. */
  readonly onRetry?: (error: MakenError, waitMs: number) => void;
}

/** One request. */
export interface ServerRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  /** Path and query, such as `/images.knn/_count`. */
  readonly path: string;
  /** Sent as JSON; bytes as they are. */
  readonly body?: object | Uint8Array<ArrayBuffer> | undefined;
  /** Media type of a body of bytes. */
  readonly contentType?: string;
  /** Statuses from 300 on that are answers too. */
  readonly accept?: readonly number[];
  /** Goes out even when the signal was aborted: for what has to be put right at the end. */
  readonly always?: boolean;
  /** Called before each new try. */
  readonly onRetry?: (error: HttpError) => void;
}

/** A complete answer. */
export interface ServerAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** What its JSON says; undefined where it has none. */
  readonly body: unknown;
}

/** Statuses that another try may change. */
const BUSY = [429, 502, 503, 504];
/** What a cluster says with status 500 while it finds out that a node has gone. */
const LOST_PART = /^(search_phase_execution|node_\w+|no_shard_available\w*)_exception/;
/** First and longest wait between two tries. */
const FIRST_WAIT_MS = 250, MAX_WAIT_MS = 15_000;
/** Longest wait that a server may ask for. */
const MAX_ASKED_WAIT_MS = 60_000;
/** Time limit and tries of a request that goes out after the end was asked for. */
const LAST_TIMEOUT_MS = 10_000;
const LAST_RETRIES = 3;

/** Sends requests to the nodes in turn, with credentials that it never tells. */
export class ServerClient implements Disposable {
  readonly #options: ClientOptions;
  readonly #authorization: string | undefined;
  readonly #http: Deno.HttpClient | undefined;
  readonly #nodes: NodeRing;

  /** @throws {SetupError} if the certificates cannot be used */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#nodes = new NodeRing(options.urls);
    this.#authorization = authorization(options);
    if (options.ca === undefined) return;
    if (!options.ca.includes("-----BEGIN CERTIFICATE-----")) {
      throw new SetupError("Cannot use the given authority: it is not a certificate in PEM text");
    }
    this.#http = Deno.createHttpClient({ caCerts: [options.ca] });
  }

  /** What the nodes are called in messages. */
  get name(): string {
    return this.#options.urls.map((url) => url.origin).join(", ");
  }

  /** Tries that follow a first one. */
  get retries(): number {
    return this.#options.retries;
  }

  [Symbol.dispose](): void {
    this.#http?.close();
  }

  /**
   * The answer to a request, checked. What cannot be reached is tried again on the next node, and
   * after a while on all; so is what was too busy.
   *
   * @param what for messages: `Cannot ${what} …`
   * @throws {SetupError} if the server does not let us in, or does not understand us
   * @throws {HttpError} if the last try failed, or the answer is not as expected
   * @throws {DOMException} AbortError when the signal was aborted
   */
  async ask<T>(what: string, request: ServerRequest, schema: z.ZodType<T>): Promise<T> {
    const { body } = await this.send(what, request);
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    const { message, path } = parsed.error.issues[0]!;
    const reason = `its answer is not as expected: ${path.join(".") || "body"}: ${message}`;
    throw failure(what, { url: this.name }, "body", reason);
  }

  /** The answer to a request as it is; the rest as {@linkcode ask}. */
  async send(what: string, request: ServerRequest): Promise<ServerAnswer> {
    const signal = request.always ? new AbortController().signal : this.#options.signal;
    const retries = request.always ? Math.min(LAST_RETRIES, this.retries) : this.retries;
    for (let attempt = 0;;) {
      signal.throwIfAborted();
      const node = this.#nodes.next();
      try {
        const answer = await this.#try(what, node.url, request, signal);
        node.answered = true;
        node.down = false;
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof HttpError) || error.info.retry !== true) throw error;
        if (error.info.status === undefined) {
          node.down = true;
          if (this.#nodes.hasUp()) continue;
          if (!this.#nodes.hasAnswered()) await this.#explain(error, signal);
        }
        request.onRetry?.(error);
        if (attempt >= retries) throw error;
        await this.pause(attempt++, error, request.always === true);
        this.#nodes.retryAll();
      }
    }
  }

  /** Waits before try `attempt + 1`, longer each time. */
  async pause(attempt: number, error: MakenError, always = false): Promise<void> {
    const asked = error instanceof HttpError ? error.info.retryAfterMs : undefined;
    const waitMs = Math.min(
      MAX_ASKED_WAIT_MS,
      asked ?? backoffMs(attempt, FIRST_WAIT_MS, MAX_WAIT_MS),
    );
    this.#options.onRetry?.(error, waitMs);
    const { signal } = this.#options;
    await sleep(waitMs, undefined, always ? {} : { signal }).catch(() => signal.throwIfAborted());
  }

  async #try(
    what: string,
    base: URL,
    request: ServerRequest,
    signal: AbortSignal,
  ): Promise<ServerAnswer> {
    const timeoutMs = request.always
      ? Math.min(LAST_TIMEOUT_MS, this.#options.timeoutMs)
      : this.#options.timeoutMs;
    const timeout = AbortSignal.timeout(timeoutMs);
    const at = { url: base.origin };
    try {
      const response = await this.#fetch(base, request, AbortSignal.any([signal, timeout]));
      const body = jsonOf(await response.text());
      const { status, headers } = response;
      if (status < 300 || request.accept?.includes(status)) return { status, headers, body };
      if (status === 401 || status === 403) {
        throw new SetupError(refusal(what, base, status, body, this.#options));
      }
      const told = reasonOf(body);
      const retry = BUSY.includes(status) || (status === 500 && LOST_PART.test(told));
      const reason = `status ${status}${prefixed(": ", told)}`;
      const waitMs = retryAfterMs(headers.get("retry-after"));
      throw failure(what, at, `http_${status}`, reason, { status, retry, retryAfterMs: waitMs });
    } catch (error) {
      if (error instanceof HttpError || error instanceof SetupError || signal.aborted) throw error;
      if (timeout.aborted) {
        const reason = `no complete answer in ${timeoutMs / 1000} s`;
        throw failure(what, at, "timeout", reason, { retry: true });
      }
      const kind = connectionReason(error);
      const told = setupReason(kind, base);
      if (told !== undefined) throw new SetupError(`Cannot use ${base.origin}: ${told}`);
      throw failure(what, at, "network", kind.text, { retry: true, cause: error });
    }
  }

  async #fetch(base: URL, request: ServerRequest, signal: AbortSignal): Promise<Response> {
    const { body, contentType = "application/json" } = request;
    const url = new URL(base.pathname.replace(/\/$/, "") + request.path, base);
    return await fetch(url, {
      method: request.method,
      redirect: "manual",
      signal,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": contentType }),
        ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }),
      },
      ...(body === undefined
        ? {}
        : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
      ...(this.#http === undefined ? {} : { client: this.#http }),
    });
  }

  /**
   * Tells of a cluster that never answered: more likely a wrong address than one that restarts.
   *
   * @throws {SetupError} unless another try may help
   */
  async #explain(error: HttpError, signal: AbortSignal): Promise<void> {
    const { kind } = connectionReason(error.cause);
    const isHttps = kind === "lost" && error.code === "network" && await this.#isHttps(signal);
    if (kind === "lost" && !isHttps) return;
    const reason = isHttps ? "it speaks https, not plain http" : connectionReason(error.cause).text;
    throw new SetupError(`Cannot use ${this.name}: ${reason}`, { cause: error });
  }

  /** Whether the first node, asked by plain http, wants https. */
  async #isHttps(signal: AbortSignal): Promise<boolean> {
    const url = new URL(this.#options.urls[0]!);
    if (url.protocol !== "http:") return false;
    const port = url.port || "80";
    url.protocol = "https:";
    url.port = port;
    const timeout = AbortSignal.timeout(Math.min(5000, this.#options.timeoutMs));
    try {
      const response = await fetch(url, {
        method: "HEAD",
        redirect: "manual",
        signal: AbortSignal.any([signal, timeout]),
      });
      await response.body?.cancel();
      return true;
    } catch (error) {
      return connectionReason(error).kind === "certificate";
    }
  }
}

/** A client's authorization header. */
function authorization({ user, password, apiKey }: Connection): string | undefined {
  if (apiKey) return `ApiKey ${apiKey}`;
  if (!user) return undefined;
  return `Basic ${new TextEncoder().encode(`${user}:${password ?? ""}`).toBase64()}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // such as the page of a proxy
  }
}

function failure(
  what: string,
  { url }: { url: string },
  code: string,
  reason: string,
  { cause, ...info }: Partial<HttpErrorInfo> & { cause?: unknown } = {},
): HttpError {
  return new HttpError(`Cannot ${what}: ${url}: ${reason}`, { ...info, code, url }, { cause });
}

function prefixed(prefix: string, text: string): string {
  return text === "" ? "" : prefix + text;
}
