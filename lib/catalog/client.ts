/** The catalogue's search API: query URLs, and pages by number or by scroll. */
import { HttpError } from "../shared/errors.ts";
import { bodyStart, type HttpAnswer, type HttpClient } from "../shared/http.ts";
import type { DownloadOptions } from "./options.ts";
import { searchPage } from "./types.ts";

/** One page of results. */
export interface Page {
  /** From 0. */
  readonly number: number;
  readonly items: readonly unknown[];
  /** Records that match the query. */
  readonly totalElements: number;
  readonly totalPages: number;
  /** Address of the next page, where the service gave one. */
  readonly next: string | undefined;
}

/** A page that could not be had, although it was tried again. */
export interface LostPage {
  readonly number: number;
  readonly url: string;
  readonly error: HttpError;
  /** Records that were expected on it. */
  readonly records: number;
}

/**
 * The address of one page of the query.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const query = {
 *   url: new URL("https://api.nb.no/catalog/v1/items"),
 *   filters: ["mediatype:bøker"], scroll: false, profile: "wwwnbno", size: 25,
 * };
 * assert.equal(
 *   pageUrl(query, 3),
 *   "https://api.nb.no/catalog/v1/items?filter=mediatype%3Ab%C3%B8ker&profile=wwwnbno&size=25&page=3",
 * );
 * ```
 */
export function pageUrl(
  query: Pick<DownloadOptions, "url" | "filters" | "scroll" | "profile" | "size">,
  page: number,
): string {
  const url = new URL(query.url);
  for (const filter of query.filters) url.searchParams.append("filter", filter);
  url.searchParams.set("profile", query.profile);
  url.searchParams.set("size", String(query.size));
  if (query.scroll) url.searchParams.set("scroll", "true");
  if (page > 0 || !query.scroll) url.searchParams.set("page", String(page));
  return url.href;
}

/**
 * All pages of the query in order, from its first page on. Without scroll, a page that is lost is
 * told as such and the next one follows; with scroll nothing can follow it.
 *
 * @throws {HttpError} if the first page cannot be had
 */
export async function* pages(
  query: DownloadOptions,
  http: HttpClient,
): AsyncGenerator<Page | LostPage> {
  const first = await fetchPage(pageUrl(query, query.page), http);
  yield first;
  let next = first.next;
  for (let number = query.page + 1; number < first.totalPages; number++) {
    const url = query.scroll ? next : pageUrl(query, number);
    if (url === undefined) return;
    try {
      const page = await fetchPage(url, http);
      if (page.items.length === 0) return;
      next = page.next;
      yield { ...page, number };
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      const left = first.totalElements - number * query.size;
      yield { number, url, error, records: query.scroll ? left : Math.min(query.size, left) };
      if (query.scroll) return;
    }
  }
}

function fetchPage(url: string, http: HttpClient): Promise<Page> {
  return http.get(url, { accept: "application/hal+json, application/json" }, readPage);
}

function readPage({ url, body }: HttpAnswer): Page {
  let json: unknown;
  try {
    json = parseExact(new TextDecoder().decode(body));
  } catch (error) {
    throw badPage(url, body, "it is not JSON", error);
  }
  const parsed = searchPage.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.join(".") || "top level";
    throw badPage(url, body, `it is not a page of results (${where}: ${issue?.message})`);
  }
  const { page, _embedded, _links } = parsed.data;
  return { ...page, items: _embedded?.items ?? [], next: _links?.next?.href };
}

function badPage(url: string, body: Uint8Array, reason: string, cause?: unknown): HttpError {
  return new HttpError(
    `Cannot read the answer of ${url}: ${reason}`,
    { code: "body", url, status: 200, body: bodyStart(body), retry: true },
    { cause },
  );
}

/** Numbers that may be written otherwise than they were read: not whole, long, or minus zero. */
const UNUSUAL_NUMBER = /(?:"\s*:|[[,]|^)\s*(?:-?\d+[.eE]|-?\d{16}|-0)/;

/**
 * Parses JSON so that numbers are written again as they were read, however many digits they have.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(JSON.stringify(parseExact('{"n":12345678901234567890}')), '{"n":12345678901234567890}');
 * ```
 */
export function parseExact(text: string): unknown {
  if (!UNUSUAL_NUMBER.test(text)) return JSON.parse(text);
  const keepSource = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && context?.source !== undefined && String(value) !== context.source
      ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(context.source)
      : value;
  return JSON.parse(text, keepSource);
}
