/** The catalogue's answer to a search, as far as Maken reads it. */
import { isRawNumber, kindOfJson } from "./exact_json.ts";

/** One page of `GET /catalog/v1/items` (application/hal+json). */
export interface SearchPage {
  /** Empty where nothing matched: `_embedded` is absent then. */
  readonly items: readonly unknown[];
  /** Records that match the query, as the service tells. */
  readonly totalElements: number;
  /** Records a page, as the service has it. */
  readonly size: number | undefined;
  /** Link to the next page, where the service gave one. */
  readonly next: string | undefined;
}

/**
 * What an answer's JSON says; a text that tells why where it is no page of results.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(toSearchPage({ page: { totalElements: "60" } }), {
 *   items: [], totalElements: 60, size: undefined, next: undefined,
 * });
 * assert.equal(toSearchPage([]), "it is a list");
 * assert.equal(toSearchPage({ error: "busy" }), 'it has no "page"');
 * ```
 */
export function toSearchPage(json: unknown): SearchPage | string {
  if (!isObject(json)) return `it is ${kindOfJson(json)}`;
  const { page, _embedded, _links } = json;
  if (page === undefined || page === null) return 'it has no "page"';
  if (!isObject(page)) return `its "page" is ${kindOfJson(page)}`;
  if (page.totalElements === undefined) return 'it has no "page.totalElements"';
  const totalElements = wholeNumber(page.totalElements);
  if (totalElements === undefined) {
    return `its "page.totalElements" is ${kindOfJson(page.totalElements)}, not a whole number`;
  }
  if (!isObject(_embedded ?? {})) return `its "_embedded" is ${kindOfJson(_embedded)}`;
  const items = (_embedded as { items?: unknown } | undefined | null)?.items ?? [];
  if (!Array.isArray(items)) return `its "_embedded.items" is ${kindOfJson(items)}, not a list`;
  const size = wholeNumber(page.size) || undefined;
  return { items, totalElements, size, next: href(isObject(_links) ? _links.next : undefined) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !isRawNumber(value);
}

/** A number that is not negative, written as a number or as a text. */
function wholeNumber(value: unknown): number | undefined {
  const text = isRawNumber(value) ? value.rawJSON : value;
  if (typeof text === "string" ? text.trim() === "" : typeof text !== "number") return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** The address of a link; HAL allows several links in place of one. */
function href(link: unknown): string | undefined {
  const links: readonly unknown[] = Array.isArray(link) ? link : [link];
  const hrefs = links.map((one) => isObject(one) ? one.href : undefined);
  return hrefs.find((address): address is string => typeof address === "string");
}
