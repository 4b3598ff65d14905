/** The pictures of documents: from the folder of vectors, else where the catalogue has them. */
import { join, sep } from "node:path";
import type { Document } from "../index/types.ts";
import { type ImageType, imageType } from "../images/image_type.ts";
import { EXTENSIONS, MAX_IMAGE_BYTES } from "../images/image_files.ts";
import { sizedUrl } from "../images/iiif.ts";
import { RequestError } from "../shared/errors.ts";
import { respond } from "./responses.ts";

const TYPES: Readonly<Record<ImageType, string>> = {
  JPEG: "image/jpeg",
  PNG: "image/png",
  GIF: "image/gif",
  WebP: "image/webp",
  TIFF: "image/tiff",
  BMP: "image/bmp",
};

/** How long a list of folders is used, and how many folders it has at most. */
const FOLDERS_MS = 60_000;
const MAX_FOLDERS = 1000;

/** Ends of the names of pictures that Maken did not write, in either case of letters. */
const OTHER_EXTENSIONS = EXTENSIONS.flatMap((end) => [end, end.toUpperCase()]).slice(1);
/** Folders that are looked through for such names. */
const MAX_OTHERWISE = 50;

const CACHE = { "cache-control": "public, max-age=3600" };

/** Where pictures come from. */
export interface PictureOptions {
  /** Absolute path of the folder with `<id>.jpg`, or folders of them. */
  readonly imagesDir: string | undefined;
  /** Origins that a request may be sent on to. */
  readonly imageOrigins: readonly string[];
}

/** Answers with pictures. Needs read permission for the folder. */
export class Pictures {
  /** Folders below the first one; the one that had a picture last is asked first. */
  #folders: Promise<string[]> = Promise.resolve([]);
  #listedAt = -Infinity;

  constructor(private readonly options: PictureOptions) {}

  /**
   * The picture of a document, or where it is.
   *
   * @throws {RequestError} 404 if there is none
   */
  async respond(document: Document, request: Request): Promise<Response> {
    const path = await this.#find(document);
    const file = path === undefined ? undefined : await pictureResponse(path, request);
    const response = file ?? this.#redirect(document);
    if (response !== undefined) return response;
    throw new RequestError(404, "There is no picture of this item");
  }

  async #find({ id, access }: Document): Promise<string | undefined> {
    const { imagesDir: dir } = this.options;
    if (dir === undefined || !isFileName(id)) return undefined;
    const root = await realPath(dir);
    if (root === undefined) return undefined;
    const usual = [`${id}.jpg`];
    const others = OTHER_EXTENSIONS.map((extension) => id + extension);
    const groups = [access, access.toLowerCase(), access.toUpperCase()].filter(isFileName);
    const own = [...new Set(groups), ""];
    const beside = await firstInside(root, own, usual);
    if (beside !== undefined) return beside.path;
    const folders = await this.#list(dir);
    const found = await firstInside(root, [...folders], usual) ??
      await firstInside(root, [...own, ...folders.slice(0, MAX_OTHERWISE)], others);
    if (found === undefined) return undefined;
    const at = folders.indexOf(found.folder);
    if (at > 0) folders.unshift(...folders.splice(at, 1));
    return found.path;
  }

  #list(dir: string): Promise<string[]> {
    const now = performance.now();
    if (now - this.#listedAt >= FOLDERS_MS) {
      this.#listedAt = now;
      this.#folders = listFolders(dir);
    }
    return this.#folders;
  }

  #redirect({ thumbnail }: Document): Response | undefined {
    const url = URL.parse(sizedUrl(thumbnail, ["0", "400"]));
    if (url === null || url.username !== "" || url.password !== "") return undefined;
    if (!this.options.imageOrigins.includes(url.origin)) return undefined;
    return respond("", "text/plain", { status: 302, headers: { location: url.href, ...CACHE } });
  }
}

/** The folders below a folder, as paths from it. */
async function listFolders(dir: string): Promise<string[]> {
  const found: string[] = [];
  const waiting = [""];
  for (let folder; (folder = waiting.shift()) !== undefined && found.length < MAX_FOLDERS;) {
    try {
      for await (const { name, isDirectory } of Deno.readDir(join(dir, folder))) {
        if (isDirectory && !name.startsWith(".")) waiting.push(join(folder, name));
      }
      if (folder !== "") found.push(folder);
    } catch {
      // A folder that cannot be read has no pictures for us.
    }
  }
  return found;
}

/** The picture in a file; undefined if it holds none. */
async function pictureResponse(path: string, request: Request): Promise<Response | undefined> {
  try {
    const { isFile, size, mtime } = await Deno.stat(path);
    if (!isFile || size > MAX_IMAGE_BYTES) return undefined;
    const etag = `"${size.toString(36)}-${(mtime?.getTime() ?? 0).toString(36)}"`;
    const headers = { etag, ...CACHE };
    if (request.headers.get("if-none-match")?.split(/\s*,\s*/).includes(etag)) {
      return new Response(null, { status: 304, headers });
    }
    const bytes = await Deno.readFile(path);
    const type = imageType(bytes);
    if (type === undefined) return undefined;
    const policy = "default-src 'none'; sandbox";
    return respond(bytes, TYPES[type], {
      headers: { ...headers, "content-security-policy": policy },
    });
  } catch {
    return undefined; // gone, or not to be read
  }
}

/** The first folder that has a file of one of these names. */
async function firstInside(
  root: string,
  folders: readonly string[],
  names: readonly string[],
): Promise<{ readonly folder: string; readonly path: string } | undefined> {
  for (const folder of folders) {
    for (const name of names) {
      const path = await insidePath(root, join(folder, name));
      if (path !== undefined) return { folder, path };
    }
  }
  return undefined;
}

/** The file's own path, if it is below the folder even when links are followed. */
async function insidePath(root: string, name: string): Promise<string | undefined> {
  const path = await realPath(join(root, name));
  return path?.startsWith(root.endsWith(sep) ? root : root + sep) ? path : undefined;
}

/** A path without links; undefined if there is nothing. */
async function realPath(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch {
    return undefined;
  }
}

/** Whether a text from the index can be the name of a file in a folder, and of nothing else. */
function isFileName(text: string): boolean {
  return text !== "" && text !== "." && text !== ".." && text.isWellFormed() &&
    !/[/\\:\p{Cc}]/u.test(text) && new TextEncoder().encode(text).length <= 200;
}
