/**
 * An index in one SQLite file. Vectors lie there as float32; a code of one bit a dimension lies in
 * memory, is scanned whole, and the best candidates are compared exactly.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { errorMessage, SetupError } from "../shared/errors.ts";
import { fileReason } from "../shared/files.ts";
import { BinaryCoder, hammingDistances, nearestRows } from "./binary_code.ts";
import type { BulkResult, Document, Hit, IndexItem, VectorIndex } from "./types.ts";

/** Written into the file; another number is another layout. */
const FORMAT = 1;
/** Candidates that are compared exactly: this many, or a multiple of `k` where that is more. */
const MIN_CANDIDATES = 200;
const CANDIDATES_PER_HIT = 4;

const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE document (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    digest BLOB NOT NULL
  );
  CREATE TABLE code (row INTEGER PRIMARY KEY, bits BLOB NOT NULL);
  CREATE TABLE vector (row INTEGER PRIMARY KEY, value BLOB NOT NULL);
`;

/** How a file is opened. */
export interface EmbeddedOptions {
  /** Folder of the indexes. */
  readonly dir: string;
  /** Name of the index: the file is `<dir>/<name>.sqlite`. */
  readonly name: string;
  /** `read` needs the file to be there; `write` makes it. */
  readonly mode: "read" | "write";
}

/** Opens an embedded index. */
export class EmbeddedIndex implements VectorIndex {
  readonly name: string;
  readonly #db: DatabaseSync;
  readonly #writable: boolean;
  readonly #statements: Map<string, StatementSync> = new Map();
  #coder: BinaryCoder | undefined;
  /** What a search scans; undefined until one wants it, and after each change. */
  #scan: { rows: number[]; codes: Uint32Array } | undefined;
  /** SQLite's count of other connections' changes when `#coder` and `#scan` were read. */
  #dataVersion: unknown;

  private constructor(name: string, db: DatabaseSync, writable: boolean) {
    this.name = name;
    this.#db = db;
    this.#writable = writable;
  }

  /**
   * Opens or makes the index.
   *
   * @throws {SetupError} if it is not there, not an index, or cannot be written
   */
  static async open({ dir, name, mode }: EmbeddedOptions): Promise<EmbeddedIndex> {
    const path = join(dir, `${name}.sqlite`);
    try {
      if (mode === "read") await Deno.stat(path);
      else await Deno.mkdir(dir, { recursive: true });
      const db = new DatabaseSync(path, { readOnly: mode === "read" });
      try {
        const index = new EmbeddedIndex(name, db, mode === "write");
        index.#begin();
        return index;
      } catch (error) {
        db.close();
        throw error;
      }
    } catch (error) {
      const hint = mode === "read" && error instanceof Deno.errors.NotFound
        ? '; "deno task ingest" makes it'
        : "";
      throw new SetupError(`Cannot open index "${path}": ${fileReason(error)}${hint}`, {
        cause: error,
      });
    }
  }

  get dims(): number | undefined {
    return this.#coder?.dims;
  }

  count(): number {
    return Number(this.#get("SELECT count(*) AS n FROM document")?.n);
  }

  bulk(items: readonly IndexItem[]): BulkResult[] {
    return this.#write(() => items.map((item) => this.#put(item)));
  }

  clear(): void {
    this.#write(() => {
      for (const table of ["document", "code", "vector"]) this.#db.exec(`DELETE FROM ${table}`);
      this.#db.exec("DELETE FROM meta WHERE key <> 'format'");
      this.#coder = undefined;
    });
  }

  vector(id: string): Float32Array | undefined {
    return this.#read(() => {
      const sql = "SELECT value FROM vector JOIN document USING (row) WHERE id = ?";
      const found = this.#get(sql, id);
      return found && toFloats(found.value as Uint8Array);
    });
  }

  nearest(vector: Float32Array, k: number): Hit[] {
    return this.#read(() => {
      this.#noticeChanges();
      if (this.#coder === undefined) return [];
      const { rows, codes } = this.#scan ??= this.#loadCodes(this.#coder);
      const query = new Uint32Array(this.#coder.words);
      this.#coder.encode(vector, query);
      const distances = new Uint16Array(rows.length);
      hammingDistances(codes, query, distances);
      const candidates = nearestRows(distances, Math.max(MIN_CANDIDATES, CANDIDATES_PER_HIT * k));
      return this.#compare(vector, candidates.map((i) => rows[i]!), k);
    });
  }

  [Symbol.dispose](): void {
    if (this.#writable) {
      try {
        // Without a write-ahead log, those who may only read the folder can read the index.
        this.#db.exec("PRAGMA journal_mode = DELETE");
      } catch {
        // Others have it open: the log stays.
      }
    }
    this.#db.close();
  }

  /** All of the work or none of it, in the file and in memory. */
  #write<T>(work: () => T): T {
    const coder = this.#coder;
    this.#scan = undefined;
    try {
      return this.#transaction("BEGIN IMMEDIATE", () => {
        this.#noticeChanges();
        return work();
      });
    } catch (error) {
      this.#coder = coder;
      throw new SetupError(`Cannot write to index "${this.name}": ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }

  /** All of the work on one state of the file. */
  #read<T>(work: () => T): T {
    try {
      return this.#transaction("BEGIN", work);
    } catch (error) {
      throw new SetupError(`Cannot read index "${this.name}": ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }

  #transaction<T>(begin: "BEGIN" | "BEGIN IMMEDIATE", work: () => T): T {
    this.#db.exec(begin);
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK"); // SQLite does it itself on a full disk
      throw error;
    }
  }

  /** Reads again what another connection may have changed. */
  #noticeChanges(): void {
    const version = this.#get("PRAGMA data_version")?.data_version;
    if (version === this.#dataVersion) return;
    this.#dataVersion = version;
    this.#scan = undefined;
    const meta = this.#meta();
    const dims = meta.get("dims");
    this.#coder = dims === undefined ? undefined : new BinaryCoder(dims, meta.get("seed")!);
  }

  #meta(): Map<string, number> {
    const rows = this.#statement("SELECT key, value FROM meta").all();
    return new Map(rows.map(({ key, value }) => [String(key), Number(value)]));
  }

  #begin(): void {
    this.#db.exec("PRAGMA busy_timeout = 10000");
    if (this.#writable) this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    const tables = Number(this.#get("SELECT count(*) AS n FROM sqlite_master")?.n);
    if (tables === 0 && this.#writable) {
      this.#db.exec(`BEGIN; ${SCHEMA}; INSERT INTO meta VALUES ('format', ${FORMAT}); COMMIT`);
    }
    const format = this.#meta().get("format");
    if (format !== FORMAT) throw new Error(`it has format ${format}, this version reads ${FORMAT}`);
    this.#noticeChanges();
  }

  #put({ document, vector }: IndexItem): BulkResult {
    const { id } = document;
    const coder = this.#coder ??= this.#firstCoder(vector.length);
    if (vector.length !== coder.dims) {
      const error = new TypeError(`vector of ${vector.length} numbers in place of ${coder.dims}`);
      return { id, error };
    }
    const source = JSON.stringify(document);
    const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
    const digest = createHash("sha256").update(source).update(bytes).digest();
    const old = this.#get("SELECT row, digest FROM document WHERE id = ?", id);
    if (old !== undefined && digest.equals(old.digest as Uint8Array)) return { id, result: "noop" };
    const bits = new Uint32Array(coder.words);
    coder.encode(vector, bits);
    const row = old?.row ?? null;
    const { lastInsertRowid } = this.#statement(
      "INSERT OR REPLACE INTO document (row, id, source, digest) VALUES (?, ?, ?, ?)",
    ).run(row, id, source, digest);
    this.#statement("INSERT OR REPLACE INTO code VALUES (?, ?)")
      .run(lastInsertRowid, new Uint8Array(bits.buffer));
    this.#statement("INSERT OR REPLACE INTO vector VALUES (?, ?)").run(lastInsertRowid, bytes);
    return { id, result: old === undefined ? "created" : "updated" };
  }

  #firstCoder(dims: number): BinaryCoder {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
    const insert = this.#statement("INSERT INTO meta VALUES (?, ?)");
    insert.run("dims", dims);
    insert.run("seed", seed);
    return new BinaryCoder(dims, seed);
  }

  #loadCodes({ words }: BinaryCoder): { rows: number[]; codes: Uint32Array } {
    const rows: number[] = [];
    const codes = new Uint32Array(this.count() * words);
    for (const { row, bits } of this.#statement("SELECT row, bits FROM code").iterate()) {
      const { buffer, byteOffset, byteLength } = (bits as Uint8Array).slice();
      codes.set(new Uint32Array(buffer, byteOffset, byteLength / 4), rows.length * words);
      rows.push(Number(row));
    }
    return { rows, codes };
  }

  #compare(vector: Float32Array, rows: readonly number[], k: number): Hit[] {
    const select = this.#statement("SELECT value FROM vector WHERE row = ?");
    const source = this.#statement("SELECT source FROM document WHERE row = ?");
    const length = Math.sqrt(dot(vector, vector));
    const found = rows.map((row) => {
      const other = toFloats(select.get(row)!.value as Uint8Array);
      const cosine = dot(vector, other) / (length * Math.sqrt(dot(other, other)));
      return { row, similarity: Math.max(-1, Math.min(1, cosine)) };
    });
    found.sort((a, b) => b.similarity - a.similarity);
    // As many as are as near as the last one, so that the order by id decides among equals.
    const last = found[Math.min(k, found.length) - 1]?.similarity ?? 0;
    return found.filter(({ similarity }) => similarity >= last)
      .map(({ row, similarity }) => ({
        similarity,
        document: JSON.parse(source.get(row)!.source as string) as Document,
      }))
      .sort((a, b) => b.similarity - a.similarity || (a.document.id < b.document.id ? -1 : 1))
      .slice(0, k);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.#db.prepare(sql));
    return statement;
  }

  #get(sql: string, ...values: (string | number)[]) {
    return this.#statement(sql).get(...values);
  }
}

/** Dot product in double precision. */
function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** float32 numbers of a blob, which may lie at any address. */
function toFloats(blob: Uint8Array): Float32Array {
  return new Float32Array(blob.slice().buffer);
}
