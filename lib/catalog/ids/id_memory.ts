/** What a records folder knows of its records, so that one id has one file: `.maken/ids.sqlite`. */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { exists, STATE_DIR } from "../../shared/files.ts";
import type { OutputFolder } from "../../shared/output_folder.ts";
import { below } from "../../shared/walk.ts";
import { stemOf } from "../record_files.ts";
import { type IdTables, NOT_LOOKED_AT } from "./id_tables.ts";
import { explained, isOfTables, openTables } from "./open_tables.ts";
import { areInOneFolder, currentOf, idIn } from "./same_record.ts";

/** Folders that are remembered to be noted as changing. */
const MAX_CHANGING = 10_000;

/** A time that no folder has: the next run looks at it again. */
const UNREADABLE = 0;

/** The longest that the clock of a file system stands still. */
const CLOCK_TICK_MS = 10;

/** Where a record is to lie. */
export interface Place {
  readonly folder: string;
  /** It lay elsewhere so far, or nowhere. */
  readonly isNew: boolean;
  /** Folders in which older files of it lie. */
  readonly older: readonly string[];
}

/** Remembers where the record of each id lies and lay. For the one run that writes to the folder. */
export class IdMemory implements AsyncDisposable {
  readonly #changing = new Set<string>();
  #hasOutdated = false;

  private constructor(
    private readonly output: OutputFolder,
    private readonly tables: IdTables,
    /** Levels of folders that records lie in. */
    private readonly depth: number,
  ) {}

  /**
   * Opens the memory of a folder. What was changed without it, or where there is none yet, is seen by a
   * walk.
   *
   * @param levels of folders that records are grouped by
   * @param onNotice is told what a user should know, in one line
   * @throws {SetupError} if it cannot be written, or a file of another program is in its place
   */
  static async open(
    output: OutputFolder,
    levels: number,
    onNotice: (text: string) => void = () => {},
    signal?: AbortSignal,
  ): Promise<IdMemory> {
    const tables = openTables(output.path, onNotice);
    const memory = new IdMemory(output, tables, Math.max(1, levels));
    try {
      await memory.#guarded(() => memory.#look(signal));
      return memory;
    } catch (error) {
      tables[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Where a record that the catalogue gave is to lie, which is remembered. Its older files are remembered
   * as such until {@linkcode removeOlder}.
   *
   * @param wanted folder of the record's group
   */
  place(id: string, wanted: string): Place {
    const isThere = exists(join(this.output.path, wanted, `${id}.json`));
    // As every file in the folder is known, it lies nowhere else.
    if (isThere && !this.#hasOutdated) return { folder: wanted, isNew: false, older: [] };
    return this.#guardedNow(() => {
      if (this.tables.add(id, wanted)) return { folder: wanted, isNew: true, older: [] };
      const known = this.tables.folderOf(id)!;
      // Folders of older scripts have names in capitals: to move what lies there would be for nothing.
      const folder = isSameName(known, wanted) ? known : wanted;
      if (known !== folder) {
        this.tables.place(id, folder);
        this.tables.leave(id, known, true);
        this.#hasOutdated = true;
      }
      const older = this.#hasOutdated
        ? this.tables.earlier(id).filter(({ isThere }) => isThere)
        : [];
      // Killed from here on, the next run knows of both files.
      if (older.length > 0) this.tables.commit();
      return { folder, isNew: known !== folder, older: older.map(({ folder }) => folder) };
    });
  }

  /** Folders that the record lay in before. */
  earlierFolders(id: string): readonly string[] {
    return this.#guardedNow(() => this.tables.earlier(id).map(({ folder }) => folder));
  }

  /**
   * Removes an older file of a record; one that holds another id is left.
   *
   * @returns whether there was one
   * @throws {FileError} if it cannot be removed
   */
  removeOlder(id: string, older: string, folder: string): boolean {
    const name = `${id}.json`;
    const path = join(this.output.path, older, name);
    const found = idIn(path);
    const isOlder = (found === id || found === null) &&
      !areInOneFolder([path, join(this.output.path, folder, name)]);
    if (isOlder) {
      this.changing(older);
      this.output.remove(below(older, name));
    }
    this.#guardedNow(() => this.tables.leave(id, older, false));
    return isOlder;
  }

  /** A file is about to be written to, or removed from, this folder. */
  changing(folder: string): void {
    if (this.#changing.has(folder)) return;
    if (this.#changing.size >= MAX_CHANGING) this.#changing.clear();
    this.#guardedNow(() => {
      for (let path = folder;; path = parentOf(path)) {
        this.#changing.add(path);
        this.tables.noteFolder({ path, changed: null });
        if (path === "") break;
      }
    });
  }

  /** Keeps what was remembered, even if the run is killed. */
  keep(): void {
    this.#guardedNow(() => this.tables.commit());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // Whatever changes a folder from now on gives it another time.
      if (this.#changing.size > 0) await setTimeout(CLOCK_TICK_MS);
      this.tables.settle();
      this.#note("", this.#changedAt("")); // as a run may leave its logs there
      const changed = [...this.tables.folders()].filter(({ changed }) => changed === null);
      for (const { path } of changed) this.#note(path, this.#changedAt(path));
      this.tables.commit();
    } catch {
      // The next run sees that the folders are not as it knows them.
    }
    this.tables[Symbol.dispose]();
  }

  /** Looks at the folders that are not as they were. */
  async #look(signal?: AbortSignal): Promise<void> {
    const { tables } = this;
    const pending: string[] = [];
    if (tables.isEmpty()) tables.noteFolder({ path: "", changed: null });
    for (const { path, changed } of tables.folders()) {
      const isPassedOver = changed === NOT_LOOKED_AT && !this.#isOwn(path);
      if (!isPassedOver && changed !== this.#changedAt(path)) pending.push(path);
    }
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      signal?.throwIfAborted();
      const changed = this.#changedAt(path);
      const isKnown = changed === undefined || await this.#list(path, pending, signal);
      this.#note(path, isKnown ? changed : UNREADABLE);
    }
    tables.commit();
    this.#hasOutdated = tables.hasOutdated();
  }

  /** Notes the records of a folder, and which folders below it are new; false if it cannot be read. */
  async #list(folder: string, pending: string[], signal?: AbortSignal): Promise<boolean> {
    const { tables, output } = this;
    try {
      for await (const { name, isDirectory } of Deno.readDir(join(output.path, folder))) {
        signal?.throwIfAborted();
        const path = below(folder, name);
        if (!isDirectory && name.endsWith(".json")) this.#find(stemOf(name), folder);
        if (!isDirectory || name === STATE_DIR || tables.hasFolder(path)) continue;
        const isOwn = this.#isOwn(path);
        // Killed from here on, the next run looks at it.
        tables.noteFolder({ path, changed: isOwn ? null : NOT_LOOKED_AT });
        if (isOwn) pending.push(path);
      }
      return true;
    } catch (error) {
      if (signal?.aborted || isOfTables(error)) throw error;
      return false;
    }
  }

