/** A query that may have more results than the service gives: by spans of days, page by page. */
import type { CatalogClient, CatalogQuery } from "../client.ts";
import type { Days } from "../days.ts";
import { byNumber } from "./by_number.ts";
import type { HarvestPosition, Step } from "./step.ts";

/** Pages by number; a query with more results than the service gives is split by days. */
export async function* bySpans(
  query: CatalogQuery,
  client: CatalogClient,
  start: HarvestPosition & { mode: "pages" },
): AsyncGenerator<Step> {
  let spans: readonly (Days | undefined)[] = start.spans ?? [undefined];
  let { page, of } = start;
  let whole: number | undefined;
  while (spans.length > 0) {
    const [days, ...others] = spans;
    const rest = others as Days[]; // only a query that is not split is without days
    const split = yield* byNumber(query, client, { page, days, rest, of, whole });
    if (days === undefined) whole = split?.of;
    spans = [...split?.halves ?? [], ...rest];
    page = 0;
    of = undefined;
  }
}
