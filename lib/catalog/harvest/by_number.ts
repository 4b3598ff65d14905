/** Pages of one query by their numbers. */
import { HttpError } from "../../shared/errors.ts";
import { type CatalogClient, type CatalogQuery, pageUrl } from "../client.ts";
import { type Days, halve, spanOf } from "../days.ts";
import { totalBesides } from "./lost_page.ts";
import { PageChecker } from "./page_checker.ts";
import type { HarvestPosition, Step } from "./step.ts";

/** Results that the service gives of one query without scroll. */
export const RESULT_WINDOW = 10_000;

/** A query of {@linkcode byNumber}. */
interface Numbered {
  /** First page. */
  readonly page: number;
  readonly days?: Days | undefined;
  /** Spans that come after it. */
  readonly rest?: readonly Days[];
  /** Records of it, where they are known. */
  readonly of?: number | undefined;
  /** Records of the query that it is a part of, where they are known. */
  readonly whole?: number | undefined;
}

/** What becomes of a query that is too large. */
interface Split {
  readonly halves: readonly [Days, Days];
  readonly of: number;
}

/** Pages of one query by number; gives its halves in their place if it must be split. */
export async function* byNumber(
  query: CatalogQuery,
  client: CatalogClient,
  { page: first, days, rest = [], of, whole }: Numbered,
): AsyncGenerator<Step, Split | undefined> {
  const urlOf = (number: number) => pageUrl({ ...query, scroll: false }, number, days);
  const checker = new PageChecker();
  let size = query.size; // the service may have a smaller one
  for (let number = first;; number++) {
    const url = urlOf(number);
    let result: Pick<Step, "page" | "error">;
    try {
      const page = await client.page(url);
      of = page.totalElements;
      size = page.size ?? size;
      checker.check(page, url, number * size < of);
      result = { page };
    } catch (error) {
      const neighbours = [urlOf(number + 1), urlOf(Math.max(0, number - 1))];
      of = await totalBesides(error, of, neighbours, client);
      result = { error: error as HttpError };
    }
    const wanted = Math.min(of, query.max + query.page * size);
    if (number === 0 && wanted > RESULT_WINDOW) {
      const halves = halve(days ?? spanOf(query.filters));
      if (halves !== undefined) return { halves, of };
    }
    const isLast = (number + 1) * size >= of;
    const isOutOfReach = !isLast && (number + 2) * size > RESULT_WINDOW;
    const next: HarvestPosition = days === undefined
      ? { mode: "pages", page: number + 1, of }
      : { mode: "pages", page: number + 1, of, spans: [days, ...rest] };
    const end: HarvestPosition | undefined = rest.length > 0
      ? { mode: "pages", page: 0, spans: rest }
      : undefined;
    const records = result.page?.items.length ?? Math.max(0, Math.min(size, of - number * size));
    const total = days === undefined ? of : whole;
    const after = isLast ? end : isOutOfReach ? undefined : next;
    yield { ...result, number, url, records, total, repeated: false, after };
    if (isOutOfReach) yield outOfReach(url, number + 1, of - (number + 1) * size, end);
    if (isLast || isOutOfReach) return undefined;
  }
}

function outOfReach(url: string, number: number, records: number, after?: HarvestPosition): Step {
  const message = `Cannot get the last ${records} records of ${url}: ` +
    `the service gives ${RESULT_WINDOW} of a query; use --scroll`;
  const error = new HttpError(message, { code: "result_window", url });
  return { number, url, error, records, total: undefined, repeated: false, after };
}
