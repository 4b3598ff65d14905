/** Where the files of a record may lie: Maken's folders, and those that older scripts left. */
import { join } from "node:path";
import { namesIn } from "./files.ts";

/** Groups that the catalogue gives access to; scripts made folders of them in either case of letters. */
const ACCESS = /^(everywhere|library|nb|norway|unknown)$/i;

/** Folders whose groups are remembered. */
const MAX_PARENTS = 1000;

/** The folders below one root. */
export class Layout {
  /** Names of the groups' folders, by the folder that they are in. */
  readonly #groups = new Map<string, readonly string[]>();

  /** @param root absolute path; the groups' folders are known as they are when they are first asked for */
  constructor(private readonly root: string) {
    this.#groupsIn("");
  }

  /**
   * Folders in which files of a record may lie, the likeliest first: as the records', in other case of
   * letters, by access alone, at the top, as those of another access, and where the record lay before.
   *
   * @param folder of the record, relative to the records' folder, with `/`
   * @param earlier asked last for the folders that the record lay in before
   */
  *folders(folder: string, earlier: () => readonly string[] = () => []): Generator<string> {
    yield folder;
    const given = new Set([folder]);
    for (const other of this.#others(folder, earlier)) {
      if (given.has(other)) continue;
      given.add(other);
      yield other;
    }
  }

  *#others(folder: string, earlier: () => readonly string[]): Generator<string> {
    yield* [folder.toLowerCase(), folder.toUpperCase(), ...this.#groupsIn(""), ""];
    const { parent, name } = partsOf(folder);
    if (parent !== "" && ACCESS.test(name)) yield* this.#groupsIn(parent);
    for (const other of earlier()) yield* [other, other.toLowerCase(), other.toUpperCase()];
  }

  #groupsIn(parent: string): readonly string[] {
    let groups = this.#groups.get(parent);
    if (groups === undefined) {
      const names = namesIn(join(this.root, parent)).filter((name) => ACCESS.test(name)).sort();
      groups = names.map((name) => parent === "" ? name : `${parent}/${name}`);
      if (this.#groups.size >= MAX_PARENTS) this.#groups.clear();
      this.#groups.set(parent, groups);
    }
    return groups;
  }
}

/** Whether two folders stand for two kinds of access to the same records. */
export function differInAccess(a: string, b: string): boolean {
  const [one, other] = [partsOf(a), partsOf(b)];
  return one.parent === other.parent && ACCESS.test(one.name) && ACCESS.test(other.name) &&
    one.name.toLowerCase() !== other.name.toLowerCase();
}

function partsOf(folder: string): { readonly parent: string; readonly name: string } {
  const slash = folder.lastIndexOf("/");
  return { parent: folder.slice(0, Math.max(0, slash)), name: folder.slice(slash + 1) };
}
