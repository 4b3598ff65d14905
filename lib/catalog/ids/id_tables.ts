/** The SQLite tables that tell where the record of each id lies. */
import { isAbsolute, join, sep } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { STATE_DIR } from "../../shared/files.ts";

/** "Maki": what SQLite keeps as `application_id`. */
const APPLICATION = 0x4d616b69;
/** Another number is another layout; SQLite keeps it as `user_version`. */
const FORMAT = 1;
/** How long another connection's lock is waited for: a reader can do without an answer. */
const BUSY_MS = { write: 10_000, read: 500 };

/** Changes in a transaction at the most, so that what is not yet written stays small. */
const TOGETHER = 100_000;
/** Most memory that SQLite keeps pages in, in KiB. */
const CACHE_KIB = 65_536;

/** Value of {@linkcode KnownFolder.changed} of a folder whose records are not looked at. */
export const NOT_LOOKED_AT = -1;

/**
 * `record`: the folder of each id's record. `earlier`: folders that it lay in before; where `is_there` is
 * 1, a file of it may lie there still. `folder`: every folder below the root, with the time of its last
 * change that these tables know of; none while a run changes it.
 */
const SCHEMA = `
  CREATE TABLE record (id TEXT PRIMARY KEY, folder TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE earlier (
    id TEXT NOT NULL, folder TEXT NOT NULL, is_there INTEGER NOT NULL, PRIMARY KEY (id, folder)
  ) WITHOUT ROWID;
  CREATE TABLE folder (path TEXT PRIMARY KEY, changed REAL) WITHOUT ROWID;
`;
const THERE = "earlier_there ON earlier (id) WHERE is_there = 1";

/** A folder that a record lay in. */
export interface EarlierFolder {
  readonly folder: string;
  /** Whether a file of the record may lie there still. */
  readonly isThere: boolean;
}

/** A folder, relative to the root. */
export interface KnownFolder {
  readonly path: string;
  /** Milliseconds since 1970; null while a run changes it; {@linkcode NOT_LOOKED_AT}. */
  readonly changed: number | null;
}

/** A file that is no memory of ids, or one that this version does not know; it is left as it is. */
export class OtherTables extends Error {
  /** @param isMaken whether it is Maken's, of another format */
  constructor(readonly isMaken: boolean) {
    super(isMaken ? "it has another format" : "it is not Maken's");
  }
}

/** Where records lie, by their ids. All paths are relative to a root, with `/`. */
export class IdTables implements Disposable {
  readonly #statements = new Map<string, StatementSync>();
  #waiting = 0;

  private constructor(private readonly db: DatabaseSync, private readonly root: string) {}

