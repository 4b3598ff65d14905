/** The codes of an index in memory, scanned whole for the nearest ones. */
import { aligned, type Kernel, startKernel } from "./kernel/instance.ts";

/** Rows by which the memory grows, and whose distances are worked out at a time. */
const CHUNK = 16_384;
/** Rows that are estimated closely for each wanted one. */
const ESTIMATED = 5;
/** Rows for each wanted one, where many are equally near. */
const MAX_TIES = 4;

/** Which rows take part in a scan. */
export interface RowFilter {
  /** The only number of access that counts. */
  readonly access?: number | undefined;
  /** The only rows that count, ascending. */
  readonly rows?: Uint32Array | undefined;
}

/** Codes by row, with a number that tells who may see it; 0 is a row without a document. */
export class CodeScan {
  readonly #kernel: Kernel;
  /** Where the kernel's memory has the query's code and numbers, and their sums. */
  readonly #query: number;
  readonly #numbers: number;
  readonly #table: number;
  /** Where it has up to CHUNK rows and what was found out about each. */
  readonly #list: number;
  readonly #results: number;
  readonly #codes: number;
  readonly #access: Uint32Array[] = [];
  #rows = 0;

  /** @param bytes of a code, a multiple of 128 */
  constructor(readonly bytes: number) {
    this.#kernel = startKernel(0);
    this.#query = aligned(this.#kernel.freeMemory.value);
    this.#numbers = this.#query + bytes;
    this.#table = this.#numbers + 32 * bytes;
    this.#list = this.#table + 1024 * bytes;
    this.#results = this.#list + 4 * CHUNK;
    this.#codes = this.#results + 4 * CHUNK;
    this.#reserve(0);
  }

