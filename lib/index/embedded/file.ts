/** The SQLite file of an embedded index: its tables, and transactions on it. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { fileReason, SetupError } from "../../shared/errors.ts";
import type { Document } from "../types.ts";
import { fileState, foreignLog, logReason, missingLog, NO_INDEX, PAGE_BYTES } from "./log_file.ts";
import { linkOutOf } from "../../shared/files.ts";
import { commandLine } from "../../shared/program.ts";
import { APPLICATION, FORMAT, type Meta, NEW_COLUMN, SCHEMA } from "./schema.ts";

/** How long another connection's lock is waited for. */
const BUSY_MS = 30_000;
/** SQLite's code for that, in the lowest byte; the others tell the kind of lock. */
const SQLITE_BUSY = 5;

/** `read` needs the file to be there; `write` makes it. */
export type Mode = "read" | "write";

/** How a file is opened, besides its mode. */
export interface FileOptions {
  /** An index of another format makes way for a new one. */
  readonly recreate?: boolean;
  /** Told what a user should know, in one line. */
  readonly onNotice?: (text: string) => void;
}

/** An open file. */
export class EmbeddedFile {
  readonly #statements = new Map<string, StatementSync>();

  private constructor(readonly path: string, readonly db: DatabaseSync, readonly mode: Mode) {}

  /**
   * Opens `<dir>/<name>.sqlite`, in mode `write` makes it.
   *
   * @throws {SetupError} if it is not there, not an index, or cannot be written
   */
  static async open(
    dir: string,
    name: string,
    mode: Mode,
    { recreate = false, onNotice = () => {} }: FileOptions = {},
  ): Promise<EmbeddedFile> {
    const path = join(dir, `${name}.sqlite`);
    const state = await fileState(path);
    try {
      const foreign = await foreignLog(state);
      const missing = missingLog(state);
      if (foreign !== undefined) throw new Error(foreign);
      if (mode === "read") await Deno.stat(path);
      else {
        await Deno.mkdir(dir, { recursive: true });
        if (linkOutOf(dir, `${name}.sqlite`) !== undefined) {
          throw new TypeError("it is a symbolic link that leads out of its folder");
        }
      }
      const file = new EmbeddedFile(
        path,
        new DatabaseSync(path, { readOnly: mode === "read" }),
        mode,
      );
      try {
        if (!recreate || !file.#hasOtherFormat()) {
          await whenFree(() => file.#begin());
          if (missing !== undefined) onNotice(missing);
          return file;
        }
      } catch (error) {
        file.db.close();
        throw error;
      }
      file.db.close();
      // Its log first: a new file must not take it for its own.
      for (const end of ["-journal", "-wal", "-shm", ""]) await rm(path + end, { force: true });
      return await EmbeddedFile.open(dir, name, mode);
    } catch (error) {
      const hint = mode === "read" && error instanceof Deno.errors.NotFound
        ? `; "${commandLine("ingest")}" makes it`
        : "";
      const reason = logReason(state, error) ?? `${fileReason(error)}${hint}`;
      throw new SetupError(`Cannot open index "${path}": ${reason}`, {
        cause: error,
      });
    }
  }

  /** All of the work on one state of the file, and all of its changes or none. */
  transaction<T>(begin: "BEGIN" | "BEGIN IMMEDIATE", work: () => T): T {
    this.db.exec(begin);
    try {
      const result = work();
      this.db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.db.isTransaction) this.db.exec("ROLLBACK"); // SQLite does it itself on a full disk
      throw error;
    }
  }

  /** The statement, prepared once. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.db.prepare(sql));
    return statement;
  }

  /** First row of an answer. */
  get(sql: string, ...values: SQLInputValue[]) {
    return this.prepare(sql).get(...values);
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.prepare(sql).run(...values);
  }

  /** The document in a row, if there is one. */
  document(row: number): Document | undefined {
    const found = this.get("SELECT source FROM document WHERE row = ?", row);
    return found && JSON.parse(String(found.source));
  }

  meta(): Meta {
    const meta = this.get("SELECT * FROM meta");
    if (meta === undefined) throw new Error("it has lost its first table");
    return { ...meta } as unknown as Meta;
  }