  /**
   * Opens the tables of a file, and makes them where it has none.
   *
   * @param root absolute path of the records' folder
   * @throws {OtherTables} if it holds something else
   * @throws {Error} of SQLite
   */
  static open(path: string, root: string): IdTables {
    return IdTables.#of(new DatabaseSync(path), root, (tables) => {
      tables.db.exec(`PRAGMA busy_timeout = ${BUSY_MS.write}`);
      if (tables.#row("SELECT 1 FROM sqlite_master") === undefined) tables.#create();
      tables.#check();
      // What is lost with the power is seen by a walk; a killed run's transaction is undone.
      tables.db.exec(`PRAGMA synchronous = OFF; PRAGMA cache_size = -${CACHE_KIB}`);
    });
  }

  /** Opens the tables of a file that others may be writing. */
  static read(path: string, root: string): IdTables {
    return IdTables.#of(
      new DatabaseSync(path, { readOnly: true }),
      root,
      (tables) => tables.#check(),
    );
  }

  /** Tables of their own, which go to disk where they get large, and are gone at the end. */
  static temporary(root: string): IdTables {
    return IdTables.#of(new DatabaseSync(":memory:"), root, ({ db }) => {
      const schema = SCHEMA.replaceAll("CREATE TABLE", "CREATE TEMP TABLE");
      db.exec(`PRAGMA temp_store = FILE; ${schema}; CREATE INDEX temp.${THERE}`);
      db.exec(`PRAGMA temp.cache_size = -${CACHE_KIB}`);
    });
  }

  static #of(db: DatabaseSync, root: string, begin: (tables: IdTables) => void): IdTables {
    try {
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS.read}`);
      const tables = new IdTables(db, root);
      begin(tables);
      return tables;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Whether nothing is known of any folder. */
  isEmpty(): boolean {
    return this.#row("SELECT 1 FROM folder LIMIT 1") === undefined;
  }

  folderOf(id: string): string | undefined {
    const row = this.#row("SELECT folder FROM record WHERE id = ?", id);
    return row && this.#below(row.folder);
  }

  /** Notes the folder of a record of which none is known; false if one is. */
  add(id: string, folder: string): boolean {
    return this.#write("INSERT OR IGNORE INTO record VALUES (?, ?)", id, folder) > 0;
  }

  /** Notes the folder of a record; it was in no other one unless that is noted, too. */
  place(id: string, folder: string): void {
    this.#write("INSERT OR REPLACE INTO record VALUES (?, ?)", id, folder);
    this.#write("DELETE FROM earlier WHERE id = ? AND folder = ?", id, folder);
  }

  /** Notes a folder that the record lay in before. */
  leave(id: string, folder: string, isThere: boolean): void {
    this.#write("INSERT OR REPLACE INTO earlier VALUES (?, ?, ?)", id, folder, isThere ? 1 : 0);
  }

  /** The folders that the record lay in before. */
  earlier(id: string): EarlierFolder[] {
    const rows = this.#prepared("SELECT folder, is_there FROM earlier WHERE id = ?").all(id);
    return rows.map((row) => ({ folder: this.#below(row.folder), isThere: row.is_there === 1 }));
  }

  /** Files that may lie where their records lay before. */
  *outdated(): Generator<{ readonly id: string; readonly folder: string }> {
    const sql = "SELECT id, folder FROM earlier WHERE is_there = 1";
    for (const row of this.#prepared(sql).iterate()) {
      yield { id: String(row.id), folder: this.#below(row.folder) };
    }
  }

  hasOutdated(): boolean {
    return this.#row("SELECT 1 FROM earlier WHERE is_there = 1 LIMIT 1") !== undefined;
  }

  hasEarlier(): boolean {
    return this.#row("SELECT 1 FROM earlier LIMIT 1") !== undefined;
  }

  /** Every folder that is known. */
  *folders(): Generator<KnownFolder> {
    for (const row of this.#prepared("SELECT path, changed FROM folder").iterate()) {
      yield { path: this.#below(row.path), changed: row.changed as number | null };
    }
  }

  noteFolder({ path, changed }: KnownFolder): void {
    this.#write("INSERT OR REPLACE INTO folder VALUES (?, ?)", path, changed);
  }

  hasFolder(path: string): boolean {
    return this.#row("SELECT 1 FROM folder WHERE path = ?", path) !== undefined;
  }

  forgetFolder(path: string): void {
    this.#write("DELETE FROM folder WHERE path = ?", path);
  }

  /** Keeps what was noted. */
  commit(): void {
    this.#waiting = 0;
    if (this.db.isTransaction) this.#run("COMMIT");
  }

  /** Keeps what was noted, and what is noted from now on, even if the power goes. */
  settle(): void {
    this.commit();
    this.db.exec("PRAGMA synchronous = FULL");
  }

  /** Closes the file; what was not kept is lost. */
  [Symbol.dispose](): void {
    if (this.db.isOpen) this.db.close();
  }

  #write(sql: string, ...values: SQLInputValue[]): number {
    if (this.#waiting++ > TOGETHER) this.commit();
    if (!this.db.isTransaction) this.#run("BEGIN IMMEDIATE");
    return this.#run(sql, ...values);
  }

  /** Not by `exec`, whose errors have no codes. */
  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepared(sql).run(...values).changes);
  }

  #row(sql: string, ...values: SQLInputValue[]) {
    return this.#prepared(sql).get(...values);
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, statement = this.db.prepare(sql));
    return statement;
  }

  /** A folder as it was read, which may be anything in a file that others changed. */
  #below(folder: unknown): string {
    const path = String(folder);
    const isBelow = path === "" ||
      !isAbsolute(path) && join(this.root, path).startsWith(join(this.root, sep)) &&
        !path.split(/[\\/]/).some((name) => ["", ".", "..", STATE_DIR].includes(name));
    if (!isBelow) throw new DamagedTables(`it tells of a folder outside: ${JSON.stringify(path)}`);
    return path;
  }

  #create(): void {
    this.db.exec(`BEGIN IMMEDIATE; ${SCHEMA}; CREATE INDEX ${THERE};
      PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${FORMAT}; COMMIT`);
  }

  #check(): void {
    const isMaken = this.#row("PRAGMA application_id")?.application_id === APPLICATION;
    if (!isMaken || this.#row("PRAGMA user_version")?.user_version !== FORMAT) {
      throw new OtherTables(isMaken);
    }
    this.#row("SELECT id, folder FROM record LIMIT 1");
    this.#row("SELECT id, folder, is_there FROM earlier LIMIT 1");
    this.#row("SELECT path, changed FROM folder LIMIT 1");
  }
}

/** What is in the tables cannot be so. */
class DamagedTables extends Error {}

/** SQLite's codes, in the lowest byte: damage, no file of its kind, no space. And a table that is gone. */
const SQLITE_ERROR = 1, SQLITE_CORRUPT = 11, SQLITE_FULL = 13, SQLITE_NOTADB = 26;

/** Whether an error says that the tables are damaged. */
export function isDamage(error: unknown): boolean {
  return error instanceof DamagedTables ||
    [SQLITE_ERROR, SQLITE_CORRUPT, SQLITE_NOTADB].includes(sqliteCode(error));
}

/** Whether an error says that there is no space for the tables. */
export function isFull(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_FULL;
}

function sqliteCode(error: unknown): number {
  return Number((error as { errcode?: unknown } | null)?.errcode ?? 0) & 0xff;
}
