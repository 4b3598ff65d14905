/** Searches of an index of an Elasticsearch or OpenSearch cluster. */
import { z } from "zod";
import type { ServerClient } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { orSetupError } from "./errors.ts";
import { facetCounts } from "./facets.ts";
import { isUsableId } from "./identity.ts";
import type { Layout } from "./layout.ts";
import {
  bestFirst,
  byId,
  filterClauses,
  randomQuery,
  similarityOf,
  TO_SHOW,
  valueClause,
  WINDOW,
} from "./queries.ts";
import { documentAnswer, itemOf, searchAnswer, type StoredHit } from "./stored.ts";
import { textQuery } from "./word_query.ts";
import type { Document, Filters, Hit, IndexItem, Page, TextHits } from "../types.ts";

/** Candidates that each shard looks at: this many, or a multiple of `k` where that is more. */
const MIN_CANDIDATES = 200;
const CANDIDATES_PER_HIT = 4;
/** Documents among which the one is that has a value, where only words are compared. */
const SAME_WORDS = 20;
/** A shard that cannot be asked is an error: without it, nearer documents could be missing. */
const SEARCH = "_search?allow_partial_search_results=false";

const countAnswer = z.object({ count: z.number() });

/** What a {@linkcode IndexReader} works with. */
export interface ReaderParts {
  readonly client: ServerClient;
  readonly dialect: Dialect;
  /** Of the server, such as `9.2.0`. */
  readonly version: string;
  /** Name of the index. */
  readonly index: string;
  readonly layout: Layout;
}

/** Asks one index, as its mapping allows it. */
export class IndexReader {
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  async count(filters?: Filters): Promise<number> {
    const body = { query: { bool: { filter: filterClauses(this.#parts.layout, filters) } } };
    return (await this.#ask("_count", body, countAnswer)).count;
  }

  /** Number of documents for each value of `access`, most first. */
  facet(): Promise<ReadonlyMap<string, number>> {
    return facetCounts(
      this.#parts.layout,
      (path, body, schema) => this.#ask(path === "_count" ? path : SEARCH, body, schema),
    );
  }

  async get(field: "id" | "filename", value: string): Promise<IndexItem | undefined> {
    if (value === "") return undefined;
    if (field === "id" && isUsableId(value)) {
      const found = await this.#getDirectly(value);
      if (found?.document.id === value) return itemOf(found);
    }
    const { layout } = this.#parts;
    const use = layout.uses[field];
    if (use === undefined) return undefined;
    const hits = await this.#whole({
      query: valueClause(layout, field, value),
      size: use.isWhole ? 1 : SAME_WORDS,
      ...sorted(byId(layout)),
    });
    return itemOf(hits.find(({ document }) => document[field] === value));
  }

  async nearest(vector: Float32Array, k: number, filters?: Filters): Promise<Hit[]> {
    const { dialect, version, layout } = this.#parts;
    const candidates = Math.min(WINDOW, Math.max(MIN_CANDIDATES, CANDIDATES_PER_HIT * k));
    const isOrdered = byId(layout).length > 0;
    // All candidates are sorted, so that of equally near ones the smaller ids are in.
    const { hits } = await this.#search(SEARCH, {
      ...dialect.knn(
        vector,
        candidates,
        filterClauses(layout, filters),
        layout.isShortened,
        version,
      ),
      size: Math.min(WINDOW, isOrdered ? k : candidates),
      sort: bestFirst(layout),
      track_scores: true,
    });
    if (!isOrdered) hits.sort(nearerFirst);
    return hits.slice(0, k).map(({ score, document }) => ({
      similarity: similarityOf(score),
      document,
    }));
  }

  async text(words: string, { size, offset = 0, filters }: Page): Promise<TextHits> {
    const { layout } = this.#parts;
    const query = textQuery(layout, words, filters);
    if (query === undefined) return { total: 0, documents: [] };
    const from = Math.min(offset, WINDOW);
    // Scores of all shards by the same measure: how rare a word is in the whole index.
    const { hits, total } = await this.#search(`${SEARCH}&search_type=dfs_query_then_fetch`, {
      query,
      from,
      size: Math.min(size, WINDOW - from),
      sort: bestFirst(layout),
      track_total_hits: true,
    });
    return { total: total?.value ?? 0, documents: hits.map(({ document }) => document) };
  }

  async random(size: number, filters?: Filters): Promise<readonly Document[]> {
    const query = randomQuery(this.#parts.layout, filters);
    const { hits } = await this.#search(SEARCH, { query, size: Math.min(size, WINDOW) });
    return hits.map(({ document }) => document);
  }

  /** The document that has this `_id`. */
  async #getDirectly(id: string): Promise<StoredHit | undefined> {
    const { client, dialect, version, index, layout } = this.#parts;
    if (layout.isVectorApart) return (await this.#whole({ query: { ids: { values: [id] } } }))[0];
    const query = dialect.vectorQuery(version);
    const path = `/${encodeURIComponent(index)}/_doc/${encodeURIComponent(id)}?${query}`;
    const request = { method: "GET", path, accept: [404] } as const;
    const answer = client.ask(`read index "${index}"`, request, documentAnswer);
    const found = await orSetupError(answer);
    return found.found ? found : undefined;
  }

  /** Documents with their vectors. */
  async #whole(body: object): Promise<StoredHit[]> {
    const { dialect, version, layout } = this.#parts;
    const path = `${SEARCH}&${layout.isVectorApart ? "" : dialect.vectorQuery(version)}`;
    const fields = layout.isVectorApart ? { ...dialect.vectorFields, _source: true } : {};
    return (await this.#ask(path, { ...body, ...fields }, searchAnswer)).hits.hits;
  }

  async #search(path: string, body: object) {
    return (await this.#ask(path, { ...body, _source: TO_SHOW }, searchAnswer)).hits;
  }

  async #ask<T>(path: string, body: object, schema: z.ZodType<T>): Promise<T> {
    const { client, index } = this.#parts;
    const request = {
      method: "POST",
      path: `/${encodeURIComponent(index)}/${path}`,
      body,
    } as const;
    return await orSetupError(client.ask(`read index "${index}"`, request, schema));
  }
}

/** The part of a search's body that orders hits, if they are to be ordered. */
function sorted(sort: readonly object[]): object {
  return sort.length === 0 ? {} : { sort };
}

function nearerFirst(a: StoredHit, b: StoredHit): number {
  return b.score - a.score || (a.document.id < b.document.id ? -1 : 1);
}
