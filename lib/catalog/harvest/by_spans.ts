/** A query that may have more results than the service gives: by spans of days, page by page. */
import { HttpError } from "../../shared/errors.ts";
import { type CatalogClient, type CatalogQuery, pageUrl } from "../client.ts";
import type { Days } from "../days.ts";
import { byNumber } from "./by_number.ts";
import { idsOf } from "./ids.ts";
import type { HarvestPosition, Step } from "./step.ts";

/** Pages by number; a query with more results than the service gives is split by days. */
export async function* bySpans(
  query: CatalogQuery,
  client: CatalogClient,
  start: HarvestPosition & { mode: "pages" },
): AsyncGenerator<Step> {
  let spans: readonly (Days | undefined)[] = start.spans ?? [undefined];
  let { page, of, again = 0, pass } = start;
  let known = idsOf(pass?.ids ?? "");
  let whole: number | undefined;
  while (spans.length > 0) {
    const [days, ...others] = spans;
    const rest = others as Days[]; // only a query that is not split is without days
    const part = { page, days, rest, of, whole, known, again, pass };
    const split = yield* byNumber(query, client, part);
    if (days === undefined) whole = split?.of;
    again = Math.max(0, again - 1) + (split?.isAgain ? 2 : 0);
    if (again === 0) known = new Set();
    spans = [...split?.halves ?? [], ...rest];
    page = 0;
    of = pass = undefined;
    if (spans.length === 0 && days !== undefined) yield await lackOf(query, client);
  }
}

/** What the whole query has more than its spans: records without a date, or such as were added. */
async function lackOf(query: CatalogQuery, client: CatalogClient): Promise<Step> {
  const number = query.page;
  const url = pageUrl({ ...query, scroll: false }, number);
  let total: number | undefined;
  try {
    total = (await client.page(url)).totalElements;
  } catch (error) {
    if (!(error instanceof HttpError)) throw error; // then what it told before counts
  }
  const doubt = "they came in no span of days of firstDigitalContentTime; use --scroll, " +
    "or run the same command again";
  return { number, url, doubt, records: Infinity, total, repeated: true, after: undefined };
}
