/** What those who read records know of where they lie: which files are of the past, and where they were. */
import { join } from "node:path";
import { errorMessage, SetupError } from "../../shared/errors.ts";
import { exists } from "../../shared/files.ts";
import { count } from "../../shared/progress.ts";
import { below, type Listing } from "../../shared/walk.ts";
import { recordNames, stemOf } from "../record_files.ts";
import { rglobPattern } from "../rglob.ts";
import { changedAt } from "./id_memory.ts";
import { IdTables } from "./id_tables.ts";
import { IDS_FILE } from "./open_tables.ts";
import { currentOf } from "./same_record.ts";

/** Which records are looked at. */
export interface PlacesOptions {
  /** Absolute path. */
  readonly recordsDir: string;
  readonly recordsGlob: string;
  /** Whether files of one name are of one record, whatever id they hold. */
  readonly byName?: boolean;
  readonly signal?: AbortSignal;
}

/** Where the records of a folder lie and lay; nothing is written to it. */
export class RecordPlaces implements Disposable {
  readonly #open: Disposable[] = [];
  #memory: IdTables | undefined;
  /** Tells where records lay, if it knows of any that moved. */
  #history: IdTables | undefined;
  /** Holds the files of the past, where there are some. */
  #outdated: IdTables | undefined;
  #count = 0;

  private constructor(private readonly options: PlacesOptions) {}

  /**
   * Reads the memory that download keeps in the folder, as far as it fits; where it does not, looks at the
   * names of all records.
   *
   * @throws {SetupError} if the folder cannot be read
   */
  static async open(options: PlacesOptions): Promise<RecordPlaces> {
    const places = new RecordPlaces(options);
    try {
      places.#readMemory();
      if (!places.#isTrusted()) await places.#compareNames();
      return places;
    } catch (error) {
      places[Symbol.dispose]();
      throw error;
    }
  }

  /** A line on what is passed over; undefined if nothing is. */
  get notice(): string | undefined {
    if (this.#count === 0) return undefined;
    const files = this.#count === 1
      ? "1 record lies in a second folder"
      : `${count(this.#count)} records lie in a second folder`;
    return `${files} as well: the file that came last counts`;
  }

  /** Whether a newer file of the record lies in another folder. */
  isOutdated(folder: string, stem: string): boolean {
    if (this.#outdated === undefined) return false;
    try {
      return this.#isOutdated(this.#outdated, folder, stem);
    } catch {
      this.#outdated = undefined; // as it is being made anew: this run had better do too much
      return false;
    }
  }

  /** Folders that the record lay in before. */
  earlierFolders(stem: string): readonly string[] {
    try {
      return this.#history?.earlier(stem).map(({ folder }) => folder) ?? [];
    } catch {
      this.#history = undefined; // it is being made anew, or locked for long
      return [];
    }
  }

  [Symbol.dispose](): void {
    for (const tables of this.#open) tables[Symbol.dispose]();
  }

  #isOutdated(tables: IdTables, folder: string, stem: string): boolean {
    if (!tables.earlier(stem).some((other) => other.folder === folder && other.isThere)) {
      return false;
    }
    // A run that was killed may have remembered a place, and not come to write to it.
    const current = tables.folderOf(stem);
    return current !== undefined && exists(this.#pathIn(current, stem));
  }

  #readMemory(): void {
    const { recordsDir } = this.options;
    const path = join(recordsDir, IDS_FILE);
    if (!exists(path)) return;
    try {
      this.#memory = IdTables.read(path, recordsDir);
      this.#open.push(this.#memory);
      if (this.#memory.hasEarlier()) this.#history = this.#memory;
    } catch {
      // Damaged, of another version, or left by a killed run to one who may not mend it: not needed.
    }
  }

  /** Whether the memory knows of every folder as it is; counts its files of the past. */
  #isTrusted(): boolean {
    const { recordsDir, recordsGlob } = this.options;
    if (this.#memory === undefined || this.options.byName) return false;
    try {
      let isKnown = false;
      for (const { path, changed } of this.#memory.folders()) {
        if (changed === null || changed !== changedAt(join(recordsDir, path))) return false;
        isKnown = true;
      }
      if (!isKnown) return false;
      const pattern = rglobPattern(recordsGlob);
      for (const { id, folder } of this.#memory.outdated()) {
        const isThere = pattern.test(below(folder, `${id}.json`)) &&
          exists(this.#pathIn(folder, id));
        if (isThere && this.#isOutdated(this.#memory, folder, id)) this.#count++;
      }
    } catch {
      return false;
    }
    if (this.#count > 0) this.#outdated = this.#memory;
    return true;
  }

  /** Finds the files of one name in several folders. */
  async #compareNames(): Promise<void> {
    const { recordsDir, recordsGlob, signal } = this.options;
    const found = IdTables.temporary(recordsDir);
    this.#open.push(found);
    // The records of one folder need not be compared with each other.
    let first: Listing[] | undefined = [];
    for await (const listing of recordNames(recordsDir, recordsGlob)) {
      if (signal?.aborted) return;
      if (listing.names.length === 0) continue;
      if (first !== undefined && (first[0]?.folder ?? listing.folder) === listing.folder) {
        first.push(listing);
        continue;
      }
      for (const one of first ?? []) this.#compare(one, found);
      first = undefined;
      this.#compare(listing, found);
    }
    if (this.#count > 0) this.#outdated = found;
  }

  #compare({ folder, names }: Listing, found: IdTables): void {
    try {
      for (const name of names) this.#compareOne(stemOf(name), folder, found);
    } catch (error) {
      throw new SetupError(
        `Cannot compare the names of the records in "${this.options.recordsDir}" in the folder for ` +
          `temporary files: ${errorMessage(error)}; SQLITE_TMPDIR names another one`,
        { cause: error },
      );
    }
  }

  #compareOne(stem: string, folder: string, found: IdTables): void {
    if (found.add(stem, folder)) return;
    const known = found.folderOf(stem)!;
    const paths = [this.#pathIn(known, stem), this.#pathIn(folder, stem)] as const;
    const later = currentOf(stem, paths, this.options.byName);
    if (later === undefined) return;
    this.#count++;
    if (later.current === 1) found.place(stem, folder);
    found.leave(stem, later.current === 1 ? known : folder, true);
  }

  #pathIn(folder: string, stem: string): string {
    return join(this.options.recordsDir, folder, `${stem}.json`);
  }
}
