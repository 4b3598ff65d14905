/** How many documents have each value of a field. */
import { z } from "zod";
import { wordsOf } from "../words.ts";
import type { Layout } from "./layout.ts";
import { valueClause } from "./queries.ts";
import { searchAnswer } from "./stored.ts";

/** Different values that a facet tells of. */
const FACET_VALUES = 1000;
/** The same, where each takes a request. */
const ASKED_VALUES = 50;
/** Documents whose values are compared one by one. */
const COMPARED = 1000;
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

/**
 * Number of documents for each value of `access`, most first.
 *
 * @param onLimit called where values with the same words may be counted together
 */
export async function facetCounts(
  layout: Layout,
  ask: Ask,
  onLimit: () => void,
): Promise<ReadonlyMap<string, number>> {
  const { whole, words } = layout.uses.access ?? {};
  const isKept = !layout.hidden.includes("access");
  const isCounted = whole?.isOrdered === true;
  if (isCounted && (whole.isExact || !isKept)) return await bucketCounts(whole.path, ask);
  if (!isKept || (whole === undefined && words === undefined)) return new Map();
  const size = Math.min(COMPARED, layout.window);
  const body = { size, track_total_hits: true, _source: ["access"] };
  const { hits, total } = (await ask("_search", body, searchAnswer)).hits;
  if ((total?.value ?? 0) > size) {
    if (whole?.isExact !== true) onLimit();
    return isCounted
      ? await bucketCounts(whole.path, ask)
      : await countsByAsking(layout, whole?.path ?? words!.path, ask);
  }
  const counts = new Map<string, number>();
  for (const { document: { access } } of hits) {
    if (access !== "") counts.set(access, (counts.get(access) ?? 0) + 1);
  }
  return mostFirst(counts);
}

async function bucketCounts(field: string, ask: Ask): Promise<ReadonlyMap<string, number>> {
  const aggs = { values: { terms: { field, size: FACET_VALUES } } };
  const { aggregations } = await ask("_search", { size: 0, aggs }, termsAnswer);
  const buckets = aggregations?.values.buckets ?? [];
  return new Map(buckets.map(({ key, doc_count }) => [key, doc_count]));
}

/**
 * The same for a field that cannot be counted by: looks for values until none is new. A value is
 * counted without the longer ones that have its words.
 */
async function countsByAsking(
  layout: Layout,
  field: string,
  ask: Ask,
): Promise<ReadonlyMap<string, number>> {
  const exists = { exists: { field } };
  const values = new Set<string>();
  const without = (others: readonly string[]) =>
    others.map((value) => valueClause(layout, "access", value));
  const look = async (filter: object, others: readonly string[]) => {
    const query = { bool: { filter, must_not: without(others) } };
    const body = { query, size: Math.min(LOOKED_AT, layout.window), _source: ["access"] };
    const { hits } = (await ask("_search", body, searchAnswer)).hits;
    const before = values.size;
    for (const { document: { access } } of hits) {
      if (access !== "" && values.size < ASKED_VALUES) values.add(access);
    }
    return values.size > before;
  };
  while (await look(exists, [...values]));
  const counts = new Map<string, number>();
  for (const value of values) { // those that are found on the way are counted too
    const clause = valueClause(layout, "access", value);
    while (await look(clause, longerThan(value, values)));
    const query = { bool: { filter: clause, must_not: without(longerThan(value, values)) } };
    counts.set(value, (await ask("_count", { query }, countAnswer)).count);
  }
  return mostFirst(counts);
}

/** Those of the values that have all words of this one, and more. */
function longerThan(value: string, values: ReadonlySet<string>): string[] {
  const words = ` ${wordsOf(value).join(" ")} `;
  return [...values].filter((other) => {
    const others = ` ${wordsOf(other).join(" ")} `;
    return others.length > words.length && others.includes(words);
  });
}

function mostFirst(counts: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map([...counts].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
}
