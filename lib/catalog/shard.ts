/** Parts of a set of records that several machines can work on: disjoint, and together all of it. */
import { crc32 } from "node:zlib";

/** The `index`-th, from 1, of `count` parts. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/**
 * A shard written as `i/n`; undefined if it is none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(parseShard("2/4"), { index: 2, count: 4 });
 * assert.equal(parseShard("5/4"), undefined);
 * ```
 */
export function parseShard(text: string): Shard | undefined {
  const [, index = NaN, count = NaN] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number);
  return index >= 1 && index <= count ? { index, count } : undefined;
}

/**
 * Whether the record with this id falls to the shard: by its CRC-32, whatever other records there
 * are.
 */
export function isInShard(id: string, { index, count }: Shard): boolean {
  return crc32(id) % count === index - 1;
}

/** Name of a shard, for its files; undefined for all of the work. */
export function shardName(shard: Shard | undefined): string | undefined {
  return shard && `${shard.index}-of-${shard.count}`;
}
