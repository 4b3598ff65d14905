/**
 * The order in which the pages of a query are fetched, so that each comes once and a lost one does
 * not end the harvest: by number, by number within spans of days, or by scroll.
 */
import { HttpError } from "../shared/errors.ts";
import { type CatalogClient, type Page, pageUrl, type Query } from "./client.ts";
import { type Days, halve, spanOf } from "./days.ts";

/** Results that the service gives of one query without scroll. */
export const RESULT_WINDOW = 10_000;

/** Where a harvest goes on. */
export type Position =
  | {
    readonly mode: "pages";
    /** Next page of the first span. */
    readonly page: number;
    /** Spans that are left; undefined while the query is not split. */
    readonly spans?: readonly Days[];
  }
  | {
    readonly mode: "scroll";
    /** Pages that were seen. */
    readonly page: number;
    /** Address of the next page; undefined where the scroll begins, or begins again. */
    readonly next?: string;
    /** Records before it. */
    readonly taken?: number;
  };

/** A page, or one that could not be had. */
export interface Step {
  /** Number of the page in its query, from 0. */
  readonly number: number;
  readonly url: string;
  /** Undefined if the page is lost: `error` says why. */
  readonly page?: Page;
  readonly error?: HttpError;
  /** Records on the page, or that were expected on it. */
  readonly records: number;
  /** Records that match the whole query, where that is known. */
  readonly total: number | undefined;
  /** Whether the page was seen earlier, before the scroll began again. */
  readonly repeated: boolean;
  /** Where the harvest goes on after it; undefined at its end. */
  readonly after: Position | undefined;
}

/**
 * The steps of a harvest from a position on.
 *
 * @throws {HttpError} if the service does not answer, or refuses the query
 */
export async function* harvest(
  query: Query,
  client: CatalogClient,
  start: Position,
): AsyncGenerator<Step> {
  if (start.mode === "scroll") yield* byScroll(query, client, start);
  else yield* bySpans(query, client, start);
}

/** Pages by number; a query with more results than the service gives is split into spans of days. */
async function* bySpans(
  query: Query,
  client: CatalogClient,
  start: Position & { mode: "pages" },
): AsyncGenerator<Step> {
  let spans: readonly (Days | undefined)[] = start.spans ?? [undefined];
  let page = start.page;
  let whole: number | undefined;
  while (spans.length > 0) {
    const [days, ...others] = spans;
    const rest = others as Days[]; // only a query that is not split is without days
    const steps = byNumber(query, client, page, days);
    let { value: step, done } = await steps.next();
    const tooMany = page === 0 && (step?.page?.totalElements ?? 0) > RESULT_WINDOW;
    const halves = tooMany ? halve(days ?? spanOf(query.filters)) : undefined;
    if (days === undefined) whole = step?.total;
    if (halves !== undefined) {
      spans = [...halves, ...rest];
      continue;
    }
    while (!done) {
      if (days === undefined) whole = step!.total;
      yield { ...step!, total: whole, after: afterStep(step!, days, rest) };
      ({ value: step, done } = await steps.next());
    }
    spans = rest;
    page = 0;
  }
}

function afterStep(step: Step, days: Days | undefined, rest: readonly Days[]) {
  if (step.after === undefined) {
    return rest.length > 0 ? { mode: "pages", page: 0, spans: rest } as const : undefined;
  }
  return days === undefined ? step.after : { ...step.after, spans: [days, ...rest] } as Position;
}

/** Pages of one query by number, as far as the service gives them. */
async function* byNumber(
  query: Query,
  client: CatalogClient,
  first: number,
  days?: Days,
  total?: number,
): AsyncGenerator<Step> {
  const byPage = { ...query, scroll: false };
  const repeats = new RepeatFinder();
  let pages = Math.ceil((total ?? 0) / query.size);
  let unanswered: Step | undefined;
  for (let number = first, isLast = false; !isLast; number++) {
    const url = pageUrl(byPage, number, days);
    let result: Pick<Step, "page" | "error" | "records">;
    try {
      const page = await client.page(url);
      total = page.totalElements;
      pages = Math.max(page.totalPages, Math.ceil(total / query.size));
      checkPage(page, url, number < pages, repeats);
      result = { page, records: page.items.length };
    } catch (error) {
      if (!canBeLost(error) || (total === undefined && !canBeFirst(error))) throw error;
      if (total === undefined && number > first) throw error;
      const expected = total === undefined ? query.size : total - number * query.size;
      result = { error, records: Math.max(1, Math.min(query.size, expected)) };
    }
    isLast = total !== undefined && number + 1 >= pages;
    const tooFar = total !== undefined && !isLast && (number + 2) * query.size > RESULT_WINDOW;
    const after: Position | undefined = isLast || tooFar
      ? undefined
      : { mode: "pages", page: number + 1 };
    const step = { ...result, number, url, total, repeated: false, after };
    if (unanswered !== undefined) {
      // Nothing is lost while the service does not answer at all: the run ends, to be gone on with.
      if (step.error !== undefined && !isAnswer(step.error)) throw step.error;
      yield unanswered;
      unanswered = undefined;
    }
    if (step.error !== undefined && !isAnswer(step.error)) {
      if (isLast) throw step.error;
      unanswered = step;
    } else yield step;
    if (tooFar) {
      yield* outOfReach(url, number + 1, total! - (number + 1) * query.size, total);
      return;
    }
  }
}

