/** Bulk requests: each item is in at the end, or has an error that says why it is not. */
import { z } from "zod";
import { HttpError, IndexError } from "../../shared/errors.ts";
import { Limiter } from "../../shared/limiter.ts";
import type { ServerClient, ServerRequest } from "./client.ts";
import type { BulkWriter, Dialect } from "./dialect.ts";
import { errorLine, shorten } from "./errors.ts";
import { waitsFor } from "./health.ts";
import type { PlacedItem } from "./fingerprints.ts";
import { isUsableId } from "./identity.ts";
import { type Intake, sourceOf } from "./intake.ts";
import type { BulkResult, IndexItem } from "../types.ts";

/** A request is sent once it is this long: a server refuses too long ones, often by hanging up. */
const REQUEST_BYTES = 16e6;

/** A request is not made shorter than this because the connection was lost while it was sent. */
const LEAST_BYTES = 1e5;
/** Tries after the first of a request that may be too long, before a shorter one is tried. */
const LONG_RETRIES = 2;

/** Errors of items that are the index's: no other document would be taken either. */
const INDEX_ERRORS = [
  "cluster_block_exception",
  "index_closed_exception",
  "index_not_found_exception",
  "security_exception",
  "strict_dynamic_mapping_exception",
];
/** The same, of errors that are called alike whatever they are about. */
const INDEX_REASONS = /no write index is defined|pipeline with id|data streams?\b|append_only/;
/** Errors of a document itself. */
const DOCUMENT_ERRORS = /pars|too_large|validation|version_conflict/;

