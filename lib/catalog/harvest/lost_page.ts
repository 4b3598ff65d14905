/** What a page that could not be had means for the harvest. */
import { HttpError } from "../../shared/errors.ts";
import type { CatalogClient } from "../client.ts";
import type { SearchPage } from "../search_page.ts";

/**
 * Refuses a page that has no records though it is to have some.
 *
 * @throws {HttpError} with code `empty_page`
 */
export function requireRecords({ items }: SearchPage, url: string, isExpected: boolean): void {
  if (items.length > 0 || !isExpected) return;
  const message = `Cannot use the answer of ${url}: it has no records, though there are more`;
  throw new HttpError(message, { code: "empty_page", url, status: 200 });
}

/**
 * The total of a query one of whose pages cannot be had, if its other pages can: then that page
 * alone is lost.
 *
 * @throws {unknown} the page's error otherwise: the service is not there, or refuses the query
 */
export async function totalBesides(
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

/** Whether the service gave an answer at all, if a bad one. */
function isAnswer(error: HttpError): boolean {
  return !["network", "timeout"].includes(error.code);
}

/** Whether a harvest may begin with this: the service is there, and the query is not refused. */
export function canBeFirst(error: HttpError): boolean {
  return isAnswer(error) && (error.info.retry === true || error.code === "empty_page");
}
