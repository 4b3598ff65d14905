/** The vectors of a folder, found by their records. */
import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { exists, STATE_DIR } from "../shared/files.ts";
import { type AccessOf, Layout } from "../shared/layout.ts";
import { walkFolders } from "../shared/walk.ts";
import {
  isWholeVector,
  readVectorFile,
  vectorFileName,
  type VectorNaming,
} from "./vector_store.ts";

/** Finds and reads the vectors of records, whichever of the known layouts the folder has. */
export class VectorFolder {
  readonly #layout: Layout;
  #textFiles = 0;

  /**
   * @param root absolute path
   * @param earlier tells the folders that a record lay in before, by its stem
   */
  constructor(
    private readonly root: string,
    private readonly naming: VectorNaming,
    private readonly earlier: (stem: string) => readonly string[] = () => [],
  ) {
    this.#layout = new Layout(root);
  }

  /**
   * Path of a record's vector; undefined if there is none.
   *
   * @param folder of the record, relative to the records' folder
   * @param stem name of the record's file less `.json`
   */
  find(folder: string, stem: string, access?: AccessOf): string | undefined {
    return this.#paths(folder, stem, access).find(exists);
  }

  /** The folder that new files of a record belong into, relative to this one. */
  home(folder: string): string {
    return this.#layout.home(folder);
  }

  /** Path of a record's vector that is to be written, relative to the folder. */
  pathOf(folder: string, stem: string): string {
    return join(this.home(folder), vectorFileName(stem, this.naming));
  }

  /**
   * The vector of a record; undefined if there is none.
   *
   * @throws {VectorError} if the file is not a vector
   */
  async read(
    folder: string,
    stem: string,
    access?: AccessOf,
  ): Promise<Float32Array | undefined> {
    const { format } = this.naming;
    for (const path of this.#paths(folder, stem, access)) {
      try {
        return await readVectorFile(path, format, () => this.#textFiles++);
      } catch (error) {
        if (exists(path)) throw error; // asked only now, as most files are there
      }
    }
    return undefined;
  }

  /**
   * Whether a record has a whole vector.
   *
   * @param size length that it must have; any will do where it is left out
   */
  async hasWhole(
    folder: string,
    stem: string,
    size?: number,
    access?: AccessOf,
  ): Promise<boolean> {
    const path = this.find(folder, stem, access);
    return path !== undefined && await isWholeVector(path, this.naming.format, size);
  }

  /** Whether there is no vector of this name, whatever its record. */
  isEmpty(): boolean {
    const end = vectorFileName("", this.naming);
    return !hasFile(this.root, (name) => name.endsWith(end) && name !== end);
  }

  /**
   * The vectors that were last written before a time.
   *
   * @param time in milliseconds since 1970
   * @param otherEnds how names of other vectors end, which are passed over
   */
  async olderThan(
    time: number,
    otherEnds: readonly string[],
  ): Promise<{ readonly number: number; readonly first?: string }> {
    const end = vectorFileName("", this.naming);
    const older: { number: number; first?: string } = { number: 0 };
    for await (const { folder, names } of walkFolders(this.root)) {
      for (const name of names) {
        const isOther = otherEnds.some((other) => name.endsWith(other));
        if (!name.endsWith(end) || name === end || isOther) continue;
        const path = join(this.root, folder, name);
        const stat = statSync(path, { throwIfNoEntry: false });
        if (stat === undefined || stat.mtimeMs >= time) continue;
        older.number++;
        older.first ??= path;
      }
    }
    return older;
  }

  /** How many `.npy` files held text, and were read as `.vct`. */
  get textFiles(): number {
    return this.#textFiles;
  }

  *#paths(folder: string, stem: string, access?: AccessOf): Generator<string> {
    const name = vectorFileName(stem, this.naming);
    const places = this.#layout.folders(folder, access, () => this.earlier(stem));
    for (const place of places) yield join(this.root, place, name);
  }
}

/** Whether a file below the folder has such a name. */
function hasFile(dir: string, isWanted: (name: string) => boolean): boolean {
  let entries: Dirent[];
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch {
    return false; // it is made later, or said to be unreadable where it is read
  }
  if (entries.some((entry) => entry.isFile() && isWanted(entry.name))) return true;
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name !== STATE_DIR);
  return folders.some(({ name }) => hasFile(join(dir, name), isWanted));
}
