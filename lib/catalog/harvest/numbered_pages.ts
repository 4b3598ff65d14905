/** Pages of one query by their numbers, lost ones too. */
import { HttpError } from "../../shared/errors.ts";
import { type CatalogClient, type CatalogQuery, pageUrl } from "../client.ts";
import type { Days } from "../days.ts";
import type { SearchPage } from "../search_page.ts";
import { requireRecords, totalBesides } from "./lost_page.ts";

/** A page, or why it could not be had. */
export type NumberedPage =
  & { readonly url: string }
  & (
    | { readonly page: SearchPage; readonly error?: never }
    | { readonly page?: never; readonly error: HttpError }
  );

/** Asks for pages, and keeps what they tell of the whole query. */
export class NumberedPages {
  /** Records a page: the service may have less than are asked for. */
  size: number;

  /** @param known records of the query, where they are known */
  constructor(
    private readonly query: CatalogQuery,
    private readonly client: CatalogClient,
    private readonly days: Days | undefined,
    private known: number | undefined,
  ) {
    this.size = query.size;
  }

  /** Records of the query, as the service told last. */
  get of(): number {
    return this.known ?? 0;
  }

  /** Address of a page. */
  url(number: number): string {
    return pageUrl({ ...this.query, scroll: false }, number, this.days);
  }

  /**
   * Asks for a page.
   *
   * @throws {HttpError} if the service is not there, or refuses the query
   */
  async get(number: number): Promise<NumberedPage> {
    const url = this.url(number);
    try {
      const page = await this.client.page(url);
      this.known = page.totalElements;
      this.size = page.size ?? this.size;
      requireRecords(page, url, number * this.size < this.known);
      return { url, page };
    } catch (error) {
      const neighbours = [this.url(number + 1), this.url(Math.max(0, number - 1))];
      this.known = await totalBesides(error, this.known, neighbours, this.client);
      return { url, error: error as HttpError };
    }
  }
}
