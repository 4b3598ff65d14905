/** Picture files of equal bytes that many records share: most likely they stand in for a picture. */
import { crc32 } from "node:zlib";

/** Records that may share a file without being told of. */
const MAX_SHARING = 20;

/** A file that many records share. */
export interface SharedFile {
  /** Records that have it. */
  count: number;
  /** Id of the record with which there were too many. */
  readonly example: string;
}

/** Counters of one row of the sketch. */
const COUNTERS = 1 << 20;
/** Rows of the sketch, and the most files that are told of. */
const ROWS = 4, MAX_FILES = 1000;

/**
 * Counts equal files in 4 MB, however many there are: a count-min sketch (Cormode & Muthukrishnan 2005)
 * finds the candidates, which are then counted one by one.
 */
export class SharedFiles {
  readonly #sketch = new Uint8Array(ROWS * COUNTERS);
  readonly #files = new Map<string, SharedFile>();

  /** Counts the picture of a record; gives a name of its bytes. */
  add(id: string, file: Uint8Array): string {
    const hash = crc32(file);
    const key = `${hash}/${file.length}`;
    const known = this.#files.get(key);
    if (known !== undefined) known.count++;
    else {
      const count = this.#count(hash, file.length);
      if (count > MAX_SHARING && this.#files.size < MAX_FILES) {
        this.#files.set(key, { count, example: id });
      }
    }
    return key;
  }

  /** The files that more than 20 records share, most shared first. */
  get files(): readonly SharedFile[] {
    return [...this.#files.values()].sort((a, b) => b.count - a.count);
  }

  /** How often the file was counted, or a little more where others fall into all its counters. */
  #count(hash: number, length: number): number {
    let least = Infinity;
    for (let row = 0; row < ROWS; row++) {
      const at = row * COUNTERS + (mixed(hash, length + row * 0x9e3779b9) >>> 12);
      this.#sketch[at] = Math.min(255, this.#sketch[at]! + 1);
      least = Math.min(least, this.#sketch[at]!);
    }
    return least;
  }
}

/** Two whole numbers as one of 32 bits, every bit of which depends on all of theirs (Murmur3). */
function mixed(a: number, b: number): number {
  let h = Math.imul(a ^ (b >>> 16) ^ b, 0x85ebca6b) ^ b;
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