  /** A record was found in a folder. */
  #find(id: string, folder: string): void {
    const { tables, output } = this;
    if (tables.add(id, folder)) return;
    const known = tables.folderOf(id)!;
    if (known === folder) return;
    if (tables.earlier(id).some((other) => other.folder === folder && other.isThere)) return;
    const pathIn = (other: string) => join(output.path, other, `${id}.json`);
    if (!exists(pathIn(known))) return tables.place(id, folder);
    const later = currentOf(id, [pathIn(known), pathIn(folder)]);
    if (later === undefined) return;
    if (later.current === 1) tables.place(id, folder);
    tables.leave(id, later.current === 1 ? known : folder, true);
  }

  /** Whether the records of a folder are this one's: not those of another output folder below it. */
  #isOwn(path: string): boolean {
    return path.split("/").length <= this.depth && !exists(join(this.output.path, path, STATE_DIR));
  }

  #note(path: string, changed: number | undefined): void {
    if (changed === undefined) this.tables.forgetFolder(path);
    else this.tables.noteFolder({ path, changed });
  }

  #changedAt(folder: string): number | undefined {
    return changedAt(join(this.output.path, folder));
  }

  #guardedNow<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw explained(error, this.output.path, this.tables);
    }
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explained(error, this.output.path, this.tables);
    }
  }
}

/** When something in a folder was made, renamed or removed, in milliseconds since 1970. */
export function changedAt(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  } catch {
    return undefined; // not to be seen by this run
  }
}

function isSameName(a: string, b: string): boolean {
  return a === b || a.normalize("NFC").toLowerCase() === b.normalize("NFC").toLowerCase();
}

function parentOf(path: string): string {
  const parent = dirname(path);
  return parent === "." ? "" : parent;
}
