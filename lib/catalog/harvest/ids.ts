/** Which records have come, in memory that does not grow with their number. */
import { idText } from "../record.ts";

/**
 * A number of 53 bits made of a text. Of ten thousand different ones two are the same once in a
 * hundred million times.
 */
export function idNumber(id: string): number {
  let [a, b] = [0x2545f491, 0x6c078965];
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    a = Math.imul(a ^ code, 0x9e3779b1);
    a ^= a >>> 15;
    b = Math.imul(b + code, 0x85ebca77);
    b ^= b >>> 13;
  }
  a = Math.imul(a ^ (b >>> 16), 0xc2b2ae3d);
  b = Math.imul(b ^ (a >>> 15), 0x27d4eb2f);
  return ((a ^ (a >>> 14)) >>> 0) * 2 ** 21 + ((b ^ (b >>> 16)) >>> 11);
}

/** What tells an item of a page from others. */
export interface ItemKey {
  readonly number: number;
  /** Whether it is of its id; else of all that is in it. */
  readonly isId: boolean;
}

/** The key of an item of a page. */
export function itemKey(item: unknown): ItemKey {
  const id = idText((item as { id?: unknown } | null)?.id);
  return { number: idNumber(id ?? JSON.stringify(item)), isId: id !== undefined };
}

/** Numbers as one text, for {@linkcode idsOf}. */
export function idsText(numbers: Iterable<number>): string {
  return new Uint8Array(Float64Array.from(numbers).buffer).toBase64();
}

/** The numbers that such a text holds; none if it holds something else. */
export function idsOf(text: string): Set<number> {
  try {
    return new Set(new Float64Array(Uint8Array.fromBase64(text).buffer));
  } catch {
    return new Set(); // of another version: what comes again is found by its file
  }
}

/** Remembers the last ids exactly, at least `size` of them and at most twice as many. */
export class RecentIds implements Iterable<number> {
  #new = new Set<number>();
  #old = new Set<number>();

  constructor(private readonly size: number) {}

  /** Remembers a number; false if it was remembered already. */
  add(number: number): boolean {
    if (this.#new.has(number)) return false;
    const isNew = !this.#old.has(number);
    this.#new.add(number);
    if (this.#new.size >= this.size) [this.#old, this.#new] = [this.#new, new Set()];
    return isNew;
  }

  *[Symbol.iterator](): Generator<number> {
    yield* this.#old;
    yield* this.#new;
  }
}

/** Bits of a filter, and how many of them an id sets: 8 MB, right for 24 of 25 at ten million ids. */
const BITS = 2 ** 26;
const BITS_EACH = 4;

/**
 * Remembers any number of ids in a fixed space: one that was added is always known; one that was not
 * may be taken for known, the likelier the more there are (a Bloom filter).
 */
export class IdFilter {
  readonly #words = new Uint32Array(BITS / 32);

  /** Adds a number; false if it was added before, or seems so. */
  add(number: number): boolean {
    const step = 2 * Math.floor(number / 2 ** 32) + 1;
    let isNew = false;
    for (let i = 0, at = number % 2 ** 32; i < BITS_EACH; i++, at += step) {
      const bit = at % BITS;
      const mask = 1 << (bit & 31);
      if ((this.#words[bit >>> 5]! & mask) !== 0) continue;
      isNew = true;
      this.#words[bit >>> 5]! |= mask;
    }
    return isNew;
  }
}
