/** An index of an Elasticsearch or OpenSearch cluster. */
import { z } from "zod";
import { HttpError, SetupError } from "../../shared/errors.ts";
import { LoadMode } from "./load_mode.ts";
import type { Mapping, ServerKind, VectorShape } from "./mapping.ts";
import type { IndexAdmin, IndexState } from "./admin.ts";
import { BulkSender, isUsableId } from "./bulk.ts";
import type { ServerClient, ServerRequest } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { orSetupError } from "./errors.ts";
import { clusterMemory, memoryWarning } from "./memory.ts";
import {
  BEST_FIRST,
  filterClauses,
  randomQuery,
  searchAnswer,
  similarityOf,
  storedDocument,
  storedItem,
  textQuery,
  WINDOW,
  WITHOUT_VECTOR,
} from "./queries.ts";
import type {
  BulkResult,
  Document,
  Filters,
  Hit,
  IndexItem,
  Page,
  TextHits,
  VectorIndex,
} from "../types.ts";

/** Candidates that each shard looks at: this many, or a multiple of `k` where that is more. */
const MIN_CANDIDATES = 200;
const CANDIDATES_PER_HIT = 4;
/** A shard that cannot be asked is an error: without it, nearer documents could be missing. */
const SEARCH = "_search?allow_partial_search_results=false";
/** Different values that a facet tells of. */
const FACET_VALUES = 1000;

/** What an opened index is made of. */
export interface ServerIndexParts {
  readonly client: ServerClient;
  readonly dialect: Dialect;
  readonly admin: IndexAdmin;
  /** Of the server, such as `9.2.0`. */
  readonly version: string;
  readonly state: IndexState;
  readonly shape: VectorShape;
  /** Whether this run made the index. */
  readonly created: boolean;
  readonly mapping: Mapping | undefined;
  readonly concurrency: number;
  readonly onNotice: (text: string) => void;
}

/** An index on a server; {@linkcode openServerIndex} opens one. */
export class ServerIndex implements VectorIndex {
  readonly name: string;
  readonly kind: ServerKind;
  readonly #parts: ServerIndexParts;
  readonly #path: string;
  readonly #sender: BulkSender;
  readonly #loadMode: LoadMode;
  #dims: number | undefined;
  #model: string | undefined;
  #created: boolean;

  constructor(parts: ServerIndexParts) {
    const { admin, client, dialect, concurrency, onNotice } = parts;
    this.name = admin.name;
    this.kind = dialect.kind;
    this.#parts = parts;
    this.#path = `/${encodeURIComponent(this.name)}`;
    this.#sender = new BulkSender({ client, dialect, index: this.name, concurrency, onNotice });
    this.#loadMode = new LoadMode(admin);
    this.#dims = parts.shape.dims;
    this.#model = parts.state.mappings._meta?.maken?.model;
    this.#created = parts.created;
  }

  get dims(): number | undefined {
    return this.#dims;
  }

  get model(): string | undefined {
    return this.#model;
  }

  /** Version of the server, such as `9.2.0`. */
  get version(): string {
    return this.#parts.version;
  }

  /** Whether this run made the index, or made it anew. */
  get created(): boolean {
    return this.#created;
  }

