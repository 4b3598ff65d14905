/** Bulk requests: each item is in at the end, or has an error that says why it is not. */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { HttpError, IndexError } from "../../shared/errors.ts";
import { Limiter } from "./limiter.ts";
import type { ServerClient, ServerRequest } from "./client.ts";
import type { BulkWriter, Dialect } from "./dialect.ts";
import { errorLine, shorten } from "./errors.ts";
import type { BulkResult, IndexItem } from "../types.ts";

/** A request is sent once it is this long: a server refuses too long ones, often by hanging up. */
const REQUEST_BYTES = 16e6;

/** Longest `_id` in UTF-8 bytes: a longer one has a server refuse the whole request. */
const MAX_ID_BYTES = 512;
/** Errors of items that are the index's: no other document would be taken either. */
const INDEX_ERRORS = [
  "cluster_block_exception",
  "index_closed_exception",
  "index_not_found_exception",
  "security_exception",
];

const itemError = z.object({
  type: z.string(),
  reason: z.string().nullish(),
  caused_by: z.object({ reason: z.string().nullish() }).nullish(),
});
const itemAnswer = z.object({
  status: z.number(),
  result: z.string().optional(),
  error: itemError.optional(),
});
const bulkAnswer = z.object({ items: z.array(z.object({ index: itemAnswer })) });
type ItemAnswer = z.infer<typeof itemAnswer>;

const FIELDS = ["status", "result", "error.type", "error.reason", "error.caused_by.reason"]
  .map((field) => `items.*.${field}`).join();

const KNN_BREAKER = "The k-NN circuit breaker of OpenSearch is open: its graphs of vectors have " +
  "reached their limit of memory (knn.memory.circuit_breaker.limit), and it takes no more until " +
  "some is free; loading waits. Nodes with more memory, or a higher limit, help";

/** What a {@linkcode BulkSender} works with. */
export interface BulkOptions {
  readonly client: ServerClient;
  readonly dialect: Dialect;
  /** Name of the index. */
  readonly index: string;
  /** Requests at a time, as long as the server keeps up. */
  readonly concurrency: number;
  readonly onNotice: (text: string) => void;
}

/** Sends items in as many requests at a time as the server can take. */
export class BulkSender {
  readonly limiter: Limiter;
  readonly #options: BulkOptions;
  /** Writers that no request uses. */
  readonly #writers: BulkWriter[] = [];
  #toldOfBreaker = false;

  constructor(options: BulkOptions) {
    this.#options = options;
    this.limiter = new Limiter(options.concurrency);
  }

