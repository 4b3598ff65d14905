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
  /** `read` needs the file to be there; `write` makes it; `recreate` begins anew. */
  readonly mode: "read" | "write" | "recreate";
}

/** Opens an embedded index. */
export class EmbeddedIndex implements VectorIndex {
  readonly name: string;
  readonly #db: DatabaseSync;
  readonly #statements: Map<string, StatementSync> = new Map();
  #coder: BinaryCoder | undefined;
  /** Rows of the file in the order of `#codes`; both undefined until a search wants them. */
  #rows: number[] | undefined;
  #codes = new Uint32Array();

  private constructor(name: string, db: DatabaseSync) {
    this.name = name;
    this.#db = db;
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
      if (mode === "recreate") {
        for (const end of ["-wal", "-shm", ""]) await removeIfThere(path + end);
      }
      const db = new DatabaseSync(path, { readOnly: mode === "read" });
      try {
        const index = new EmbeddedIndex(name, db);
        index.#begin(mode !== "read");
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
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const results = items.map((item) => this.#put(item));
      this.#db.exec("COMMIT");
      this.#rows = undefined;
      return results;
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw new SetupError(`Cannot write to index "${this.name}": ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }

  vector(id: string): Float32Array | undefined {
    const sql = "SELECT value FROM vector JOIN document USING (row) WHERE id = ?";
    const found = this.#get(sql, id);
    return found && toFloats(found.value as Uint8Array);
  }

  nearest(vector: Float32Array, k: number): Hit[] {
    if (this.#coder === undefined) return [];
    this.#loadCodes(this.#coder);
    const query = new Uint32Array(this.#coder.words);
    this.#coder.encode(vector, query);
    const distances = new Uint16Array(this.#rows!.length);
    hammingDistances(this.#codes, query, distances);
    const candidates = nearestRows(distances, Math.max(MIN_CANDIDATES, CANDIDATES_PER_HIT * k));
    return this.#compare(vector, candidates.map((i) => this.#rows![i]!), k);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #begin(writable: boolean): void {
    if (writable) this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    this.#db.exec("PRAGMA busy_timeout = 10000");
    const tables = Number(this.#get("SELECT count(*) AS n FROM sqlite_master")?.n);
    if (tables === 0 && writable) {
      this.#db.exec(`BEGIN; ${SCHEMA}; INSERT INTO meta VALUES ('format', ${FORMAT}); COMMIT`);
    }
    const meta = new Map(
      this.#statement("SELECT key, value FROM meta").all().map((row) => [row.key, row.value]),
    );
    if (meta.get("format") !== FORMAT) {
      throw new Error(`it has format ${meta.get("format")}, this version reads ${FORMAT}`);
    }
    const dims = meta.get("dims");
    const seed = meta.get("seed");
    if (dims !== undefined) this.#coder = new BinaryCoder(Number(dims), Number(seed));
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

  #loadCodes({ words }: BinaryCoder): void {
    if (this.#rows !== undefined) return;
    this.#rows = [];
    this.#codes = new Uint32Array(this.count() * words);
    for (const { row, bits } of this.#statement("SELECT row, bits FROM code").iterate()) {
      const { buffer, byteOffset, byteLength } = (bits as Uint8Array).slice();
      this.#codes.set(
        new Uint32Array(buffer, byteOffset, byteLength / 4),
        this.#rows.length * words,
      );
      this.#rows.push(Number(row));
    }
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

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
