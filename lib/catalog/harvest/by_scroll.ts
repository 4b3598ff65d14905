/** Pages by the links of a scroll, and how a scroll that breaks off is made up for. */
import { HttpError } from "../../shared/errors.ts";
import { type CatalogClient, type CatalogQuery, pageUrl, type ResultPage } from "../client.ts";
import { byNumber, RESULT_WINDOW } from "./by_number.ts";
import { bySpans } from "./by_spans.ts";
import { canBeFirst } from "./lost_page.ts";
import { PageChecker } from "./page_checker.ts";
import type { HarvestPosition, Step } from "./step.ts";

/**
 * Pages by the service's `next` links. A scroll that breaks off begins again and passes over what
 * was seen; if it breaks off at the same page again, that one and the others follow by number.
 */
export async function* byScroll(
  query: CatalogQuery,
  client: CatalogClient,
  start: HarvestPosition & { mode: "scroll" },
): AsyncGenerator<Step> {
  const beginning = pageUrl(query, query.page);
  let url: string | undefined = start.next ?? beginning;
  let number = start.next === undefined ? query.page : start.page;
  let taken = start.taken ?? number * query.size; // records up to here, in this scroll
  let seen = start.page;
  let total: number | undefined;
  let checker = new PageChecker();
  const broken = new Set<number>();
  while (total === undefined || taken < total) {
    let page: ResultPage;
    try {
      if (url === undefined) throw scrollEnded(total! - taken);
      page = await client.page(url);
      checker.check(page, url, taken < page.totalElements);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      seen = Math.max(seen, number);
      if (url === beginning) {
        // A new scroll may lose its first page; one that begins again is to be gone on with later.
        if (seen > query.page || !canBeFirst(error)) throw error;
        yield* bySpans(query, client, { mode: "pages", page: query.page });
        return;
      }
      if (broken.has(number)) {
        yield* besidesScroll(query, client, seen, total, error);
        return;
      }
      broken.add(number);
      url = beginning;
      number = query.page;
      taken = number * query.size;
      checker = new PageChecker();
      continue;
    }
    total = page.totalElements;
    taken += page.items.length;
    const repeated = number < seen;
    // After a crash while pages are passed over, the scroll had better begin again.
    const after: HarvestPosition | undefined = taken >= total
      ? undefined
      : repeated || page.next === undefined
      ? { mode: "scroll", page: Math.max(seen, number + 1) }
      : { mode: "scroll", page: number + 1, next: page.next, taken };
    yield { number, url, page, records: page.items.length, total, repeated, after };
    number++;
    url = page.next;
  }
}

function scrollEnded(records: number): HttpError {
  const message = `Cannot go on with the scroll: no next link, but ${records} more records`;
  return new HttpError(message, { code: "scroll_ended", url: "" });
}

/** The rest of a harvest whose scroll cannot get past a page: by number, or all by spans of days. */
async function* besidesScroll(
  query: CatalogQuery,
  client: CatalogClient,
  number: number,
  total: number | undefined,
  error: HttpError,
): AsyncGenerator<Step> {
  if (total !== undefined && total <= RESULT_WINDOW) {
    yield* byNumber(query, client, { page: number, of: total });
    return;
  }
  const after: HarvestPosition = { mode: "scroll", page: number };
  for await (const step of bySpans({ ...query, page: 0 }, client, { mode: "pages", page: 0 })) {
    if (step.page !== undefined) yield { ...step, total, repeated: true, after };
  }
  const { url } = error.info; // what is still missing is lost by the scroll
  yield { number, url, error, records: Infinity, total, repeated: false, after: undefined };
}
