/** The bodies of searches, and what their answers hold. */
import { z } from "zod";
import { type Document, FILTER_FIELDS, type Filters } from "../types.ts";

/** Fields of text: whole values are compared in a part of their own. */
const TEXT_FIELDS = ["title", "creators", "subject"];
/** Best first; of equal ones the smaller id first. */
export const BEST_FIRST = [{ _score: "desc" }, { id: { order: "asc", unmapped_type: "keyword" } }];
/** A document without its vector. */
export const WITHOUT_VECTOR = { excludes: ["vector"] };
/** What the beginning of a word counts for, where the whole word counts 1. */
const BEGINNING_BOOST = 0.1;
/** Words of a question that count: each makes clauses, of which a server takes about a thousand. */
const MAX_WORDS = 100;
/** How far into an ordered answer a server goes. */
export const WINDOW = 10_000;

const word = z.string().catch("");
const words = z.preprocess(
  (value) => typeof value === "string" ? [value] : value,
  z.array(z.string()).catch([]),
);
/** A document as an index holds it; its vector is extra. */
export const storedDocument = z.object({
  id: z.string(),
  filename: word,
  access: word,
  title: word,
  creators: words,
  subject: words,
  license: word,
  date: word,
  thumbnail: word,
}) satisfies z.ZodType<Document>;

const hit = z.object({ _score: z.number().nullable(), _source: storedDocument });
/** Answer to a search. */
export const searchAnswer = z.object({
  hits: z.object({
    total: z.object({ value: z.number() }).optional(),
    hits: z.array(hit),
  }),
});
/** A document with its vector. */
export const storedItem = storedDocument.extend({ vector: z.array(z.number()) });

/** The clauses that the wanted values of some fields make; all have to match. */
export function filterClauses(filters: Filters = {}): object[] {
  return FILTER_FIELDS.flatMap((field) => {
    const value = filters[field];
    const path = TEXT_FIELDS.includes(field) ? `${field}.raw` : field;
    return value === undefined ? [] : [{ term: { [path]: value } }];
  });
}

/**
 * The query for documents with all words, or words that begin so; whole words count for more.
 * Undefined if there is no word.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(textQuery("- !", {}), undefined);
 * assert.equal(textQuery("Ski, Oslo", {})?.bool.must.length, 2);
 * ```
 */
export function textQuery(text: string, filters: Filters | undefined) {
  const found = text.match(/[\p{L}\p{N}\p{M}]+/gu)?.slice(0, MAX_WORDS);
  if (found === undefined) return undefined;
  const match = (query: string, type: "bool_prefix" | "cross_fields", boost: number) => ({
    multi_match: { query, type, boost, fields: TEXT_FIELDS },
  });
  return {
    bool: {
      must: found.map((part) => match(part, "bool_prefix", BEGINNING_BOOST)),
      should: [match(found.join(" "), "cross_fields", 1)],
      filter: filterClauses(filters),
    },
  };
}

/** The query for some documents, others each time. */
export function randomQuery(filters: Filters | undefined): object {
  return {
    function_score: {
      query: { bool: { filter: filterClauses(filters) } },
      random_score: {},
      boost_mode: "replace",
    },
  };
}

/** The cosine that a score stands for: both servers give half of one more than it. */
export function similarityOf(score: number): number {
  return Math.min(1, Math.max(-1, 2 * score - 1));
}
