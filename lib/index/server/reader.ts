/** Searches of an index of an Elasticsearch or OpenSearch cluster. */
import { z } from "zod";
import { SetupError } from "../../shared/errors.ts";
import type { ServerClient } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { orSetupError } from "./errors.ts";
import { facetCounts } from "./facets.ts";
import { isUsableId } from "./identity.ts";
import type { Layout } from "./layout.ts";
import {
  bestFirst,
  byId,
  comparison,
  filterClauses,
  isExact,
  randomQuery,
  similarityOf,
  TO_SHOW,
  valueClause,
} from "./queries.ts";
import { documentAnswer, itemOf, searchAnswer, type StoredHit } from "./stored.ts";
import { textQuery } from "./word_query.ts";
import {
  type Document,
  FILTER_FIELDS,
  type Filters,
  type Hit,
  type IndexItem,
  type Page,
  type TextHits,
} from "../types.ts";

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
  readonly onNotice: (text: string) => void;
}

type Fits = (document: Document) => boolean;

/** Asks one index, as its mapping allows it. */
export class IndexReader {
  readonly #parts: ReaderParts;
  #hasToldLimit = false;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  async count(filters?: Filters): Promise<number> {
    const { layout } = this.#parts;
    const query = { bool: { filter: filterClauses(layout, filters) } };
    const fits = comparison(layout, filters);
    if (fits === undefined) return (await this.#ask("_count", { query }, countAnswer)).count;
    const body = { query, size: layout.window, track_total_hits: true, _source: FILTER_FIELDS };
    const { hits, total } = (await this.#ask(SEARCH, body, searchAnswer)).hits;
    return this.#totalOf(hits, total?.value ?? 0, fits);
  }

  /** Number of documents for each value of `access`, most first. */
  facet(): Promise<ReadonlyMap<string, number>> {
    return facetCounts(
      this.#parts.layout,
      (path, body, schema) => this.#ask(path === "_count" ? path : SEARCH, body, schema),
      () => this.#tellLimit(),
    );
  }

  async get(field: "id" | "filename", value: string): Promise<IndexItem | undefined> {
    if (value === "") return undefined;
    if (field === "id" && isUsableId(value)) {
      const found = await this.#getDirectly(value);
      if (found?.document.id === value) return itemOf(found);
    }
    const { layout } = this.#parts;
    if (layout.uses[field] === undefined) return undefined;
    const isOnly = isExact(layout, field, value);
    const few = Math.min(SAME_WORDS, layout.window);
    const body = { query: valueClause(layout, field, value), ...sorted(byId(layout)) };
    const hits = await this.#whole({ ...body, size: isOnly ? 1 : few });
    if (isOnly && hits[0] !== undefined && layout.hidden.includes(field)) {
      return itemOf({ ...hits[0], document: { ...hits[0].document, [field]: value } });
    }
    const found = itemOf(hits.find(({ document }) => document[field] === value));
    if (found !== undefined || hits.length < few) return found;
    return await this.#getAmongMany(field, value, body);
  }

  async nearest(vector: Float32Array, k: number, filters?: Filters): Promise<Hit[]> {
    const { dialect, version, layout } = this.#parts;
    const isOrdered = byId(layout).length > 0;
    const fits = comparison(layout, filters);
    const least = Math.max(MIN_CANDIDATES, CANDIDATES_PER_HIT * k);
    const hits = await this.#fitting(k, least, fits, async (candidates) => {
      // All candidates are sorted, so that of equally near ones the smaller ids are in.
      const { hits } = await this.#search(SEARCH, {
        ...dialect.knn(
          vector,
          candidates,
          filterClauses(layout, filters),
          layout.isShortened,
          version,
        ),
        size: isOrdered && fits === undefined ? Math.min(candidates, k) : candidates,
        sort: bestFirst(layout),
        track_scores: true,
      });
      return isOrdered ? hits : hits.sort(nearerFirst);
    });
    return hits.map(({ score, document }) => ({ similarity: similarityOf(score), document }));
  }

  async text(words: string, { size, offset = 0, filters }: Page): Promise<TextHits> {
    const { layout } = this.#parts;
    const query = textQuery(layout, words, filters);
    if (query === undefined) return { total: 0, documents: [] };
    const fits = comparison(layout, filters);
    const from = Math.min(offset, layout.window);
    const count = Math.min(size, layout.window - from);
    // Scores of all shards by the same measure: how rare a word is in the whole index.
    const { hits, total } = await this.#search(`${SEARCH}&search_type=dfs_query_then_fetch`, {
      query,
      from: fits === undefined ? from : 0,
      size: fits === undefined ? count : layout.window,
      sort: bestFirst(layout),
      track_total_hits: true,
    });
    const found = fits === undefined
      ? hits
      : hits.filter(({ document }) => fits(document)).slice(from, from + count);
    const all = total?.value ?? 0;
    return {
      total: fits === undefined ? all : this.#totalOf(hits, all, fits),
      documents: found.map(({ document }) => document),
    };
  }

  async random(size: number, filters?: Filters): Promise<readonly Document[]> {
    const { layout } = this.#parts;
    const query = randomQuery(layout, filters);
    const fits = comparison(layout, filters);
    const least = fits === undefined ? size : Math.max(MIN_CANDIDATES, CANDIDATES_PER_HIT * size);
    const hits = await this.#fitting(
      size,
      least,
      fits,
      async (size) => (await this.#search(SEARCH, { query, size })).hits,
    );
    return hits.map(({ document }) => document);
  }

  /**
   * The first hits that fit: among a few, then among as many as the index gives, where a field that
   * they are chosen by holds only words.
   */
  async #fitting(
    count: number,
    least: number,
    fits: Fits | undefined,
    ask: (size: number) => Promise<StoredHit[]>,
  ): Promise<StoredHit[]> {
    const { window } = this.#parts.layout;
    for (const size of new Set([Math.min(least, window), window])) {
      const hits = await ask(size);
      if (fits === undefined) return hits.slice(0, count);
      const found = hits.filter(({ document }) => fits(document)).slice(0, count);
      if (found.length === count || hits.length < size) return found;
      if (size < window) continue;
      this.#tellLimit();
      return found;
    }
    return [];
  }

  /** How many of all hits fit, of which these are the first. */
  #totalOf(hits: readonly StoredHit[], total: number, fits: Fits): number {
    if (hits.length < total) this.#tellLimit();
    return total - hits.filter(({ document }) => !fits(document)).length;
  }

  #tellLimit(): void {
    if (this.#hasToldLimit) return;
    this.#hasToldLimit = true;
    const { index, layout, onNotice } = this.#parts;
    const fields = FILTER_FIELDS.filter((field) =>
      layout.uses[field]?.whole?.isExact === false ||
      layout.uses[field]?.words !== undefined && layout.uses[field]?.whole === undefined
    );
    onNotice(
      `Index "${index}" keeps ${fields.join(", ")} by words: of more than ${layout.window} ` +
        "documents, only so many are compared by whole values; in an index that keeps them as " +
        "keywords all are",
    );
  }

  /** The document with that value among all those with its words. */
  async #getAmongMany(
    field: "id" | "filename",
    value: string,
    body: object,
  ): Promise<IndexItem | undefined> {
    const { index, layout: { window } } = this.#parts;
    const asked = { ...body, size: window, _source: [field] };
    const { hits } = (await this.#ask(SEARCH, asked, searchAnswer)).hits;
    const found = hits.find(({ document }) => document[field] === value);
    if (found !== undefined) {
      const places = await this.#whole({ query: { ids: { values: [found._id] } } });
      return itemOf(places.find(({ document }) => document[field] === value));
    }
    if (hits.length < window) return undefined;
    throw new SetupError(
      `Cannot find ${field} "${value}" in index "${index}": ${window} or more documents have the ` +
        `same words in that field; an index that keeps it as keyword finds it`,
    );
  }

  /** The document that has this `_id`. */
  async #getDirectly(id: string): Promise<StoredHit | undefined> {
    const { client, dialect, version, index, layout } = this.#parts;
    if (layout.isVectorApart || layout.isRouted) {
      return (await this.#whole({ query: { ids: { values: [id] } } }))[0];
    }
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
