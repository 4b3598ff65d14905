/** What came by one scroll, and whether it still brings anything new. */
import { IdFilter, itemKey, RecentIds } from "./ids.ts";

/** Records that are remembered exactly: those of a service's result window, twice at the most. */
const REMEMBERED = 10_000;
/**
 * Records without a new one among them after which what comes counts as old, and after which, on two
 * pages at least, a scroll is stuck: a single one may only seem old.
 */
const OLD_AFTER = 4;
const STUCK_AFTER = 16;

/** What a page brought. */
export interface PageNews {
  /** Records that have not come lately. */
  readonly fresh: readonly unknown[];
  readonly hasNew: boolean;
  /** Whether `fresh` came long ago. */
  readonly isOld: boolean;
}

/** Remembers the last records exactly, and all in a fixed space. */
export class ScrollMemory {
  readonly #recent = new RecentIds(REMEMBERED);
  readonly #ever = new IdFilter();
  /** Records and pages since the last new record. */
  #oldRecords = 0;
  #oldPages = 0;

  /** What the last records were made into by `idNumber`. */
  get recent(): Iterable<number> {
    return this.#recent;
  }

  /** Whether the links lead to nothing but what has come. */
  get isStuck(): boolean {
    return this.#oldPages >= 2 && this.#oldRecords >= STUCK_AFTER;
  }

  /** Remembers a page, and tells what is new on it. */
  take(items: readonly unknown[]): PageNews {
    const fresh: unknown[] = [];
    let hasNew = false;
    for (const item of items) {
      const { number, isId } = itemKey(item);
      if (this.#ever.add(number)) hasNew = true;
      if (this.#recent.add(number) || !isId) fresh.push(item);
    }
    this.#oldRecords = hasNew ? 0 : this.#oldRecords + items.length;
    this.#oldPages = hasNew ? 0 : this.#oldPages + 1;
    return { fresh, hasNew, isOld: this.#oldRecords >= OLD_AFTER };
  }
}
