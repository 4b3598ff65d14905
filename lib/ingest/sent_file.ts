/** What was sent to indexes that cannot tell it themselves: `.maken/sent.sqlite`. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { SentMemory } from "../index/server/fingerprints.ts";
import { fileReason, SetupError } from "../shared/errors.ts";
import { linkOutOf, STATE_DIR } from "../shared/files.ts";

const FILE = `${STATE_DIR}/sent.sqlite`;
/** Another number is another layout. */
const FORMAT = 1;
/** How long another run's transaction is waited for, in milliseconds. */
const BUSY_MS = 10_000;

const SCHEMA = `
  CREATE TABLE sent (
    generation TEXT NOT NULL, id TEXT NOT NULL, fingerprint TEXT NOT NULL,
    PRIMARY KEY (generation, id)
  ) WITHOUT ROWID;
  CREATE TABLE target (name TEXT PRIMARY KEY, generation TEXT NOT NULL);
  PRAGMA user_version = ${FORMAT};
`;

/** The memory of one index in the output folder of its loads; opened when it is first wanted. */
export class SentFile implements SentMemory, Disposable {
  readonly #path: string;
  #db: DatabaseSync | undefined;

  /**
   * @param dir output folder
   * @param target which index of which server this is about
   */
  constructor(private readonly dir: string, private readonly target: string) {
    this.#path = join(dir, FILE);
  }

  get(generation: string, ids: readonly string[]): ReadonlyMap<string, string> {
    return this.#use((db) => {
      const one = db.prepare("SELECT fingerprint FROM sent WHERE generation = ? AND id = ?");
      const found = ids.map((id) => [id, one.get(generation, id)?.fingerprint] as const);
      return new Map(
        found.flatMap(([id, value]) => value === undefined ? [] : [[id, String(value)]]),
      );
    });
  }

  put(generation: string, sent: ReadonlyMap<string, string>): void {
    this.#use((db) => {
      db.exec("BEGIN IMMEDIATE");
      try {
        this.#begin(db, generation);
        const one = db.prepare("REPLACE INTO sent VALUES (?, ?, ?)");
        for (const [id, fingerprint] of sent) one.run(generation, id, fingerprint);
        db.exec("COMMIT");
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK");
        throw error;
      }
    });
  }

  [Symbol.dispose](): void {
    this.#db?.close();
  }

  /** Forgets what was sent to the index before it was begun anew. */
  #begin(db: DatabaseSync, generation: string): void {
    const known = db.prepare("SELECT generation FROM target WHERE name = ?").get(this.target);
    if (known?.generation === generation) return;
    if (known !== undefined) {
      db.prepare("DELETE FROM sent WHERE generation = ?").run(String(known.generation));
    }
    db.prepare("REPLACE INTO target VALUES (?, ?)").run(this.target, generation);
  }

  #use<T>(work: (db: DatabaseSync) => T): T {
    try {
      return work(this.#db ??= this.#open());
    } catch (error) {
      throw new SetupError(`Cannot use "${this.#path}": ${fileReason(error)}`, { cause: error });
    }
  }

  #open(): DatabaseSync {
    if (linkOutOf(this.dir, FILE) !== undefined) {
      throw new TypeError("it is a symbolic link that leads out of its folder");
    }
    try {
      return opened(this.#path);
    } catch (error) {
      if (!/not a database|malformed|another format/.test((error as Error).message)) throw error;
      // It only saves work: without it, all is sent once more.
      for (const end of ["-journal", ""]) rmSync(this.#path + end, { force: true });
      return opened(this.#path);
    }
  }
}

function opened(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA synchronous = OFF`);
    db.exec("PRAGMA journal_mode = TRUNCATE");
    if (db.prepare("SELECT 1 FROM sqlite_master").get() === undefined) db.exec(SCHEMA);
    const format = db.prepare("PRAGMA user_version").get()!.user_version;
    if (format !== FORMAT) throw new Error("it has another format");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
