/** One pass over the pages of a query, and whether they hung together. */
import { idsOf, itemKey } from "./ids.ts";
import type { PassState } from "./step.ts";

/** A record of a page. */
export interface CameItem {
  readonly item: unknown;
  /** Made of its id; of all that is in it where it has none. */
  readonly number: number;
  readonly hasId: boolean;
}

/**
 * Counts what comes on the pages of one pass. The catalogue may change meanwhile: a record that is
 * added moves others to the next page, where they come twice; one that is deleted moves others to
 * an earlier page, where they do not come at all.
 */
export class Pass {
  /** Records that came, each once. */
  came = 0;
  /** How often a record came that had come before. */
  doubles = 0;
  /** Records on pages that could not be had. */
  lost = 0;
  readonly #ids: Set<number>;
  #total = 0;
  #most = 0;
  #hasShifted = false;
  /** Made of all ids in their order; undefined if only a part of them is known. */
  #digest: number | undefined = 0;

  /**
   * @param number from 1
   * @param state where it goes on
   * @param total records that the service told of before that
   */
  constructor(readonly number: number, state?: PassState, total = 0) {
    this.#ids = state === undefined ? new Set() : idsOf(state.ids);
    if (state === undefined) return;
    ({ came: this.came, lost: this.lost } = state);
    this.#hasShifted = state.shifted;
    this.#digest = undefined;
    this.tell(total);
  }

  /** Most records that the service told of. */
  get most(): number {
    return this.#most;
  }

  /** Whether records were seen to be added or deleted. */
  get hasShifted(): boolean {
    return this.#hasShifted;
  }

  /** The service tells of so many records. */
  tell(total: number): void {
    if (total < this.#total) this.#hasShifted = true;
    this.#total = total;
    this.#most = Math.max(this.#most, total);
  }

  /**
   * Counts the records of a page; gives those that have not come in this pass.
   *
   * @param isExpected whether the page lies within the total: one past it may just repeat the last
   */
  take(items: readonly unknown[], isExpected: boolean): CameItem[] {
    const fresh: CameItem[] = [];
    for (const item of items) {
      const { number, isId: hasId } = itemKey(item);
      if (hasId && this.#ids.has(number)) continue;
      this.#ids.add(number);
      if (this.#digest !== undefined) this.#digest = Math.imul(this.#digest, 31) ^ (number | 0);
      fresh.push({ item, number, hasId });
    }
    this.came += fresh.length;
    const doubles = items.length - fresh.length;
    if (doubles > 0 && (isExpected || fresh.length > 0)) {
      this.doubles += doubles;
      this.#hasShifted = true;
    }
    return fresh;
  }

  /**
   * Whether each record came, and none twice.
   *
   * @param before records before the first page
   */
  isWhole(before: number): boolean {
    return !this.#hasShifted && this.came + this.lost + before >= this.#total;
  }

  /** Whether another pass brought just the same: then nothing changes, and doubles are doubles. */
  isSameAs(other: Pass | undefined, before: number): boolean {
    return other !== undefined && this.#digest !== undefined && this.#digest === other.#digest &&
      this.#total === other.#total && this.#most === other.#most &&
      this.came === other.came && this.doubles === other.doubles &&
      this.came + this.doubles + before >= this.#most;
  }
}