  /**
   * Takes over consecutive rows, which must not lie on both sides of a multiple of 16,384.
   *
   * @param codes uint8[n, bytes]
   * @param access uint32[n]
   */
  set(row: number, codes: Uint8Array, access: Uint32Array): void {
    this.#rows = Math.max(this.#rows, row + access.length);
    this.#reserve(this.#rows);
    new Uint8Array(this.#kernel.memory.buffer).set(codes, this.#codes + row * this.bytes);
    this.#access[Math.floor(row / CHUNK)]!.set(access, row % CHUNK);
  }

  /**
   * The rows that are nearest by their codes: at least `count` where there are so many, and as many
   * more as are as near as the last one, within reason.
   *
   * @param query its code, and the numbers whose signs it has
   * @returns ascending row numbers
   */
  nearest(
    { code, numbers }: { code: Uint8Array; numbers: Float32Array },
    count: number,
    filter: RowFilter = {},
  ): number[] {
    const rows = this.#smallestDistances(code, ESTIMATED * count, filter);
    if (rows.length <= count) return rows;
    const estimates = this.#estimates(numbers, rows);
    const limit = estimates.toSorted().at(-count)!;
    let left = MAX_TIES * count;
    return rows.filter((_, i) => !(estimates[i]! < limit) && left-- > 0); // also of overflowed ones
  }

  /** Rows by the number of bits in which codes differ. */
  #smallestDistances(code: Uint8Array, count: number, filter: RowFilter): number[] {
    const { buffer } = this.#kernel.memory;
    new Uint8Array(buffer).set(code, this.#query);
    const distances = new Uint16Array(buffer, this.#results, CHUNK);
    const list = new Uint32Array(buffer, this.#list, CHUNK);
    const best = new Smallest(count, 8 * this.bytes);
    if (filter.rows === undefined && filter.access === undefined) {
      for (let start = 0; start < this.#rows; start += CHUNK) {
        const n = Math.min(CHUNK, this.#rows - start);
        this.#measure(start, 0, n);
        const access = this.#access[start / CHUNK]!;
        for (let i = 0; i < n; i++) {
          if (distances[i]! <= best.limit && access[i] !== 0) best.add(start + i, distances[i]!);
        }
      }
    } else {
      for (const n of this.#lists(filter, list)) {
        this.#measure(0, this.#list, n);
        for (let i = 0; i < n; i++) {
          if (distances[i]! <= best.limit) best.add(list[i]!, distances[i]!);
        }
      }
    }
    return best.rows(MAX_TIES * count);
  }

  /**
   * Sums of the query's numbers where the codes of rows have a bit: nearer to the truth than a count
   * of bits, because the query keeps its numbers.
   */
  #estimates(numbers: Float32Array, rows: readonly number[]): Float32Array {
    const { buffer } = this.#kernel.memory;
    new Float32Array(buffer, this.#numbers).set(numbers);
    this.#kernel.sumsByByte(this.#numbers, this.bytes, this.#table);
    const list = new Uint32Array(buffer, this.#list, CHUNK);
    const estimates = new Float32Array(rows.length);
    for (let start = 0; start < rows.length; start += CHUNK) {
      const part = rows.slice(start, start + CHUNK);
      list.set(part);
      const lists = [this.#list, part.length, this.#results] as const;
      this.#kernel.sumsOfCodes(this.#codes, this.bytes, this.#table, ...lists);
      estimates.set(new Float32Array(buffer, this.#results, part.length), start);
    }
    return estimates;
  }

  #measure(start: number, list: number, count: number): void {
    const codes = this.#codes + start * this.bytes;
    this.#kernel.hammingDistances(codes, this.bytes, this.#query, list, count, this.#results);
  }

  /** Fills `list` with matching rows and gives their number, until there are no more. */
  *#lists({ access, rows }: RowFilter, list: Uint32Array): Generator<number> {
    const total = rows?.length ?? this.#rows;
    for (let start = 0; start < total; start += CHUNK) {
      const end = Math.min(total, start + CHUNK);
      let n = 0;
      if (rows === undefined) {
        const column = this.#access[start / CHUNK]!;
        for (let i = 0; i < end - start; i++) if (column[i] === access) list[n++] = start + i;
      } else {
        for (let i = start; i < end; i++) {
          const row = rows[i]!;
          const value = this.#access[Math.floor(row / CHUNK)]?.[row % CHUNK] ?? 0;
          if (access === undefined ? value !== 0 : value === access) list[n++] = row;
        }
      }
      if (n > 0) yield n;
    }
  }

  /** Makes room for so many rows; older views of the memory are of no use afterwards. */
  #reserve(rows: number): void {
    while (this.#access.length * CHUNK < rows) this.#access.push(new Uint32Array(CHUNK));
    const missing = this.#codes + this.#access.length * CHUNK * this.bytes -
      this.#kernel.memory.buffer.byteLength;
    if (missing > 0) this.#kernel.memory.grow(Math.ceil(missing / 65536));
  }
}

/** Keeps the rows with the smallest distances. */
class Smallest {
  /** The largest distance that is still of interest. */
  limit: number;
  readonly #rows: number[] = [];
  readonly #distances: number[] = [];
  /** How many kept rows have each distance. */
  readonly #histogram: Uint32Array;
  #kept = 0;

  constructor(readonly count: number, maximum: number) {
    this.limit = maximum;
    this.#histogram = new Uint32Array(maximum + 1);
  }

  /** @param distance of at most `limit` */
  add(row: number, distance: number): void {
    this.#rows.push(row);
    this.#distances.push(distance);
    this.#histogram[distance]!++;
    this.#kept++;
    while (this.#kept - this.#histogram[this.limit]! >= this.count) {
      this.#kept -= this.#histogram[this.limit--]!;
    }
  }

  /** The rows, ascending; those of the largest distance are the first ones if there are too many. */
  rows(most: number): number[] {
    let ties = most - (this.#kept - this.#histogram[this.limit]!);
    return this.#rows.filter((_, i) =>
      this.#distances[i]! < this.limit || this.#distances[i] === this.limit && ties-- > 0
    );
  }
}