  close(): void {
    if (this.mode === "write") {
      try {
        // Without a write-ahead log, those who may only read the folder can read the index.
        this.db.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE");
      } catch {
        // Others have it open: the log stays.
      }
    }
    this.db.close();
  }

  #begin(): void {
    // SQLite's own wait holds up the thread, on which a server may have others to answer.
    this.db.exec(`PRAGMA busy_timeout = ${this.mode === "read" ? 0 : BUSY_MS}`);
    const isNew = this.mode === "write" && this.get("SELECT 1 FROM sqlite_master") === undefined;
    if (!isNew) this.#checkFormat();
    if (this.mode === "read") return;
    if (isNew) this.db.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
    // The log goes into the file when it has 8,000 pages (64 MB), not at every transaction.
    this.db.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;
      PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864
    `);
    if (isNew) this.transaction("BEGIN IMMEDIATE", () => this.#create());
    this.#checkFormat();
    if (!this.#hasNewColumn()) this.transaction("BEGIN IMMEDIATE", () => this.#addNewColumn());
  }

  /** Whether this is an index, but not one that this version can use. */
  #hasOtherFormat(): boolean {
    return this.#isIndex() && this.get("PRAGMA user_version")!.user_version !== FORMAT;
  }

  #isIndex(): boolean {
    const isFirstFormat = this.get("SELECT 1 FROM sqlite_master WHERE name = 'code'") !== undefined;
    return isFirstFormat || this.get("PRAGMA application_id")!.application_id === APPLICATION;
  }

  #checkFormat(): void {
    if (!this.#isIndex()) throw new Error(NO_INDEX);
    const format = this.get("PRAGMA user_version")!.user_version;
    if (Number(format) > FORMAT) {
      throw new Error(
        `it has format ${format}, which a later version of Maken made, and this version reads ` +
          `${FORMAT}: use that version for it, or another name for an index of this one`,
      );
    }
    if (format !== FORMAT) {
      throw new Error(
        `it has format ${format || 1}, and this version reads ${FORMAT}; ` +
          `"${commandLine("ingest --recreate-index")}" begins it anew`,
      );
    }
  }

  #hasNewColumn(): boolean {
    const sql = "SELECT 1 FROM pragma_table_info('meta') WHERE name = ?";
    return this.get(sql, NEW_COLUMN) !== undefined;
  }

  #addNewColumn(): void {
    if (this.#hasNewColumn()) return; // another process was first
    this.db.exec(`ALTER TABLE meta ADD COLUMN ${NEW_COLUMN} TEXT`);
  }

  #create(): void {
    if (this.get("SELECT 1 FROM sqlite_master") !== undefined) return; // another process was first
    this.db.exec(
      `${SCHEMA}; PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${FORMAT}`,
    );
  }
}

/** Does the work, again and again while another connection has locked the file. */
export async function whenFree<T>(work: () => T): Promise<T> {
  for (const start = performance.now();;) {
    try {
      return work();
    } catch (error) {
      const { errcode } = error as { errcode?: unknown };
      const isLocked = typeof errcode === "number" && (errcode & 0xff) === SQLITE_BUSY;
      if (!isLocked || performance.now() - start > BUSY_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/**
 * uint32 numbers of a blob, copied.
 *
 * @throws {Error} if there are not `length` of them
 */
export function toIntegers(blob: unknown, length: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(bytesOf(blob, 4 * length).slice().buffer);
}

/**
 * float32 numbers of a blob, in its own memory.
 *
 * @throws {Error} if there are not `length` of them
 */
export function toFloats(blob: unknown, length: number): Float32Array<ArrayBuffer> {
  const { buffer, byteOffset } = bytesOf(blob, 4 * length);
  return new Float32Array(buffer, byteOffset, length);
}

/**
 * A blob's bytes.
 *
 * @throws {Error} if there are not `length` of them
 */
export function bytesOf(blob: unknown, length: number): Uint8Array<ArrayBuffer> {
  if (blob instanceof Uint8Array && blob.length === length) return blob as Uint8Array<ArrayBuffer>;
  throw new Error("it is damaged: a blob does not have the size that it should have");
}
