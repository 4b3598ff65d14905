/** Pictures on disk, named by the ids of their records. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileReason, ImageError } from "../shared/errors.ts";
import { exists, readFile } from "../shared/files.ts";
import { Layout } from "../shared/layout.ts";

/** Largest image file, in bytes. */
export const MAX_IMAGE_BYTES = 50e6;

/** Ends of a picture's name, best first; Maken itself writes the first. */
const EXTENSIONS = [
  ...[".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".gif"],
  ...[".bmp", ".jp2", ".avif", ".heic"], // what cannot be read is told, not passed over
];

/** Folders whose odd names are remembered: those in which a record's picture may lie. */
const MAX_REMEMBERED = 16;

/** Finds the pictures of records, whichever of the known layouts the folder has. */
export class ImageFiles {
  readonly #layout: Layout;
  /** Odd names in the folders that were looked into last. */
  readonly #odd = new Map<string, ReadonlyMap<string, string>>();

  /** @param root absolute path */
  constructor(private readonly root: string) {
    this.#layout = new Layout(root);
  }

  /**
   * Path of the record's picture, its extension in any case of letters; undefined if there is none.
   *
   * @param folder of the record, relative to the records' folder
   * @param stem name of the record's file less `.json`
   */
  find(folder: string, stem: string): string | undefined {
    for (const place of this.#layout.folders(folder)) {
      const dir = join(this.root, place);
      const usual = join(dir, `${stem}.jpg`);
      if (exists(usual)) return usual;
      const odd = this.#oddNames(dir).get(stem.normalize());
      if (odd !== undefined) return join(dir, odd);
    }
    return undefined;
  }

  /** Whether there is a picture of the record; an empty file is none. */
  has(folder: string, stem: string): boolean {
    const path = this.find(folder, stem);
    return path !== undefined && statSync(path).size > 0;
  }

  /**
   * The bytes of the record's picture; undefined if there is none.
   *
   * @throws {ImageError} if it is too large, or cannot be read
   */
  async read(folder: string, stem: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = this.find(folder, stem);
    return path === undefined ? undefined : await readImageFile(path);
  }

  /**
   * Pictures that have not just the name that Maken gives, by the stem of their names. Names that look
   * alike may be composed of other characters (Unicode, normalization form C).
   */
  #oddNames(dir: string): ReadonlyMap<string, string> {
    const known = this.#odd.get(dir);
    if (known !== undefined) return known;
    const names = new Map<string, string>();
    const rank = (name: string) => EXTENSIONS.indexOf(extensionOf(name).toLowerCase());
    for (const name of namesIn(dir)) {
      const extension = extensionOf(name);
      const isUsual = extension === ".jpg" && isAscii(name);
      if (isUsual || rank(name) < 0) continue;
      const stem = name.slice(0, -extension.length).normalize();
      const other = names.get(stem);
      if (other === undefined || rank(name) < rank(other)) names.set(stem, name);
    }
    if (this.#odd.size >= MAX_REMEMBERED) this.#odd.clear();
    this.#odd.set(dir, names);
    return names;
  }
}

function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot);
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex -- all of ASCII
  return /^[\x00-\x7f]*$/.test(text);
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // there is no such folder, so there is no picture
  }
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
