/** The bodies of searches. */
import { FILTER_FIELDS, type Filters } from "../types.ts";
import { wordsOf } from "../words.ts";
import type { DocumentField, Layout } from "./layout.ts";

/** What is left out of documents that are only shown. */
export const TO_SHOW = { excludes: ["vector", "words"] };
/** What the beginning of a word counts for, where the whole word counts 1. */
const BEGINNING_BOOST = 0.1;
/** Words of a question that count: each makes clauses, of which a server takes about a thousand. */
const MAX_WORDS = 100;
/** Parts of a word with dots, hyphens and the like that count. */
const MAX_PARTS = 10;
/** How far into an ordered answer a server goes. */
export const WINDOW = 10_000;

/** The order of hits: best first; of equal ones the smaller id first, where the index can tell. */
export function bestFirst(layout: Layout): object[] {
  return [{ _score: "desc" }, ...byId(layout)];
}

/** The order by id; none where the index cannot tell. */
export function byId({ uses: { id } }: Layout): object[] {
  return id?.isOrdered ? [{ [id.path]: { order: "asc", unmapped_type: "keyword" } }] : [];
}

/** The query for documents with that value of a field. */
export function valueClause(
  { uses }: Pick<Layout, "uses">,
  field: DocumentField,
  value: string,
): object {
  const use = uses[field];
  const path = use?.path ?? field;
  return use?.isWhole === false ? { match_phrase: { [path]: value } } : { term: { [path]: value } };
}

/** The clauses that the wanted values of some fields make; all have to match. */
export function filterClauses(layout: Pick<Layout, "uses">, filters: Filters = {}): object[] {
  return FILTER_FIELDS.flatMap((field) => {
    const value = filters[field];
    return value === undefined ? [] : [valueClause(layout, field, value)];
  });
}

/**
 * The query for documents with all words, or words that begin so; whole words count for more.
 * Undefined if there is no word.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { layoutOf, OWN_PROPERTIES } from "./layout.ts";
 * const layout = layoutOf({ properties: OWN_PROPERTIES });
 * assert.equal(textQuery(layout, "- !", {}), undefined);
 * assert.equal(textQuery(layout, "Ski, Oslo", {})?.bool.must.length, 2);
 * ```
 */
export function textQuery(layout: Layout, text: string, filters: Filters | undefined) {
  const fields = layout.wordPaths;
  const words = wordsOf(text).slice(0, MAX_WORDS);
  if (words.length === 0) return undefined;
  if (fields.length + layout.wholePaths.length === 0) {
    return { bool: { must: [{ match_none: {} }] } };
  }
  const match = (query: string, type: "bool_prefix" | "cross_fields", boost: number) => ({
    multi_match: { query, type, boost, fields, operator: "and" },
  });
  // Where only whole values are kept, a word is looked for within them.
  const within = (query: string) =>
    layout.wholePaths.map((path) => ({
      wildcard: {
        [path]: {
          value: `*${query.replaceAll(/[\\*?]/g, "\\$&")}*`,
          case_insensitive: true,
          boost: BEGINNING_BOOST,
        },
      },
    }));
  const begins = (query: string): object => {
    if (fields.length + layout.wholePaths.length === 0) return { bool: { should: within(query) } };
    const clause = match(query, "bool_prefix", BEGINNING_BOOST);
    return layout.wholePaths.length === 0
      ? clause
      : { bool: { should: [clause, ...within(query)] } };
  };
  const must: object[] = layout.hasOwnWords ? words.map(begins) : chunksOf(text).map((forms) => {
    const parts = partsOf(forms[0]!).slice(0, MAX_PARTS);
    const isOne = parts.length === 1;
    const should = [...new Set([...forms, ...(isOne ? parts : [])])].map(begins);
    const apart = isOne ? [] : [{ bool: { must: parts.map(begins) } }];
    return { bool: { should: [...should, ...apart] } };
  });
  const whole = layout.hasOwnWords ? words.join(" ") : partsOf(text).join(" ");
  return {
    bool: {
      must,
      should: fields.length === 0 ? [] : [{
        multi_match: { query: whole, type: "cross_fields" as const, boost: 1, fields },
      }],
      filter: filterClauses(layout, filters),
    },
  };
}

/** What blanks part, each as it may have been written: an unknown analyzer sees more than we do. */
function chunksOf(text: string): string[][] {
  return text.split(/\s+/).filter((chunk) => partsOf(chunk).length > 0).slice(0, MAX_WORDS)
    .map((chunk) => [...new Set([chunk, chunk.normalize("NFC"), chunk.normalize("NFD")])]);
}

function partsOf(text: string): string[] {
  return text.match(/[\p{L}\p{N}\p{M}]+/gu)?.slice(0, MAX_WORDS) ?? [];
}

/** The query for some documents, others each time. */
export function randomQuery(layout: Layout, filters: Filters | undefined): object {
  return {
    function_score: {
      query: { bool: { filter: filterClauses(layout, filters) } },
      random_score: {},
      boost_mode: "replace",
    },
  };
}

/** The cosine that a score stands for: both servers give half of one more than it. */
export function similarityOf(score: number): number {
  return Math.min(1, Math.max(-1, 2 * score - 1));
}
