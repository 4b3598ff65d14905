/** The catalogue's search API: query addresses and pages of results. */
import { HttpError, type HttpErrorInfo } from "../shared/errors.ts";
import {
  type HttpAnswer,
  type HttpClient,
  type HttpOptions,
  politeClient,
} from "../shared/http.ts";
import { bodyStart } from "../shared/http_body.ts";
import { hostAndPort } from "../shared/urls.ts";
import type { Days } from "./days.ts";
import { declaredCharset, declaredText } from "./declared_text.ts";
import { notJsonReason, parseExact } from "./exact_json.ts";
import type { DownloadOptions } from "./options.ts";
import { type SearchPage, toSearchPage } from "./search_page.ts";

/** Largest page that is taken, in bytes; 100 records are about 1 MB. */
const MAX_PAGE_BYTES = 100e6;

/** What is asked of the catalogue. */
export type CatalogQuery = Pick<
  DownloadOptions,
  "url" | "filters" | "scroll" | "profile" | "page" | "size" | "max"
>;

/**
 * The address of one page of the query, of records digitised in a span of days if one is given.
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
  query: Omit<CatalogQuery, "page" | "max">,
  page: number,
  days?: Days,
): string {
  const url = new URL(query.url);
  for (const filter of query.filters) url.searchParams.append("filter", filter);
  if (days !== undefined) {
    url.searchParams.append("filter", `firstDigitalContentTime:[${days.from} TO ${days.to}]`);
  }
  url.searchParams.set("profile", query.profile);
  url.searchParams.set("size", String(query.size));
  if (query.scroll) url.searchParams.set("scroll", "true");
  if (page > 0 || !query.scroll) url.searchParams.set("page", String(page));
  return url.href;
}

/** Asks the catalogue for pages, one at a time. */
export class CatalogClient {
  readonly #http: HttpClient;

  constructor(options: DownloadOptions, run: Pick<HttpOptions, "signal" | "onRetry">) {
    const limits = { hosts: [hostAndPort(options.url)], maxBytes: MAX_PAGE_BYTES };
    this.#http = politeClient(options, { ...run, ...limits });
  }

  /**
   * Fetches a page, trying again as often as the options say.
   *
   * @throws {HttpError} if it cannot be had
   */
  page(url: string): Promise<SearchPage> {
    return this.#http.get(url, { accept: "application/hal+json, application/json" }, readPage);
  }
}

/** A page, whose link to the next one is an address where it can be. */
function readPage({ url, headers, body }: HttpAnswer): SearchPage {
  const mediaType = headers.get("content-type") ?? "";
  const text = declaredText(body, mediaType);
  if (text === undefined) {
    const declared = declaredCharset(mediaType);
    const otherwise = declared === undefined || /^utf-?8$/.test(declared)
      ? ""
      : `, nor ${declared}, as it says`;
    // The same bytes would come again.
    const info = { code: "encoding", tries: 2 };
    throw badPage(url, body, `its text is not UTF-8${otherwise}`, info);
  }
  let json: unknown;
  try {
    json = parseExact(text);
  } catch (error) {
    throw badPage(url, body, notJsonReason(text, error), { code: "body" }, error);
  }
  const page = toSearchPage(json);
  if (typeof page === "string") {
    throw badPage(url, body, `it is not a page of results (${page})`, { code: "body" });
  }
  return { ...page, next: absolute(page.next, url) };
}

/** A link of the service, which may be relative; one that is no address at all is kept as it is. */
function absolute(href: string | undefined, base: string): string | undefined {
  return href === undefined ? undefined : URL.parse(href, base)?.href ?? href;
}

function badPage(
  url: string,
  body: Uint8Array,
  reason: string,
  info: Pick<HttpErrorInfo, "code" | "tries">,
  cause?: unknown,
): HttpError {
  return new HttpError(
    `Cannot read the answer of ${url}: ${reason}`,
    { ...info, url, status: 200, body: bodyStart(body), retry: true },
    { cause },
  );
}
