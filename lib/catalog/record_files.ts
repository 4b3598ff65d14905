/** Stored records: which files there are, and what is in them. */
import { join, sep } from "node:path";
import { fileReason, RecordError } from "../shared/errors.ts";
import { below, type Listing, type OnUnreadable, walkFolders } from "../shared/walk.ts";
import { readFile } from "../shared/files.ts";
import { utf8Text } from "./declared_text.ts";
import { notJsonReason, parseExact } from "./exact_json.ts";
import { rglobPattern } from "./rglob.ts";
import { type CatalogRecord, toRecord } from "./record.ts";

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
export async function* recordNames(
  root: string,
  glob = "**/*",
  onUnreadable?: OnUnreadable,
): AsyncGenerator<Listing> {
  const pattern = rglobPattern(glob);
  for await (const { folder, names } of walkFolders(root, onUnreadable)) {
    const isRecord = (name: string) => /\.json$/i.test(name) && pattern.test(below(folder, name));
    yield { folder, names: names.filter(isRecord) };
  }
}

/** The records' files that a listing names. */
export function recordFilesIn(root: string, { folder, names }: Listing): RecordFile[] {
  const dir = join(root, folder, sep);
  return names.map((name) => ({ path: dir + name, folder, stem: stemOf(name) }));
}

/** The record's file at a path below `root`, written with `/`. */
export function recordFile(root: string, path: string): RecordFile {
  const slash = path.lastIndexOf("/");
  const folder = path.slice(0, Math.max(0, slash));
  return recordFilesIn(root, { folder, names: [path.slice(slash + 1)] })[0]!;
}

/** File name less `.json`. */
export function stemOf(name: string): string {
  return name.slice(0, -".json".length);
}

/**
 * Reads a record's file.
 *
 * @throws {RecordError} if it is not a record
 */
export async function readRecord({ path }: RecordFile): Promise<CatalogRecord> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw unreadable(path, fileReason(error), error);
  }
  return recordIn(bytes, path);
}

function recordIn(bytes: Uint8Array, path: string): CatalogRecord {
  const text = utf8Text(bytes);
  if (text === undefined) throw unreadable(path, "its text is not UTF-8");
  let record: CatalogRecord | undefined;
  try {
    // Only an id that is a long number needs the digits as they are written.
    record = toRecord(JSON.parse(text)) ?? toRecord(parseExact(text));
  } catch (error) {
    throw unreadable(path, notJsonReason(text, error), error);
  }
  if (record === undefined) throw unreadable(path, "it is not a record with an id");
  if (record.id === "") throw unreadable(path, "its id is empty");
  if (!record.id.isWellFormed()) throw unreadable(path, "its id holds half a character");
  return record;
}

/** What tells a record's access, from its file; nothing where that cannot be read. */
export function accessOf({ path }: RecordFile): () => string | undefined {
  return () => {
    try {
      return recordIn(Deno.readFileSync(path), path).access;
    } catch {
      return undefined; // it is said where the record itself is needed
    }
  };
}

function unreadable(path: string, reason: string, cause?: unknown): RecordError {
  return new RecordError(`Cannot read record "${path}": ${reason}`, "record_json", { cause });
}
