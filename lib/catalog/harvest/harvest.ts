/**
 * The order in which the pages of a query are fetched, so that each comes once and a lost one does
 * not end the harvest: by number, by number within spans of days, or by scroll.
 */
import type { CatalogClient, CatalogQuery } from "../client.ts";
import { byScroll } from "./by_scroll.ts";
import { bySpans } from "./by_spans.ts";
import type { HarvestPosition, Step } from "./step.ts";

/**
 * The steps of a harvest from a position on.
 *
 * @throws {HttpError} if the service does not answer, or refuses the query
 */
export function harvest(
  query: CatalogQuery,
  client: CatalogClient,
  start: HarvestPosition,
): AsyncGenerator<Step> {
  return start.mode === "scroll" ? byScroll(query, client, start) : bySpans(query, client, start);
}
