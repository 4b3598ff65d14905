/** The search for neighbours in an embedded index: scan of the codes, then exact comparison. */
import type { BinaryCoder } from "./codes/binary_code.ts";
import { CodeScan, type RowFilter } from "./codes/code_scan.ts";
import { Cosine } from "./cosine.ts";
import { bytesOf, type EmbeddedFile, toFloats, toIntegers } from "./file.ts";
import { BLOCK_ROWS } from "./schema.ts";
import type { Document, Filters, Hit } from "../types.ts";
import { filterQuery } from "../words.ts";

/** Candidates that are compared exactly: this many, or a multiple of `k` where that is more. */
const MIN_CANDIDATES = 160;
const CANDIDATES_PER_HIT = 4;
/** Filters whose rows are remembered until the index changes. */
const MAX_REMEMBERED = 4;

/** Searches vectors of one length and seed. Everything is to be called in a transaction. */
export class EmbeddedSearch {
  /** As of change `#scanned`; undefined until a search wants it. */
  #scan: CodeScan | undefined;
  #scanned = 0;
  /** Rows of filters, as of that change too. */
  readonly #remembered = new Map<string, Uint32Array>();
  readonly #cosine: Cosine;

  constructor(private readonly file: EmbeddedFile, readonly coder: BinaryCoder) {
    this.#cosine = new Cosine(coder.dims);
  }

  /**
   * The nearest documents, best first; of equal ones the smaller id first.
   *
   * @param change number of the index's last change
   */
  nearest(vector: Float32Array, k: number, filters: Filters, change: number): Hit[] {
    const { dims } = this.coder;
    if (vector.length !== dims) {
      throw new TypeError(`the question has ${vector.length} numbers in place of ${dims}`);
    }
    const scan = this.#catchUp(change);
    const filter = this.#rowFilter(filters);
    if (filter === undefined || k < 1) return [];
    const wanted = Math.max(MIN_CANDIDATES, CANDIDATES_PER_HIT * k);
    return this.#compare(vector, scan.nearest(this.coder.encode(vector), wanted, filter), k);
  }

  /** Reads the codes that were written since the last time. */
  #catchUp(change: number): CodeScan {
    if (this.#scan !== undefined && change === this.#scanned) return this.#scan;
    const { bytes } = this.coder;
    const scan = this.#scan ?? new CodeScan(bytes);
    const blocks = this.#scan === undefined
      ? this.file.prepare("SELECT number, codes, access FROM block").iterate()
      : this.file.prepare("SELECT number, codes, access FROM block WHERE change > ?")
        .iterate(this.#scanned);
    for (const { number, codes, access } of blocks) {
      const block = bytesOf(codes, BLOCK_ROWS * bytes);
      scan.set(BLOCK_ROWS * Number(number), block, toIntegers(access, BLOCK_ROWS));
      free(block);
    }
    this.#remembered.clear();
    this.#scanned = change;
    return this.#scan = scan;
  }

  /** Undefined if nothing can match. */
  #rowFilter({ access, ...others }: Filters): RowFilter | undefined {
    const filter: { access?: number; rows?: Uint32Array } = {};
    if (access !== undefined) {
      const found = this.file.get("SELECT number FROM access WHERE value = ?", access);
      if (found === undefined) return undefined;
      filter.access = Number(found.number);
    }
    const query = filterQuery(others);
    if (query !== undefined) filter.rows = this.#rowsOf(query, others);
    return filter;
  }

  #rowsOf(query: string, filters: Filters): Uint32Array {
    let rows = this.#remembered.get(query);
    if (rows !== undefined) return rows;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined && this.#remembered.size >= MAX_REMEMBERED) {
      this.#remembered.delete(oldest);
    }
    this.#remembered.set(query, rows = matchingRows(this.file, filters));
    return rows;
  }

  #compare(vector: Float32Array, rows: readonly number[], k: number): Hit[] {
    this.#cosine.setQuery(vector);
    const select = this.file.prepare("SELECT value FROM vector WHERE row = ?");
    const found = rows.map((row) => {
      const other = toFloats(select.get(row)?.value, this.coder.dims);
      const similarity = this.#cosine.to(other);
      free(other);
      return { row, similarity };
    });
    found.sort((a, b) => b.similarity - a.similarity);
    // As many as are as near as the last one, so that the order by id decides among equals.
    const last = found[Math.min(k, found.length) - 1]?.similarity ?? 0;
    return found.filter(({ similarity }) => similarity >= last)
      .map(({ row, similarity }) => ({ similarity, document: this.#document(row) }))
      .sort((a, b) => b.similarity - a.similarity || (a.document.id < b.document.id ? -1 : 1))
      .slice(0, k);
  }

  #document(row: number): Document {
    const document = this.file.document(row);
    if (document === undefined) throw new Error(`it is damaged: row ${row} has no document`);
    return document;
  }
}

/** Rows of the documents with the wanted values, ascending; read in one go, without a round a row. */
export function matchingRows(file: EmbeddedFile, filters: Filters): Uint32Array {
  const query = filterQuery(filters);
  const found = query === undefined
    ? file.get("SELECT json_group_array(row) AS rows FROM document")
    : file.get("SELECT json_group_array(rowid) AS rows FROM words WHERE words MATCH ?", query);
  return Uint32Array.from(JSON.parse(String(found!.rows)) as number[]).sort();
}

/** Gives a blob's memory back now; the garbage collector lets many megabytes of them pile up. */
function free({ buffer }: { buffer: ArrayBuffer }): void {
  buffer.transfer(0);
}
