/** The log beside an index's file, which SQLite keeps while the file is written (`-wal`). */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** A vector of 2048 numbers takes one page and a part of another. */
export const PAGE_BYTES = 8192;
/** SQLite's codes, in the lowest byte: it may not write, finds damage, or cannot open. */
const SQLITE_READONLY = 8, SQLITE_CORRUPT = 11, SQLITE_CANTOPEN = 14;
/** A page with rows and nothing below it. */
const LEAF_PAGE = 13;
/** Where a file's head tells whether changes go to a log. */
const MODE_AT = 18;
const WITH_LOG = 2;

/** What is said of a file without the tables of an index. */
export const NO_INDEX = "it is not an index";

/** A file, and the log that is beside it. */
export interface FileState {
  readonly path: string;
  /** Whether the file says that it has a log; undefined if it is no file of SQLite's. */
  readonly wantsLog: boolean | undefined;
  readonly hasLog: boolean;
}

/** What tells one index from another. */
interface Content {
  readonly epoch: number;
  readonly change: number;
  readonly seed: number | null;
}

/** Looks at a file before it is opened. */
export async function fileState(path: string): Promise<FileState> {
  const log = await logOf(path);
  const wantsLog = await readMode(path);
  // The same log before and after: no writer came or went meanwhile.
  return { path, wantsLog, hasLog: log !== undefined && log === await logOf(path) };
}

/**
 * Why the log beside a file is not its own; undefined if it may be. To open the file with it would
 * put what the log holds into the file.
 */
export async function foreignLog(
  { path, wantsLog, hasLog }: FileState,
): Promise<string | undefined> {
  if (!hasLog || wantsLog === undefined) return undefined;
  const reason =
    `"${basename(path)}-wal" beside it is not its own log, but that of another index ` +
    "or of an earlier copy; take it away, or put its own in its place";
  if (!wantsLog) return reason; // a file that was closed has none
  const before = await contentAlone(path);
  const now = contentWithLog(path);
  if (before === undefined || now === undefined) return undefined;
  // A log can only go on from what is in the file.
  const goesOn = now.change >= before.change && now.epoch >= before.epoch &&
    (now.epoch > before.epoch || before.seed === null || now.seed === before.seed);
  return goesOn ? undefined : reason;
}

/** What a user should know of a file that could be opened without a log; undefined if nothing. */
export function missingLog({ path, wantsLog, hasLog }: FileState): string | undefined {
  if (!wantsLog || hasLog || existsSync(`${path}-wal`)) return undefined;
  return `Index "${path}" was not closed, and its log "${
    basename(path)
  }-wal" is not beside it: what ` +
    "the last load put in may be missing";
}

/** What the log has to do with an error; undefined if nothing. */
export function logReason(
  { path, wantsLog = false, hasLog }: FileState,
  error: unknown,
): string | undefined {
  if (!wantsLog) return undefined;
  const log = `"${basename(path)}-wal"`;
  const { errcode, message } = error as { errcode?: unknown; message?: unknown };
  const code = Number(errcode) & 0xff;
  const isUnwritable = code === SQLITE_READONLY || code === SQLITE_CANTOPEN;
  if (hasLog && isUnwritable) {
    return `its last load was broken off, and what that left in ${log} can only be read where the ` +
      "folder can be written: run the load again, or copy both files to such a folder";
  }
  if (hasLog && code === SQLITE_CORRUPT) {
    return `it is damaged, or ${log} beside it is of another index: put its own in its place`;
  }
  if (hasLog && message === NO_INDEX) {
    return `its last load was broken off, and ${log} beside it, which has what that put in, is cut ` +
      "off or damaged: put a whole copy of it in its place, or load again";
  }
  if (hasLog || !(isUnwritable || message === NO_INDEX)) return undefined;
  return `its log ${log} is missing, which has what the last load put in: copy that beside it, or ` +
    "load again";
}

/** What tells a log from one that comes after it; undefined if there is none, or nothing in it. */
async function logOf(path: string): Promise<number | undefined> {
  try {
    const { size, ino } = await Deno.stat(`${path}-wal`);
    return size === 0 ? undefined : ino ?? 0;
  } catch {
    return undefined; // what matters is told when the file is opened
  }
}

async function readMode(path: string): Promise<boolean | undefined> {
  try {
    using file = await Deno.open(path);
    const head = new Uint8Array(MODE_AT + 1);
    if (await file.read(head) !== head.length) return undefined;
    if (!new TextDecoder().decode(head).startsWith("SQLite format 3")) return undefined;
    return head[MODE_AT] === WITH_LOG;
  } catch {
    return undefined; // as above
  }
}

/** What the file holds with its log; undefined if that cannot be told. */
function contentWithLog(path: string): Content | undefined {
  try {
    using db = new DatabaseSync(path, { readOnly: true });
    const { epoch, change, seed } = db.prepare("SELECT epoch, change, seed FROM meta").get()!;
    return { epoch: Number(epoch), change: Number(change), seed: seed as number | null };
  } catch {
    return undefined; // all of it is in the log, or what is wrong is told when it is opened
  }
}

/**
 * What the file holds without its log, which SQLite itself would read as well; undefined if nothing.
 * The one row of `meta` lies on the second page, as it is the first table.
 */
async function contentAlone(path: string): Promise<Content | undefined> {
  using file = await Deno.open(path);
  const page = new Uint8Array(PAGE_BYTES);
  await file.seek(PAGE_BYTES, Deno.SeekMode.Start);
  if (await file.read(page) !== PAGE_BYTES || page[0] !== LEAF_PAGE || page[4] !== 1) {
    return undefined;
  }
  const [epoch, change, , , , seed] = firstRow(page);
  return { epoch: epoch ?? 0, change: change ?? 0, seed: seed ?? null };
}

/** The numbers of the first row of a leaf page, in the format of SQLite's records. */
function firstRow(page: Uint8Array): (number | null)[] {
  let at = page[8]! << 8 | page[9]!;
  const varint = () => {
    let value = 0;
    for (;;) {
      const byte = page[at++] ?? 0;
      value = value * 128 + (byte & 127);
      if (byte < 128) return value;
    }
  };
  varint(); // length of the row
  varint(); // its number
  const start = at;
  const end = start + varint();
  const types: number[] = [];
  while (at < end) types.push(varint());
  return types.map((type) => {
    if (type === 0) return null;
    if (type === 8 || type === 9) return type - 8;
    const bytes = [0, 1, 2, 3, 4, 6, 8][type] ?? Math.max(0, (type - 12) >> 1);
    let value = 0;
    for (let i = 0; i < bytes; i++) value = value * 256 + (page[at++] ?? 0);
    return value;
  });
}
