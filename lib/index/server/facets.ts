/** How many documents have each value of a field. */
import { z } from "zod";
import type { FieldUse, Layout } from "./layout.ts";
import { valueClause } from "./queries.ts";
import { searchAnswer } from "./stored.ts";

/** Different values that a facet tells of. */
const FACET_VALUES = 1000;
/** The same, where each takes a request. */
const ASKED_VALUES = 50;
/** Documents that are looked at for further values at a time. */
const LOOKED_AT = 100;

/** Asks an index something by a body. */
export type Ask = <T>(
  path: "_search" | "_count",
  body: object,
  schema: z.ZodType<T>,
) => Promise<T>;

const bucket = z.object({ key: z.coerce.string(), doc_count: z.number() });
const termsAnswer = z.object({
  aggregations: z.object({ values: z.object({ buckets: z.array(bucket) }) }).optional(),
});
const countAnswer = z.object({ count: z.number() });

/** Number of documents for each value of `access`, most first. */
export async function facetCounts(layout: Layout, ask: Ask): Promise<ReadonlyMap<string, number>> {
  const use = layout.uses.access;
  if (use === undefined) return new Map();
  if (!use.isOrdered) return await countsByAsking(layout, use, ask);
  const aggs = { values: { terms: { field: use.path, size: FACET_VALUES } } };
  const { aggregations } = await ask("_search", { size: 0, aggs }, termsAnswer);
  const buckets = aggregations?.values.buckets ?? [];
  return new Map(buckets.map(({ key, doc_count }) => [key, doc_count]));
}

/** The same for a field that cannot be counted by: looks for values until none is new. */
async function countsByAsking(
  layout: Layout,
  use: FieldUse,
  ask: Ask,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  while (counts.size < ASKED_VALUES) {
    const must_not = [...counts.keys()].map((value) => valueClause(layout, "access", value));
    const query = { bool: { filter: [{ exists: { field: use.path } }], must_not } };
    const body = { query, size: LOOKED_AT, _source: ["access"] };
    const { hits } = (await ask("_search", body, searchAnswer)).hits;
    const values = new Set(hits.map(({ document }) => document.access));
    const fresh = [...values].filter((value) => value !== "" && !counts.has(value));
    if (fresh.length === 0) break;
    for (const value of fresh) {
      const body = { query: valueClause(layout, "access", value) };
      counts.set(value, (await ask("_count", body, countAnswer)).count);
    }
  }
  return new Map([...counts].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
}
