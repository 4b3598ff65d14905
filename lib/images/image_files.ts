/** Pictures on disk, named by the ids of their records. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileReason, ImageError } from "../shared/errors.ts";
import { exists, namesIn, readFile } from "../shared/files.ts";
import { type AccessOf, Layout } from "../shared/layout.ts";

/** Largest image file, in bytes. */
export const MAX_IMAGE_BYTES = 50e6;

/** Ends of the names of pictures that can be read, best first; Maken itself writes the first. */
export const EXTENSIONS: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".jpe",
  ".jfif",
  ".png",
  ".webp",
  ".tif",
  ".tiff",
  ".gif",
];
/** Ends of names of pictures that cannot be read: that is told, where there is no other. */
const UNREADABLE = [".bmp", ".jp2", ".avif", ".heic"];
const ALL_EXTENSIONS = [...EXTENSIONS, ...UNREADABLE];

/** Folders of which it is remembered how their pictures are named. */
const MAX_REMEMBERED = 1000;

/** How the pictures of a folder are named, where not just as Maken names them. */
interface OddNames {
  /** Extensions as they are written, best first. */
  readonly extensions: readonly string[];
  /** Names that are not ASCII, by their stems in Unicode's normalization form C. */
  readonly composed: ReadonlyMap<string, string>;
}

/** Finds the pictures of records, whichever of the known layouts the folder has. */
export class ImageFiles {
  readonly #layout: Layout;
  /** The folder that was looked into last is the last one. */
  readonly #odd = new Map<string, OddNames>();

  /**
   * @param root absolute path
   * @param earlier tells the folders that a record lay in before, by its stem
   */
  constructor(
    private readonly root: string,
    private readonly earlier: (stem: string) => readonly string[] = () => [],
  ) {
    this.#layout = new Layout(root);
  }

  /**
   * Path of the record's picture, its extension in any case of letters; undefined if there is none.
   *
   * @param folder of the record, relative to the records' folder
   * @param stem name of the record's file less `.json`
   */
  find(folder: string, stem: string, access?: AccessOf): string | undefined {
    for (const place of this.#layout.folders(folder, access, () => this.earlier(stem))) {
      const dir = join(this.root, place);
      const usual = join(dir, `${stem}.jpg`);
      if (exists(usual)) return usual;
      const { extensions, composed } = this.#oddNames(dir);
      const names = extensions.map((extension) => stem + extension);
      const alike = composed.get(stem.normalize());
      if (alike !== undefined) names.push(alike);
      const name = names.find((name) => exists(join(dir, name)));
      if (name !== undefined) return join(dir, name);
    }
    return undefined;
  }

  /** The folder that new files of a record belong into, relative to this one. */
  home(folder: string): string {
    return this.#layout.home(folder);
  }

  /** Path of the record's picture that is to be written, relative to the folder. */
  pathOf(folder: string, stem: string): string {
    return join(this.home(folder), `${stem}.jpg`);
  }

  /** Whether there is a picture of the record that can be read; an empty file is none. */
  has(folder: string, stem: string, access?: AccessOf): boolean {
    const path = this.find(folder, stem, access);
    if (path === undefined || UNREADABLE.includes(extensionOf(path).toLowerCase())) return false;
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat !== undefined && stat.isFile() && stat.size > 0;
  }

  /**
   * The bytes of the record's picture; undefined if there is none.
   *
   * @throws {ImageError} if it is too large, or cannot be read
   */
  async read(
    folder: string,
    stem: string,
    access?: AccessOf,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = this.find(folder, stem, access);
    return path === undefined ? undefined : await readImageFile(path);
  }

  /** Pictures were put into a folder: the next look finds them, whatever their names. */
  forget(folder: string): void {
    this.#odd.delete(join(this.root, folder));
  }

  #oddNames(dir: string): OddNames {
    const odd = this.#odd.get(dir) ?? oddNamesIn(dir);
    this.#odd.delete(dir);
    this.#odd.set(dir, odd);
    const [oldest] = this.#odd.keys();
    if (this.#odd.size > MAX_REMEMBERED) this.#odd.delete(oldest!);
    return odd;
  }
}

function oddNamesIn(dir: string): OddNames {
  const extensions = new Set<string>();
  const composed = new Map<string, string>();
  const rank = (extension: string) => ALL_EXTENSIONS.indexOf(extension.toLowerCase());
  for (const name of namesIn(dir)) {
    const extension = extensionOf(name);
    if (rank(extension) < 0) continue;
    if (extension !== ".jpg") extensions.add(extension);
    if (!isAscii(name)) composed.set(name.slice(0, -extension.length).normalize(), name);
  }
  return { extensions: [...extensions].sort((a, b) => rank(a) - rank(b)), composed };
}

function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot);
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex -- all of ASCII
  return /^[\x00-\x7f]*$/.test(text);
}

/**
 * Reads one image file.
 *
 * @throws {ImageError} if it is too large or cannot be read
 */
export async function readImageFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { size } = statSync(path);
    if (size > MAX_IMAGE_BYTES) {
      throw new ImageError(`"${path}" has ${Math.round(size / 1e6)} MB`, "image_too_large");
    }
    return await readFile(path);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`Cannot read "${path}": ${fileReason(error)}`, "image_file", {
      cause: error,
    });
  }
}
