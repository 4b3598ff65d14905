/**
 * The order in which the pages of a query are fetched, so that each comes once and a lost one does
 * not end the harvest: by number, by number within spans of days, or by scroll.
 */
import { createHash } from "node:crypto";
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
    /** Records of the first span, where they are known. */
    readonly of?: number;
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
  /** Records on the page, or the most that were expected on it. */
  readonly records: number;
  /** Records that match the whole query, where that is known. */
  readonly total: number | undefined;
  /** Whether its records may have been seen: then only those that are new count. */
  readonly repeated: boolean;
  /** Where the harvest goes on after it; undefined at its end, or not before the next step. */
  readonly after: Position | undefined;
}

/**
 * The steps of a harvest from a position on.
 *
 * @throws {HttpError} if the service does not answer, or refuses the query
 */
export function harvest(
  query: Query,
  client: CatalogClient,
  start: Position,
): AsyncGenerator<Step> {
  return start.mode === "scroll" ? byScroll(query, client, start) : bySpans(query, client, start);
}

/** Pages by number; a query with more results than the service gives is split into spans of days. */
async function* bySpans(
  query: Query,
  client: CatalogClient,
  start: Position & { mode: "pages" },
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
async function* byNumber(
  query: Query,
  client: CatalogClient,
  { page: first, days, rest = [], of, whole }: Numbered,
): AsyncGenerator<Step, Split | undefined> {
  const urlOf = (number: number) => pageUrl({ ...query, scroll: false }, number, days);
  const repeats = new RepeatFinder();
  let size = query.size; // the service may have a smaller one
  for (let number = first;; number++) {
    const url = urlOf(number);
    let result: Pick<Step, "page" | "error">;
    try {
      const page = await client.page(url);
      of = page.totalElements;
      size = page.size ?? size;
      checkPage(page, url, number * size < of, repeats);
      result = { page };
    } catch (error) {
      of = await totalBesides(
        error,
        of,
        [urlOf(number + 1), urlOf(Math.max(0, number - 1))],
        client,
      );
      result = { error: error as HttpError };
    }
    const wanted = Math.min(of, query.max + query.page * size);
    if (number === 0 && wanted > RESULT_WINDOW) {
      const halves = halve(days ?? spanOf(query.filters));
      if (halves !== undefined) return { halves, of };
    }
    const isLast = (number + 1) * size >= of;
    const isOutOfReach = !isLast && (number + 2) * size > RESULT_WINDOW;
    const next: Position = days === undefined
      ? { mode: "pages", page: number + 1, of }
      : { mode: "pages", page: number + 1, of, spans: [days, ...rest] };
    const end: Position | undefined = rest.length > 0
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

/**
 * The total of a query one of whose pages cannot be had, if its other pages can: then that page
 * alone is lost.
 *
 * @throws {unknown} the page's error otherwise: the service is not there, or refuses the query
 */
async function totalBesides(
  error: unknown,
  of: number | undefined,
  neighbours: readonly string[],
  client: CatalogClient,
): Promise<number> {
  if (!(error instanceof HttpError)) throw error;
  if (of !== undefined && isAnswer(error)) return of;
  if (of === undefined && !canBeFirst(error)) throw error;
  for (const url of neighbours) {
    try {
      return (await client.page(url)).totalElements;
    } catch (other) {
      if (!(other instanceof HttpError)) throw other;
      if (of !== undefined && isAnswer(other)) return of;
    }
  }
  throw error;
}

function outOfReach(url: string, number: number, records: number, after?: Position): Step {
  const message = `Cannot get the last ${records} records of ${url}: ` +
    `the service gives ${RESULT_WINDOW} of a query; use --scroll`;
  const error = new HttpError(message, { code: "result_window", url });
  return { number, url, error, records, total: undefined, repeated: false, after };
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
  let total: number | undefined;
  let repeats = new RepeatFinder();
  const broken = new Set<number>();
  while (total === undefined || taken < total) {
    let page: Page;
    try {
      if (url === undefined) throw scrollEnded(total! - taken);
      page = await client.page(url);
      checkPage(page, url, taken < page.totalElements, repeats);
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

/** The rest of a harvest whose scroll cannot get past a page: by number, or all by spans of days. */
async function* besidesScroll(
  query: Query,
  client: CatalogClient,
  number: number,
  total: number | undefined,
  error: HttpError,
): AsyncGenerator<Step> {
  if (total !== undefined && total <= RESULT_WINDOW) {
    yield* byNumber(query, client, { page: number, of: total });
    return;
  }
  const after: Position = { mode: "scroll", page: number };
  for await (const step of bySpans({ ...query, page: 0 }, client, { mode: "pages", page: 0 })) {
    if (step.page !== undefined) yield { ...step, total, repeated: true, after };
  }
  const { url } = error.info; // what is still missing is lost by the scroll
  yield { number, url, error, records: Infinity, total, repeated: false, after: undefined };
}

/** Whether the service gave an answer at all, if a bad one. */
function isAnswer(error: HttpError): boolean {
  return !["network", "timeout"].includes(error.code);
}

/** Whether a harvest may begin with this: the service is there, and the query is not refused. */
function canBeFirst(error: HttpError): boolean {
  return isAnswer(error) && (error.info.retry === true || error.code === "empty_page");
}

/** Pages that are remembered to find repetitions. */
const REMEMBERED_PAGES = 1000;

/** The ids on the pages that were seen. */
class RepeatFinder {
  readonly #seen = new Set<string>();

  /** Whether the page has come before; remembers it. A page of one record says too little. */
  hasSeen({ items }: Page): boolean {
    if (items.length < 2) return false;
    const ids = items.map((item) => (item as { id?: unknown } | null)?.id);
    if (!ids.some((id) => typeof id === "string")) return false;
    const key = createHash("sha256").update(JSON.stringify(ids)).digest("base64");
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
