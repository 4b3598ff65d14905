/** A record's picture: from disk, else from the image host and then stored as it was received. */
import type { CatalogRecord } from "../catalog/types.ts";
import { HttpError, ImageError } from "../shared/errors.ts";
import { exists, type OutputFolder } from "../shared/files.ts";
import { bodyStart, type HttpAnswer, type HttpClient } from "../shared/http.ts";
import { imageUrls } from "./iiif.ts";
import { isImage } from "./image_type.ts";

/** Largest image file, in bytes. */
export const MAX_IMAGE_BYTES = 50e6;

/** Names that a picture on disk may have; Maken itself writes the first. */
const EXTENSIONS = [".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif"];

/**
 * The picture's file, if it is on disk already.
 *
 * @param path of the picture less its extension
 * @throws {ImageError} if the file is too large
 */
export async function readImage(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  for (const extension of EXTENSIONS) {
    const file = `${path}${extension}`;
    if (exists(file)) return await readImageFile(file);
  }
  return undefined;
}

/**
 * Reads one image file.
 *
 * @throws {ImageError} if it is too large
 */
export async function readImageFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const { size } = await Deno.stat(path);
  if (size > MAX_IMAGE_BYTES) {
    throw new ImageError(`"${path}" has ${Math.round(size / 1e6)} MB`, "image_too_large");
  }
  return await Deno.readFile(path);
}

/**
 * Fetches a record's picture, in a smaller size where the larger one cannot be had, and stores it.
 * Undefined if the record links to none.
 *
 * @param path where it is stored below `folder`, less its extension
 * @throws {HttpError} why the best size could not be had, if none could
 */
export async function fetchImage(
  links: CatalogRecord["_links"],
  http: HttpClient,
  folder: OutputFolder,
  path: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  let reason: HttpError | undefined;
  for (const url of imageUrls(links)) {
    try {
      const { body } = await http.get(url, { accept: "image/*" }, checkImage);
      folder.write(`${path}.jpg`, body);
      return body;
    } catch (error) {
      // A host that is down or busy has no smaller picture either.
      const isDown = error instanceof HttpError &&
        (error.info.retry === true || error.code === "network");
      if (!(error instanceof HttpError) || isDown) throw error;
      reason ??= error;
    }
  }
  if (reason !== undefined) throw reason;
  return undefined;
}

/** The answer, if its first bytes are those of a picture. */
function checkImage(answer: HttpAnswer): HttpAnswer {
  if (isImage(answer.body)) return answer;
  const type = answer.headers.get("content-type") ?? "no type";
  throw new HttpError(`Cannot use the answer of ${answer.url}: it is not a picture (${type})`, {
    code: "image_type",
    url: answer.url,
    body: bodyStart(answer.body),
  });
}
