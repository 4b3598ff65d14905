/** When a query is asked for by halves of its days. */
import { HttpError } from "../../shared/errors.ts";
import { type CatalogClient, type CatalogQuery, pageUrl } from "../client.ts";
import { type Days, halve, NO_DAYS, spanOf } from "../days.ts";

/** Results that the service gives of one query without scroll. */
export const RESULT_WINDOW = 10_000;

/** Pages that are all asked for again; of more, each half of the days: most days do not change. */
const FEW_PAGES = 20;

/** The halves of a query that is too large, or whose results change. */
export interface Split {
  readonly halves: readonly [Days, Days];
  /** Records of the query. */
  readonly of: number;
  /** Whether the halves are only asked for what the query did not bring. */
  readonly isAgain: boolean;
}

/** What is known of a query of one span of days, or of all. */
export interface Extent {
  readonly days: Days | undefined;
  /** Records of it, as the service tells. */
  readonly of: number;
  /** Records a page. */
  readonly size: number;
}

/**
 * The halves of a query that has more than the service gives, if the service knows days.
 *
 * @param isAgain whether the query itself is only asked for what another did not bring
 */
export async function splitIfTooLarge(
  query: CatalogQuery,
  client: CatalogClient,
  { days, of, size }: Extent,
  isAgain: boolean,
): Promise<Split | undefined> {
  // A service that tells of just as many as it gives may have more.
  const total = of === RESULT_WINDOW ? Infinity : of;
  if (Math.min(total, query.max + query.page * size) <= RESULT_WINDOW) return undefined;
  const halves = halve(days ?? spanOf(query.filters));
  if (halves === undefined) return undefined;
  if (days === undefined && !await heedsDays(query, client)) return undefined;
  return { halves, of, isAgain };
}

/** Whether the service leaves out what is of other days: if not, halves would be halved for ever. */
async function heedsDays(query: CatalogQuery, client: CatalogClient): Promise<boolean> {
  try {
    const { items } = await client.page(pageUrl({ ...query, scroll: false }, 0, NO_DAYS));
    return items.length === 0;
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return error.info.retry === true; // the halves tell whether it answers again
  }
}

/** The halves of a query with many pages whose results have changed, if all its records are in them. */
export async function splitIfChanged(
  query: CatalogQuery,
  client: CatalogClient,
  { days, of, size }: Extent,
): Promise<Split | undefined> {
  const halves = halve(days ?? spanOf(query.filters));
  if (halves === undefined || of <= FEW_PAGES * size) return undefined;
  const split = { halves, of, isAgain: true };
  if (days !== undefined) return split;
  if (query.page > 0) return undefined;
  let dated = 0; // records without a date are in no span
  for (const half of halves) {
    try {
      dated += (await client.page(pageUrl({ ...query, scroll: false }, 0, half))).totalElements;
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      return undefined; // the service knows no days
    }
  }
  // Far more of them, and the service pays no heed to the days.
  return dated < of || dated > 1.5 * of ? undefined : split;
}