function* outOfReach(
  url: string,
  number: number,
  records: number,
  total: number | undefined,
): Generator<Step> {
  const message = `Cannot get the last ${records} records of ${url}: ` +
    `the service gives ${RESULT_WINDOW} of a query; use --scroll`;
  const error = new HttpError(message, { code: "result_window", url });
  yield { number, url, error, records, total, repeated: false, after: undefined };
}

/**
 * Pages by the service's `next` links. A scroll that breaks off begins again and passes over what
 * was seen; if it breaks off at the same page again, that one and the others follow by number.
 */
async function* byScroll(
  query: Query,
  client: CatalogClient,
  start: Position & { mode: "scroll" },
): AsyncGenerator<Step> {
  const beginning = pageUrl(query, query.page);
  let url: string | undefined = start.next ?? beginning;
  let number = start.next === undefined ? query.page : start.page;
  let taken = start.taken ?? number * query.size; // records up to here, in this scroll
  let seen = start.page;
  let brokenAt: number | undefined;
  let total: number | undefined;
  let repeats = new RepeatFinder();
  while (total === undefined || taken < total) {
    let page: Page;
    try {
      if (url === undefined) throw scrollEnded(total! - taken);
      page = await client.page(url);
      checkPage(page, url, taken < page.totalElements, repeats);
    } catch (error) {
      if (!canBeLost(error) || (url === beginning && !canBeFirst(error))) throw error;
      seen = Math.max(seen, number);
      if (url === beginning || brokenAt === seen) {
        yield* byNumberFrom(query, client, seen, total, error);
        return;
      }
      brokenAt = seen;
      url = beginning;
      number = query.page;
      taken = number * query.size;
      repeats = new RepeatFinder();
      continue;
    }
    total = page.totalElements;
    taken += page.items.length;
    const repeated = number < seen;
    // After a crash while pages are passed over, the scroll had better begin again.
    const after: Position | undefined = taken >= total
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

/** The rest of a harvest whose scroll cannot get past a page: by number, as far as that goes. */
async function* byNumberFrom(
  query: Query,
  client: CatalogClient,
  number: number,
  total: number | undefined,
  error: HttpError,
): AsyncGenerator<Step> {
  if (total === undefined) yield* bySpans(query, client, { mode: "pages", page: number });
  else if ((number + 1) * query.size <= RESULT_WINDOW) {
    yield* byNumber(query, client, number, undefined, total);
  } else {
    const records = Math.max(0, total - number * query.size);
    const { url } = error.info;
    yield { number, url, error, records, total, repeated: false, after: undefined };
  }
}

/** Whether the harvest may go on without the page: not if the service refuses the query itself. */
function canBeLost(error: unknown): error is HttpError {
  return error instanceof HttpError && !/^http_(400|401|403)$/.test(error.code);
}

/** Whether the service gave an answer at all, if a bad one. */
function isAnswer(error: HttpError): boolean {
  return !["network", "timeout"].includes(error.code);
}

/** Whether a harvest may begin with this: the service is there, and the address is not wrong. */
function canBeFirst(error: HttpError): boolean {
  return isAnswer(error) && (error.info.retry === true || error.code === "empty_page");
}

/** Pages that are remembered to find repetitions. */
const REMEMBERED_PAGES = 1000;

/** The first and last ids of the pages that were seen. */
class RepeatFinder {
  readonly #seen = new Set<string>();

  /** Whether the page has come before; remembers it. */
  hasSeen({ items }: Page): boolean {
    const idOf = (item: unknown) => (item as { id?: unknown } | null)?.id;
    const key = JSON.stringify([items.length, idOf(items[0]), idOf(items.at(-1))]);
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    const [oldest] = this.#seen;
    if (this.#seen.size > REMEMBERED_PAGES) this.#seen.delete(oldest!);
    return false;
  }
}

/** @throws {HttpError} with code `empty_page` or `repeated_page` if the page brings nothing new */
function checkPage(page: Page, url: string, isExpected: boolean, repeats: RepeatFinder): void {
  const refuse = (code: string, reason: string) => {
    throw new HttpError(`Cannot use the answer of ${url}: ${reason}`, { code, url, status: 200 });
  };
  if (page.items.length === 0) {
    if (isExpected) refuse("empty_page", "it has no records, though there are more");
  } else if (repeats.hasSeen(page)) {
    refuse("repeated_page", "its records came on an earlier page");
  }
}
