/** Where the files of a record may lie: Maken's folders, and those that older scripts left. */
import { foldersIn } from "./files.ts";

/** Groups that the catalogue gives access to; scripts made folders of them in either case of letters. */
const ACCESS = /^(everywhere|library|nb|norway|unknown)$/i;

/** Folders whose content is remembered. */
const MAX_REMEMBERED = 1000;

/** Tells a record's access; it is asked only where a file is not beside the record. */
export type AccessOf = () => string | undefined;

/** The folders below one root. Those that are there when they are first asked for are known from then on. */
export class Layout {
  /** Names of the folders in a folder, by what they are in lower case. */
  readonly #known = new Map<string, Map<string, string[]>>();

  /** @param root absolute path */
  constructor(private readonly root: string) {}

  /**
   * Folders in which files of a record may lie, the likeliest first: as the record's, in other case of
   * letters, by the record's own access, at the top, by other access, and where the record lay before.
   * Other access comes before the top where the record's own is not known.
   *
   * @param folder of the record, relative to the records' folder, with `/`
   * @param access asked for where files are not as the record's
   * @param earlier asked last for the folders that the record lay in before
   */
  *folders(
    folder: string,
    access: AccessOf = () => undefined,
    earlier: () => readonly string[] = () => [],
  ): Generator<string> {
    const given = new Set<string>();
    for (const place of this.#places(folder, access, earlier)) {
      if (given.has(place)) continue;
      given.add(place);
      yield place;
    }
  }

  *#places(
    folder: string,
    access: AccessOf,
    earlier: () => readonly string[],
  ): Generator<string> {
    yield folder;
    yield* this.#alike(folder);
    const { parent, name } = partsOf(folder);
    const parents = parent !== "" && ACCESS.test(name) ? ["", ...this.#alike(parent)] : [""];
    const own = parents.every((place) => this.#foldersIn(place).size === 0) ? undefined : access();
    if (own !== undefined) {
      for (const place of parents) yield* this.#named(place, own.trim());
    } else yield* this.#accessGroups("");
    yield "";
    for (const place of parents) yield* this.#accessGroups(place);
    for (const other of earlier()) {
      yield other;
      yield* this.#alike(other);
    }
  }

  /**
   * Where new files of a record belong: as the record's folder, in the case of letters that folders
   * there have.
   *
   * @param folder of the record, relative to the records' folder, with `/`
   */
  home(folder: string): string {
    let home = "";
    for (const name of folder.split("/")) {
      const alike = this.#foldersIn(home).get(keyOf(name)) ?? [];
      home = below(home, alike.includes(name) ? name : alike[0] ?? name);
    }
    return home;
  }

  /** Folders that are there and differ from this one in case of letters at most, on whatever level. */
  #alike(folder: string): string[] {
    let found = [""];
    for (const name of folder.split("/")) {
      found = found.flatMap((parent) => this.#named(parent, name));
    }
    return found;
  }

  /** Folders in a folder that have this name, in whatever case of letters. */
  #named(parent: string, name: string): string[] {
    const alike = this.#foldersIn(parent).get(keyOf(name)) ?? [];
    return alike.map((other) => below(parent, other));
  }

  #accessGroups(parent: string): string[] {
    const names = [...this.#foldersIn(parent).values()].flat();
    return names.filter((name) => ACCESS.test(name)).sort().map((name) => below(parent, name));
  }

  #foldersIn(parent: string): Map<string, string[]> {
    let folders = this.#known.get(parent);
    if (folders === undefined) {
      const names = foldersIn(below(this.root, parent)).sort();
      folders = Map.groupBy(names, keyOf);
      if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
      this.#known.set(parent, folders);
    }
    return folders;
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

/** What is the same for names that are alike. */
function keyOf(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

function below(parent: string, name: string): string {
  return parent === "" || name === "" ? parent + name : `${parent}/${name}`;
}