const UNUSABLE_ID = 'an id is text of 1 to 512 bytes, other than "." and ".."';

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
  readonly intake: Intake;
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
  readonly #told = new Set<string>();
  /** How long a request gets. */
  #requestBytes = REQUEST_BYTES;
  /** Whether any document was taken. */
  #hasStored = false;

  constructor(options: BulkOptions) {
    this.#options = options;
    this.limiter = new Limiter(options.concurrency);
  }

  /**
   * Puts the items in, one request after the other.
   *
   * @param refusals why some documents must not be put in, by id
   * @throws {HttpError} if the server did not answer, or takes no documents
   */
  async send(
    items: readonly PlacedItem[],
    refusals: ReadonlyMap<string, string> = new Map(),
  ): Promise<BulkResult[]> {
    const sendable = items.filter(({ document: { id }, place }) =>
      isUsableId(place._id) && !refusals.has(id)
    );
    const results: BulkResult[] = [];
    while (results.length < sendable.length) {
      const rest = sendable.slice(results.length);
      results.push(...await this.limiter.run(() => this.#sendSome(rest)));
    }
    let next = 0;
    return items.map((item) => {
      if (item === sendable[next]) return results[next++]!;
      return refused(item, refusals.get(item.document.id) ?? UNUSABLE_ID);
    });
  }

  /** Sends the first items, as many as one request holds, until each has its result. */
  async #sendSome(items: readonly PlacedItem[]): Promise<BulkResult[]> {
    const { client } = this.#options;
    const answers = await this.#request(items);
    for (let attempt = 0; attempt < client.retries; attempt++) {
      const again = answers.flatMap((answer, i) => isBusy(answer) ? [i] : []);
      if (again.length === 0) break;
      const first = answers[again[0]!]!;
      this.limiter.slower();
      await this.#explainWait(answers);
      await client.waitAfter(attempt, toError(items[again[0]!]!.document.id, first));
      for (let sent = 0; sent < again.length;) {
        const part = await this.#request(again.slice(sent).map((i) => items[i]!));
        part.forEach((answer, i) => answers[again[sent + i]!] = answer);
        sent += part.length;
      }
    }
    this.#checkIndex(answers);
    if (answers.some(({ result }) => result === "noop")) this.#tell(dropped(this.#options.index));
    return answers.map((answer, i) => toResult(items[i]!.document.id, answer));
  }

  /** @throws {HttpError} if the index itself is what takes no documents */
  #checkIndex(answers: readonly ItemAnswer[]): void {
    const { client, index } = this.#options;
    this.#hasStored ||= answers.some(({ error, status }) => error === undefined && status < 300);
    const [first] = answers;
    // What refuses the very first ones all alike, and not for what is in them, refuses the others too.
    const isCommon = !this.#hasStored && answers.length > 1 && first?.error !== undefined &&
      !isBusy(first) && !DOCUMENT_ERRORS.test(first.error.type) &&
      answers.every(({ error }) => error?.type === first.error!.type);
    const refusal = answers.find(isIndexError) ?? (isCommon ? first : undefined);
    if (refusal === undefined) return;
    const info = { code: `http_${refusal.status}`, url: client.name, status: refusal.status };
    throw new HttpError(`Cannot write to index "${index}": ${reasonOf(refusal)}`, info);
  }

  /** Says once what is waited for. */
  async #explainWait(answers: readonly ItemAnswer[]): Promise<void> {
    const { client, index } = this.#options;
    if (answers.some(isBreaker)) this.#tell(KNN_BREAKER);
    if (!answers.some(({ error }) => error?.type === "unavailable_shards_exception")) return;
    this.#tell(await waitsFor(client, index));
  }

  #tell(notice: string | undefined): void {
    if (notice === undefined || this.#told.has(notice)) return;
    this.#told.add(notice);
    this.#options.onNotice(notice);
  }

  /** One request with the first items, or half of them where those are too much. */
  async #request(items: readonly PlacedItem[]): Promise<ItemAnswer[]> {
    const { dialect, intake } = this.#options;
    const writer = this.#writers.pop() ?? dialect.bulkWriter();
    let count = 0;
    try {
      writer.clear();
      while (count < items.length && writer.length < this.#requestBytes) {
        const { place, document, fingerprint, vector } = items[count++]!;
        writer.add(place, sourceOf(document, fingerprint, intake), vector);
      }
      return await this.#post(writer, count);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      const { status, code } = error.info;
      const isLost = status === undefined && code === "network" && count > 1;
      if (status !== 413 && !isLost) throw error;
      if (count === 1) {
        return [{ status: 413, error: { type: "too_large", reason: error.message } }];
      }
      // A server that hangs up on what is too long answers what is short; one that is away is waited
      // for here.
      if (isLost) await this.#ping();
      this.#requestBytes = Math.max(
        Math.min(LEAST_BYTES, this.#requestBytes),
        Math.min(this.#requestBytes, writer.length / 2),
      );
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
      ...(count > 1 ? { lostRetries: LONG_RETRIES } : {}),
    };
    const what = `write to index "${index}"`;
    const { items } = await client.ask(what, request, bulkAnswer);
    if (items.length === count) return items.map((item) => item.index);
    const message = `Cannot ${what}: ${items.length} answers to ${count} documents`;
    throw new HttpError(message, { code: "body", url: client.name });
  }

  async #ping(): Promise<void> {
    const { client, index } = this.#options;
    const path = `/${encodeURIComponent(index)}`;
    await client.send(`write to index "${index}"`, { method: "HEAD", path, accept: [404] });
  }
}

function dropped(index: string): string {
  return `Index "${index}" drops documents by a pipeline of its own: they count as skipped`;
}

function isIndexError({ error }: ItemAnswer): boolean {
  if (error === undefined) return false;
  return INDEX_ERRORS.includes(error.type) ||
    (/^(illegal_argument|validation)_exception$/.test(error.type) &&
      INDEX_REASONS.test(error.reason ?? ""));
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
  const { result } = answer;
  return { id, result: result === "created" ? result : result === "noop" ? "dropped" : "updated" };
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

function refused({ document: { id } }: IndexItem, reason: string): BulkResult {
  const message = `Cannot index document "${shorten(id)}": ${reason}`;
  return { id, error: new IndexError(message, "index_rejected") };
}
