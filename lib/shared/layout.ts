/** Where the files of a record may lie: Maken's folders, and those that older scripts left. */
import { namesIn } from "./files.ts";

/** Groups that the catalogue gives access to; scripts made folders of them in either case of letters. */
const ACCESS = /^(everywhere|library|nb|norway|unknown)$/i;

/** The folders below one root. */
export class Layout {
  readonly #groups: readonly string[];

  /** @param root absolute path; the groups' folders that are there now are known from then on */
  constructor(root: string) {
    this.#groups = namesIn(root).filter((name) => ACCESS.test(name)).sort();
  }

  /**
   * Folders in which files of a record may lie, the likeliest first: as the records', in other case of
   * letters, by access alone, and at the top.
   *
   * @param folder of the record, relative to the records' folder, with `/`
   */
  *folders(folder: string): Generator<string> {
    yield folder;
    const others = [folder.toLowerCase(), folder.toUpperCase(), ...this.#groups, ""];
    const given = new Set([folder]);
    for (const other of others) {
      if (given.has(other)) continue;
      given.add(other);
      yield other;
    }
  }
}