  async generation(): Promise<string | undefined> {
    const uuid = (await orSetupError(this.#parts.admin.read()))?.settings.index.uuid;
    return uuid === undefined ? undefined : String(uuid);
  }

  async setModel(name: string): Promise<void> {
    await orSetupError(this.#parts.admin.setMeta({ model: name }));
    this.#model = name;
  }

  async count(filters?: Filters): Promise<number> {
    const body = { query: { bool: { filter: filterClauses(filters) } } };
    return (await this.#ask("_count", body, z.object({ count: z.number() }))).count;
  }

  async facet(field: "access"): Promise<ReadonlyMap<string, number>> {
    const body = { size: 0, aggs: { values: { terms: { field, size: FACET_VALUES } } } };
    const bucket = z.object({ key: z.string(), doc_count: z.number() });
    const values = z.object({ buckets: z.array(bucket) });
    const schema = z.object({ aggregations: z.object({ values }).optional() });
    const { aggregations } = await this.#ask(SEARCH, body, schema);
    const buckets = aggregations?.values.buckets ?? [];
    return new Map(buckets.map(({ key, doc_count }) => [key, doc_count]));
  }

  async bulk(items: readonly IndexItem[]): Promise<BulkResult[]> {
    const results = await orSetupError(this.#sender.send(items));
    this.#dims ??= items.find((_, i) => "result" in results[i]!)?.vector.length;
    return results;
  }

  async delete(ids: readonly string[]): Promise<void> {
    const usable = ids.filter(isUsableId);
    for (let start = 0; start < usable.length; start += WINDOW) {
      const lines = usable.slice(start, start + WINDOW)
        .map((_id) => `${JSON.stringify({ delete: { _id } })}\n`);
      const request: ServerRequest = {
        method: "POST",
        path: `${this.#path}/_bulk?filter_path=errors`,
        body: new TextEncoder().encode(lines.join("")),
        contentType: "application/x-ndjson",
      };
      const what = `delete from index "${this.name}"`;
      const answer = this.#parts.client.ask(what, request, z.object({ errors: z.boolean() }));
      const { errors } = await orSetupError(answer);
      if (errors) throw new SetupError(`Cannot ${what}: some documents were not deleted`);
    }
  }

  async clear(): Promise<void> {
    await orSetupError(this.#parts.admin.recreate(this.#parts.mapping));
    this.#dims = this.#parts.mapping?.dims ?? this.#parts.shape.dims;
    this.#model = undefined;
    this.#created = true;
    if (this.#loadMode.isOn) await this.beginLoad();
  }

  async refresh(): Promise<void> {
    await orSetupError(this.#send("POST", "_refresh", `refresh index "${this.name}"`));
  }

  async get(field: "id" | "filename", value: string): Promise<IndexItem | undefined> {
    const { client, dialect, version } = this.#parts;
    const query = dialect.vectorQuery(version);
    if (field === "filename") {
      const body = { query: { term: { filename: value } }, size: 1, sort: [BEST_FIRST[1]] };
      const source = z.object({ _source: storedItem.nullish() });
      const schema = z.object({ hits: z.object({ hits: z.array(source) }) });
      return toItem((await this.#ask(`${SEARCH}&${query}`, body, schema)).hits.hits[0]?._source);
    }
    if (!isUsableId(value)) return undefined;
    const path = `${this.#path}/_doc/${encodeURIComponent(value)}?${query}`;
    const request = { method: "GET", path, accept: [404] } as const;
    const schema = z.object({ found: z.boolean(), _source: storedItem.optional() });
    const what = `read index "${this.name}"`;
    return toItem((await orSetupError(client.ask(what, request, schema)))._source);
  }

  async nearest(vector: Float32Array, k: number, filters?: Filters): Promise<Hit[]> {
    const candidates = Math.min(WINDOW, Math.max(MIN_CANDIDATES, CANDIDATES_PER_HIT * k));
    // All candidates are sorted, so that of equally near ones the smaller ids are in.
    const { hits } = await this.#search(SEARCH, {
      ...this.#parts.dialect.knn(vector, candidates, filterClauses(filters)),
      size: Math.min(WINDOW, k),
      sort: BEST_FIRST,
      track_scores: true,
    });
    return hits.map(({ _score, _source }) => ({
      similarity: similarityOf(_score ?? 0),
      document: _source,
    }));
  }

  async text(words: string, { size, offset = 0, filters }: Page): Promise<TextHits> {
    const query = textQuery(words, filters);
    if (query === undefined) return { total: 0, documents: [] };
    const from = Math.min(offset, WINDOW);
    // Scores of all shards by the same measure: how rare a word is in the whole index.
    const { hits, total } = await this.#search(`${SEARCH}&search_type=dfs_query_then_fetch`, {
      query,
      from,
      size: Math.min(size, WINDOW - from),
      sort: BEST_FIRST,
      track_total_hits: true,
    });
    return { total: total?.value ?? 0, documents: hits.map(({ _source }) => _source) };
  }

  async random(size: number, filters?: Filters): Promise<readonly Document[]> {
    const query = randomQuery(filters);
    const { hits } = await this.#search(SEARCH, { query, size: Math.min(size, WINDOW) });
    return hits.map(({ _source }) => _source);
  }

  /**
   * Begins loading: nothing is refreshed, and an index that this run made has no replicas. A user
   * who may not change settings loads without.
   */
  async beginLoad(): Promise<void> {
    try {
      await this.#loadMode.begin(this.#created);
    } catch (error) {
      if (!(error instanceof SetupError || error instanceof HttpError)) throw error;
      this.#parts.onNotice(`${error.message}; loading goes on with the usual settings`);
    }
  }

  /** Ends loading: restores the settings and refreshes. Works after an interruption too. */
  async endLoad(): Promise<void> {
    if (this.#loadMode.isOn) await orSetupError(this.#loadMode.end());
    await orSetupError(this.#send("POST", "_refresh", `refresh index "${this.name}"`, true));
  }

  /** A warning if the cluster lacks the memory for so many documents; undefined if it does not. */
  async memoryWarning(documents: number): Promise<string | undefined> {
    const { client, dialect, admin, shape: { links } } = this.#parts;
    const memory = await orSetupError(clusterMemory(client, dialect));
    const state = await orSetupError(admin.read());
    const replicas = Number(
      state?.mappings._meta?.maken?.restore?.number_of_replicas ??
        state?.settings.index.number_of_replicas ?? 0,
    );
    return memoryWarning({ documents, dims: this.#dims ?? 0, links, replicas }, memory);
  }

  /** Loads the vectors into memory, so that the first searches are not slow. */
  async warmup(): Promise<void> {
    const [some] = await this.random(1);
    const item = some && await this.get("id", some.id);
    if (item === undefined) return;
    const request = this.#parts.dialect.warmup(encodeURIComponent(this.name), item.vector);
    await orSetupError(this.#parts.client.send(`warm up index "${this.name}"`, request));
  }

  /** Merges each shard into one segment: slow, and searches are faster after it. */
  async forcemerge(): Promise<void> {
    await orSetupError(this.#send("POST", "_forcemerge?max_num_segments=1", "merge segments"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#parts.client[Symbol.dispose]();
    return Promise.resolve();
  }

  async #search(path: string, body: object) {
    return (await this.#ask(path, { ...body, _source: WITHOUT_VECTOR }, searchAnswer)).hits;
  }

  async #ask<T>(path: string, body: object, schema: z.ZodType<T>): Promise<T> {
    const request = { method: "POST", path: `${this.#path}/${path}`, body } as const;
    return await orSetupError(
      this.#parts.client.ask(`read index "${this.name}"`, request, schema),
    );
  }

  async #send(method: "POST", path: string, what: string, always = false): Promise<void> {
    await this.#parts.client.send(what, { method, path: `${this.#path}/${path}`, always });
  }
}

function toItem(stored: z.infer<typeof storedItem> | null | undefined): IndexItem | undefined {
  if (stored === undefined || stored === null) return undefined;
  return { document: storedDocument.parse(stored), vector: Float32Array.from(stored.vector) };
}
