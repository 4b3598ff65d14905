/** Requests to the nodes of one Elasticsearch or OpenSearch cluster. */
import type { z } from "zod";
import { connectionFault } from "../../shared/connection_faults.ts";
import { HttpError, type HttpErrorInfo, type MakenError, SetupError } from "../../shared/errors.ts";
import { retryAfterMs, type RetryPolicy, waitAfter, withRetries } from "../../shared/retry.ts";
import { reasonOf, refusal, setupReason } from "./errors.ts";
import { NodeRing } from "./node_ring.ts";
import {
  FetchWire,
  type ServerAnswer,
  wantsHttps,
  type WireOptions,
  type WireRequest,
} from "./wire/fetch_wire.ts";

/** How a cluster is asked. */
export interface ClientOptions extends WireOptions {
  /** Addresses of its nodes, without credentials; a path is put before every request's. */
  readonly urls: readonly URL[];
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
export interface ServerRequest extends WireRequest {
  /** Statuses from 300 on that are answers too. */
  readonly accept?: readonly number[];
  /** Goes out even when the signal was aborted: for what has to be put right at the end. */
  readonly always?: boolean;
  /** Tries after the first where the connection was lost, if those are to be fewer. */
  readonly lostRetries?: number;
  /** Called after each try that the server was too busy for, or too slow. */
  readonly onBusy?: () => void;
}

/** How often and how long one request is tried. */
interface Limits extends RetryPolicy {
  /** Of one try, in milliseconds. */
  readonly timeoutMs: number;
}

/** Statuses that another try may change. */
const BUSY = [429, 502, 503, 504];
/** What a cluster says with status 500 while it finds out that a node has gone. */
const LOST_PART = /^(search_phase_execution|node_\w+|no_shard_available\w*)_exception/;
/** First and longest wait between two tries. */
const WAITS = { firstWaitMs: 250, maxWaitMs: 15_000 };
/** Time limit and tries of a request that goes out after the end was asked for. */
const LAST_TIMEOUT_MS = 10_000;
const LAST_RETRIES = 3;
/** Time limit of finding out whether a server speaks https. */
const HTTPS_TIMEOUT_MS = 5000;

/** Sends requests to the nodes in turn. */
export class ServerClient implements Disposable {
  readonly #options: ClientOptions;
  readonly #wire: FetchWire;
  readonly #nodes: NodeRing;

  /** @throws {SetupError} if the certificates cannot be used */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#wire = new FetchWire(options);
    this.#nodes = new NodeRing(options.urls);
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
    this.#wire[Symbol.dispose]();
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
    throw failure(what, this.name, "body", reason);
  }

  /** The answer to a request as it is; the rest as {@linkcode ask}. */
  async send(what: string, request: ServerRequest): Promise<ServerAnswer> {
    const limits = this.#limitsOf(request);
    return await withRetries(limits, async (attempt) => {
      if (attempt > 0) this.#nodes.retryAll();
      try {
        return await this.#tryNodes(what, request, limits);
      } catch (error) {
        const isLost = error instanceof HttpError && error.info.code === "network";
        if (!isLost || attempt < (request.lostRetries ?? Infinity)) throw error;
        throw new HttpError(error.message, { ...error.info, retry: false }, { cause: error });
      }
    });
  }

  /** Waits between try `attempt` and the next one, of a caller that itself sends something again. */
  async waitAfter(attempt: number, error: MakenError): Promise<void> {
    await waitAfter(attempt, error, { ...WAITS, ...this.#options });
  }

  #limitsOf({ always = false }: ServerRequest): Limits {
    const limits = { ...WAITS, ...this.#options };
    if (!always) return limits;
    return {
      ...limits,
      timeoutMs: Math.min(LAST_TIMEOUT_MS, limits.timeoutMs),
      retries: Math.min(LAST_RETRIES, limits.retries),
      signal: new AbortController().signal,
    };
  }

  /** One try: asks one node after the other, until one answers or all are down. */
  async #tryNodes(what: string, request: ServerRequest, limits: Limits): Promise<ServerAnswer> {
    for (;;) {
      limits.signal.throwIfAborted();
      const node = this.#nodes.next();
      try {
        const answer = await this.#tryNode(what, node.url, request, limits);
        node.answered = true;
        node.down = false;
        return answer;
      } catch (error) {
        limits.signal.throwIfAborted();
        if (!(error instanceof HttpError) || error.info.retry !== true) throw error;
        if (error.info.status === undefined) {
          node.down = true;
          if (this.#nodes.hasUp()) continue;
          if (!this.#nodes.hasAnswered()) await this.#explain(error, limits);
        }
        if (error.info.status !== undefined || error.code === "timeout") request.onBusy?.();
        throw error;
      }
    }
  }

  async #tryNode(
    what: string,
    node: URL,
    request: ServerRequest,
    { timeoutMs, signal }: Limits,
  ): Promise<ServerAnswer> {
    let answer: ServerAnswer;
    try {
      const timeout = AbortSignal.timeout(timeoutMs);
      answer = await this.#wire.send(node, request, AbortSignal.any([signal, timeout]));
    } catch (error) {
      if (signal.aborted) throw error;
      const fault = connectionFault(error, { url: node, timeoutMs });
      const told = setupReason(fault);
      if (told !== undefined) throw new SetupError(`Cannot use ${node.origin}: ${told}`);
      throw failure(what, node.origin, fault.code, fault.reason, { retry: true }, error);
    }
    const { status, headers, body } = answer;
    if (status < 300 || request.accept?.includes(status)) return answer;
    if (status === 401 || status === 403) {
      throw new SetupError(refusal(what, node, status, body, this.#options));
    }
    const told = reasonOf(body);
    throw failure(what, node.origin, `http_${status}`, `status ${status}${told && `: ${told}`}`, {
      status,
      retry: BUSY.includes(status) || (status === 500 && LOST_PART.test(told)),
      retryAfterMs: retryAfterMs(headers.get("retry-after")),
    });
  }

  /**
   * Tells of a cluster that never answered: more likely a wrong address than one that restarts.
   *
   * @throws {SetupError} unless another try may help
   */
  async #explain(error: HttpError, { timeoutMs, signal }: Limits): Promise<void> {
    const fault = connectionFault(error.cause, { url: new URL(error.info.url), timeoutMs });
    const timeout = AbortSignal.timeout(Math.min(HTTPS_TIMEOUT_MS, timeoutMs));
    const isHttps = fault.kind === "lost" &&
      await wantsHttps(this.#options.urls[0]!, AbortSignal.any([signal, timeout]));
    if (fault.passes && !isHttps) return;
    const reason = isHttps ? "it speaks https, not plain http" : fault.reason;
    throw new SetupError(`Cannot use ${this.name}: ${reason}`, { cause: error });
  }
}

function failure(
  what: string,
  url: string,
  code: string,
  reason: string,
  info: Partial<HttpErrorInfo> = {},
  cause?: unknown,
): HttpError {
  return new HttpError(`Cannot ${what}: ${url}: ${reason}`, { ...info, code, url }, { cause });
}
