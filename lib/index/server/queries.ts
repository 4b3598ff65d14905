/** The bodies of searches. */
import { FILTER_FIELDS, type Filters } from "../types.ts";
import type { Layout } from "./layout.ts";
import type { DocumentField } from "./properties.ts";

/** What is left out of documents that are only shown. */
export const TO_SHOW = { excludes: ["vector", "words", "fingerprint"] };
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
  if (use === undefined) return { match_none: {} };
  return use.isWhole ? { term: { [use.path]: value } } : { match_phrase: { [use.path]: value } };
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