  /**
   * Puts the items in, one request after the other.
   *
   * @throws {HttpError} if the server did not answer, or takes no documents
   */
  async send(items: readonly IndexItem[]): Promise<BulkResult[]> {
    const sendable = items.filter(({ document }) => isUsableId(document.id));
    const results: BulkResult[] = [];
    while (results.length < sendable.length) {
      const rest = sendable.slice(results.length);
      results.push(...await this.limiter.run(() => this.#sendSome(rest)));
    }
    let next = 0;
    return items.map((item) => item === sendable[next] ? results[next++]! : unusableId(item));
  }

  /** Sends the first items, as many as one request holds, until each has its result. */
  async #sendSome(items: readonly IndexItem[]): Promise<BulkResult[]> {
    const { client, index, onNotice } = this.#options;
    const answers = await this.#request(items);
    for (let attempt = 0; attempt < client.retries; attempt++) {
      const again = answers.flatMap((answer, i) => isBusy(answer) ? [i] : []);
      if (again.length === 0) break;
      const first = answers[again[0]!]!;
      this.limiter.slower();
      if (answers.some(isBreaker) && !this.#toldOfBreaker) {
        this.#toldOfBreaker = true;
        onNotice(KNN_BREAKER);
      }
      await client.waitAfter(attempt, toError(items[again[0]!]!.document.id, first));
      for (let sent = 0; sent < again.length;) {
        const part = await this.#request(again.slice(sent).map((i) => items[i]!));
        part.forEach((answer, i) => answers[again[sent + i]!] = answer);
        sent += part.length;
      }
    }
    const refusal = answers.find(({ error }) => error && INDEX_ERRORS.includes(error.type));
    if (refusal !== undefined) {
      const info = { code: `http_${refusal.status}`, url: client.name, status: refusal.status };
      throw new HttpError(`Cannot write to index "${index}": ${reasonOf(refusal)}`, info);
    }
    return answers.map((answer, i) => toResult(items[i]!.document.id, answer));
  }

  /** One request with the first items, or half of them where those are too much. */
  async #request(items: readonly IndexItem[]): Promise<ItemAnswer[]> {
    const writer = this.#writers.pop() ?? this.#options.dialect.bulkWriter();
    let count = 0;
    try {
      writer.clear();
      while (count < items.length && writer.length < REQUEST_BYTES) writer.add(items[count++]!);
      return await this.#post(writer, count);
    } catch (error) {
      if (!(error instanceof HttpError && error.info.status === 413)) throw error;
      if (count === 1) {
        return [{ status: 413, error: { type: "too_large", reason: error.message } }];
      }
    } finally {
      this.#writers.push(writer);
    }
    return await this.#request(items.slice(0, Math.ceil(count / 2)));
  }

  async #post(writer: BulkWriter, count: number): Promise<ItemAnswer[]> {
    const { client, dialect, index } = this.#options;
    const request: ServerRequest = {
      method: "POST",
      path: `/${encodeURIComponent(index)}/_bulk?filter_path=${FIELDS}`,
      body: writer.bytes(),
      contentType: dialect.bulkType,
      onBusy: () => this.limiter.slower(),
    };
    const what = `write to index "${index}"`;
    const { items } = await client.ask(what, request, bulkAnswer);
    if (items.length === count) return items.map((item) => item.index);
    const message = `Cannot ${what}: ${items.length} answers to ${count} documents`;
    throw new HttpError(message, { code: "body", url: client.name });
  }
}

/** Whether the item may be taken later. */
function isBusy(answer: ItemAnswer): boolean {
  return answer.status === 429 || answer.status === 503 || isBreaker(answer) ||
    answer.error?.type === "es_rejected_execution_exception";
}

/** Whether OpenSearch's k-NN plugin takes no more vectors for now. */
function isBreaker({ error }: ItemAnswer): boolean {
  return /circuit breaker (is )?triggered/i.test(
    `${error?.reason ?? ""} ${error?.caused_by?.reason ?? ""}`,
  );
}

function toResult(id: string, answer: ItemAnswer): BulkResult {
  if (answer.error !== undefined || answer.status >= 300) return { id, error: toError(id, answer) };
  return { id, result: answer.result === "created" ? "created" : "updated" };
}

function toError(id: string, answer: ItemAnswer): IndexError {
  const code = isBusy(answer)
    ? "index_busy"
    : answer.status === 413
    ? "index_too_large"
    : "index_rejected";
  return new IndexError(`Cannot index document "${id}": ${reasonOf(answer)}`, code);
}

function reasonOf({ status, error }: ItemAnswer): string {
  return errorLine(error?.type ?? `status ${status}`, error?.reason, error?.caused_by?.reason);
}

/** Whether an id can be a document's `_id`, and a part of a request's path. */
export function isUsableId(id: string): boolean {
  return !["", ".", ".."].includes(id) && id.isWellFormed() &&
    Buffer.byteLength(id) <= MAX_ID_BYTES;
}

function unusableId({ document: { id } }: IndexItem): BulkResult {
  const reason = `an id is text of 1 to ${MAX_ID_BYTES} bytes, other than "." and ".."`;
  const message = `Cannot index document "${shorten(id)}": ${reason}`;
  return { id, error: new IndexError(message, "index_rejected") };
}
