/** Tells whether a picture that failed before would be made from the same now. */
import { statSync } from "node:fs";
import { readRecord, type RecordFile } from "../catalog/record_files.ts";
import type { CatalogRecord } from "../catalog/record.ts";
import { imageUrls } from "../images/iiif.ts";
import { type ImageFiles, MAX_IMAGE_BYTES } from "../images/image_files.ts";
import { askedProof, bytesProof } from "../shared/failure.ts";
import { filesProof, hashOf } from "../shared/proof.ts";
import type { VectorizeOptions } from "./options.ts";

/**
 * Names the file of a record's picture and the addresses that it may be fetched from; of a record that
 * cannot be read, its file; undefined if that cannot be told.
 */
export async function pictureProof(
  record: RecordFile,
  images: ImageFiles,
  options: VectorizeOptions,
): Promise<string | undefined> {
  let catalogued: CatalogRecord;
  try {
    catalogued = await readRecord(record);
  } catch {
    return filesProof(record.path);
  }
  const { thumbnails, access } = catalogued;
  const { engine, imageHosts, ignoreRobots } = options;
  const urls = options.downloadImages ? imageUrls(thumbnails, options.baseUrl) : [];
  const path = options.inference
    ? images.find(record.folder, record.stem, () => access)
    : undefined;
  const parts: string[] = [];
  if (path !== undefined) {
    const bytes = fileProof(path);
    if (bytes === undefined) return undefined;
    parts.push(engine, bytes);
  }
  if (urls.length > 0) {
    const asked = [engine, urls, imageHosts, ignoreRobots];
    parts.push(askedProof(hashOf(JSON.stringify(asked))));
  }
  return parts.join(" ") || "nothing";
}

function fileProof(path: string): string | undefined {
  const { size = 0, mtimeMs = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {};
  // Not even read when it is used.
  return size > MAX_IMAGE_BYTES ? bytesProof(`${size} ${mtimeMs}`) : filesProof(path);
}
