/** Stored records: which files there are, and what is in them. */
import { join } from "node:path";
import { errorMessage, RecordError } from "../shared/errors.ts";
import { fileReason, type OnUnreadable, walkFolders } from "../shared/files.ts";
import { readFile } from "../shared/read_file.ts";
import { rglobPattern } from "./rglob.ts";
import { type CatalogRecord, catalogRecord } from "./types.ts";

/** A record's file. */
export interface RecordFile {
  /** Absolute path. */
  readonly path: string;
  /** Folder below the records' folder, with `/`; empty at its top. */
  readonly folder: string;
  /** File name less `.json`: the record's id. */
  readonly stem: string;
}

/**
 * The `.json` files that `Path(root).rglob(glob)` of Python finds, in a stable sorted order.
 *
 * @throws {SetupError} if `root` is not a folder that can be read
 */
export async function* recordFiles(
  root: string,
  glob = "**/*",
  onUnreadable?: OnUnreadable,
): AsyncGenerator<RecordFile> {
  const pattern = rglobPattern(glob);
  for await (const files of walkFolders(root, onUnreadable)) {
    for (const file of files) {
      if (/\.json$/i.test(file) && pattern.test(file)) yield recordFile(root, file);
    }
  }
}

/** The record's file at a path below `root`, written with `/`. */
export function recordFile(root: string, path: string): RecordFile {
  const slash = path.lastIndexOf("/");
  const folder = path.slice(0, Math.max(0, slash));
  return { path: join(root, path), folder, stem: path.slice(slash + 1, -".json".length) };
}

/** Leaves out a byte order mark. */
const decoder = new TextDecoder();

/**
 * Reads a record's file.
 *
 * @throws {RecordError} if it is not a record
 */
export async function readRecord({ path }: RecordFile): Promise<CatalogRecord> {
  let text: string;
  try {
    text = decoder.decode(await readFile(path));
  } catch (error) {
    throw unreadable(path, fileReason(error), error);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw unreadable(path, `it is not JSON: ${errorMessage(error)}`, error);
  }
  const record = catalogRecord.safeParse(json);
  if (!record.success) throw unreadable(path, "it is not a record with an id", record.error);
  return record.data;
}

function unreadable(path: string, reason: string, cause: unknown): RecordError {
  return new RecordError(`Cannot read record "${path}": ${reason}`, "record_json", { cause });
}
