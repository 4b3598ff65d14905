/** Whether a page brings anything new. */
import { createHash } from "node:crypto";
import { HttpError } from "../../shared/errors.ts";
import type { ResultPage } from "../client.ts";

/** Pages that are remembered to find repetitions. */
const REMEMBERED_PAGES = 1000;

/** Checks the pages of one query one after the other. */
export class PageChecker {
  /** Digests of the ids on each page. */
  readonly #seen = new Set<string>();

  /**
   * @param isExpected whether the page is to have records
   * @throws {HttpError} with code `empty_page` or `repeated_page` if the page brings nothing new
   */
  check(page: ResultPage, url: string, isExpected: boolean): void {
    const refuse = (code: string, reason: string) => {
      throw new HttpError(`Cannot use the answer of ${url}: ${reason}`, { code, url, status: 200 });
    };
    if (page.items.length === 0) {
      if (isExpected) refuse("empty_page", "it has no records, though there are more");
    } else if (this.#hasSeen(page)) {
      refuse("repeated_page", "its records came on an earlier page");
    }
  }

  /** Whether the page has come before; remembers it. A page of one record says too little. */
  #hasSeen({ items }: ResultPage): boolean {
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
