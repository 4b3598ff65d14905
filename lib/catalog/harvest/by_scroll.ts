/** Pages by the links of a scroll, and how a scroll that breaks off is made up for. */
import { HttpError } from "../../shared/errors.ts";
import { type CatalogClient, type CatalogQuery, pageUrl } from "../client.ts";
import type { SearchPage } from "../search_page.ts";
import { byNumber } from "./by_number.ts";
import { bySpans } from "./by_spans.ts";
import { canBeFirst, requireRecords } from "./lost_page.ts";
import { RESULT_WINDOW } from "./split.ts";
import { ScrollMemory } from "./scroll_memory.ts";
import type { HarvestPosition, Step } from "./step.ts";

/** Times that a scroll begins again without getting further than before. */
const MAX_FRUITLESS = 3;

/**
 * Pages by the service's `next` links, as long as they bring new records, whatever total it tells.
 * A scroll that breaks off before that total begins again and passes over what was seen; if it
 * breaks off at the same page again, that one and the others follow by number.
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
  let memory = new ScrollMemory();
  const broken = new Set<number>();
  let fruitless = 0; // restarts since it got further
  for (;;) {
    let fault: HttpError;
    try {
      if (url === undefined) throw scrollEnded(total! - taken);
      const page: SearchPage = await client.page(url);
      requireRecords(page, url, taken < page.totalElements);
      total = page.totalElements;
      const { fresh, hasNew, isOld } = memory.take(page.items);
      taken += fresh.length;
      const isRepeated = number < seen;
      const items = isRepeated ? page.items : fresh;
      const isOver = taken >= total &&
        (page.next === undefined || page.items.length === 0 || memory.isStuck);
      // After a crash while pages are passed over, the scroll had better begin again.
      const reached = hasNew ? number + 1 : number;
      const after: HarvestPosition | undefined = isOver
        ? undefined
        : isRepeated || page.next === undefined
        ? { mode: "scroll", page: Math.max(seen, reached) }
        : { mode: "scroll", page: reached, next: page.next, taken };
      const repeated = isRepeated || isOld;
      const records = items.length;
      yield { number, url, page: { ...page, items }, records, total, repeated, after };
      if (isOver) return;
      number = reached;
      const asked: string = url;
      url = page.next;
      if (!memory.isStuck) continue;
      fault = repeatedPage(asked);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      fault = error;
    }
    fruitless = number > seen ? 0 : fruitless + 1;
    seen = Math.max(seen, number);
    if (url === beginning && number === query.page) {
      // A new scroll may lose its first page; one that begins again is to be gone on with later.
      if (seen > query.page || !canBeFirst(fault)) throw fault;
      yield* bySpans(query, client, { mode: "pages", page: query.page });
      return;
    }
    if (broken.has(number) || fruitless > MAX_FRUITLESS) {
      yield* besidesScroll(query, client, { number: seen, taken, total, fault, memory });
      return;
    }
    broken.add(number);
    url = beginning;
    number = query.page;
    taken = number * query.size;
    memory = new ScrollMemory();
  }
}

function scrollEnded(records: number): HttpError {
  const message = `Cannot go on with the scroll: no next link, but ${records} more records`;
  return new HttpError(message, { code: "scroll_ended", url: "" });
}

function repeatedPage(url: string): HttpError {
  const message = `Cannot use the answer of ${url}: its records came on an earlier page`;
  return new HttpError(message, { code: "repeated_page", url, status: 200 });
}

/** Where a scroll has broken off for good. */
interface Break {
  readonly number: number;
  readonly taken: number;
  readonly total: number | undefined;
  readonly fault: HttpError;
  readonly memory: ScrollMemory;
}

/** The rest of a harvest whose scroll cannot get past a page: by number, or all by spans of days. */
async function* besidesScroll(
  query: CatalogQuery,
  client: CatalogClient,
  { number, taken, total, fault, memory }: Break,
): AsyncGenerator<Step> {
  const { url } = fault.info;
  if (total !== undefined && Math.max(total, taken) < RESULT_WINDOW) {
    const known = new Set(memory.recent);
    // The scroll's pages may have been smaller.
    const page = Math.min(number, Math.floor(taken / query.size));
    const rest = byNumber(query, client, { page, of: total, known, isOnce: true });
    for await (const step of rest) {
      // Where the scroll has come to its end, a page without records only says the same.
      if (fault.code !== "scroll_ended" || step.error?.code !== "empty_page") yield step;
    }
    const doubt = "the scroll ended before, and the pages by number do not hold them; " +
      "run the same command again";
    yield {
      ...{ number, url: pageUrl(query, query.page), doubt, records: Infinity },
      ...{ total, repeated: true, after: undefined },
    };
    return;
  }
  const after: HarvestPosition = { mode: "scroll", page: number };
  for await (const step of bySpans({ ...query, page: 0 }, client, { mode: "pages", page: 0 })) {
    if (step.page !== undefined) yield { ...step, total, repeated: true, after };
  }
  // What is still missing is lost by the scroll; nobody knows how much where the total is wrong.
  const records = total !== undefined && taken > total ? 1 : Infinity;
  yield { number, url, error: fault, records, total, repeated: false, after: undefined };
}
