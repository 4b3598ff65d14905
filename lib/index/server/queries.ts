/** The bodies of searches. */
import { type Document, FILTER_FIELDS, type Filters } from "../types.ts";
import type { Layout } from "./layout.ts";
import type { DocumentField } from "./properties.ts";

/** What is left out of documents that are only shown. */
export const TO_SHOW = { excludes: ["vector", "words", "fingerprint"] };

/** The order of hits: best first; of equal ones the smaller id first, where the index can tell. */
export function bestFirst(layout: Layout): object[] {
  return [{ _score: "desc" }, ...byId(layout)];
}

/** The order by id; none where the index cannot tell. */
export function byId({ uses: { id } }: Layout): object[] {
  if (!id?.whole?.isOrdered) return [];
  return [{ [id.whole.path]: { order: "asc", unmapped_type: "keyword" } }];
}

/** Whether documents with that value of a field can be found. */
export function isFindable(
  { uses }: Pick<Layout, "uses">,
  field: DocumentField,
  value: string,
): boolean {
  const { whole, words } = uses[field] ?? {};
  return words !== undefined || (whole !== undefined && value.length <= whole.longest);
}

/** Whether {@linkcode valueClause} finds no others than documents with just that value. */
export function isExact(
  { uses }: Pick<Layout, "uses">,
  field: DocumentField,
  value: string,
): boolean {
  const { whole } = uses[field] ?? {};
  return whole !== undefined && whole.isExact && value.length <= whole.longest;
}

/**
 * The query for documents with that value of a field, and no others where the field allows it:
 * where only words are there, all documents with the same words one after the other.
 */
export function valueClause(
  { uses }: Pick<Layout, "uses">,
  field: DocumentField,
  value: string,
): object {
  const { whole, words } = uses[field] ?? {};
  if (whole !== undefined && (value.length <= whole.longest || words === undefined)) {
    return { term: { [whole.path]: value } };
  }
  if (words === undefined) return { match_none: {} };
  const { path, analyzer, hasPositions } = words;
  // A value in which the analyzer sees no word is among all documents.
  const asked = { query: value, analyzer, zero_terms_query: "all" };
  return hasPositions
    ? { match_phrase: { [path]: asked } }
    : { match: { [path]: { ...asked, operator: "and" } } };
}

/**
 * Whether a document has the wanted values, where {@linkcode filterClauses} finds others as well;
 * undefined where it does not.
 */
export function comparison(
  layout: Pick<Layout, "uses" | "hidden">,
  filters: Filters = {},
): ((document: Document) => boolean) | undefined {
  const wanted = FILTER_FIELDS.flatMap((field) => {
    const value = filters[field];
    const isSure = value === undefined || layout.hidden.includes(field) ||
      !isFindable(layout, field, value) || isExact(layout, field, value);
    return isSure ? [] : [{ field, value }];
  });
  if (wanted.length === 0) return undefined;
  return (document) => wanted.every(({ field, value }) => [document[field]].flat().includes(value));
}

/** The clauses that the wanted values of some fields make; all have to match. */
export function filterClauses(layout: Pick<Layout, "uses">, filters: Filters = {}): object[] {
  return FILTER_FIELDS.flatMap((field) => {
    const value = filters[field];
    return value === undefined ? [] : [valueClause(layout, field, value)];
  });
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
