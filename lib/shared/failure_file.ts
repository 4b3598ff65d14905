/** The file of a list of failures: lines that are added by many runs at once, and taken out by some. */
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileReason, SetupError } from "./errors.ts";
import { type Failure, type ItemName, parseFailure } from "./failure.ts";
import { exists } from "./files.ts";
import { linesOf } from "./lines.ts";

/** Name of the lock that a list is changed under. */
export const FAILURES_LOCK = "failures.lock";

/** Names an item by its file; by its id where the file is no more, as the record has moved. */
export function keyOf({ task, about, key, file, id }: Failure): string {
  const isRecord = file !== null && id !== null && file.endsWith(".json");
  const name = key ?? (isRecord && !isThere(file) ? `id ${id}` : file ?? `id ${id}`);
  return `${task} ${about ?? ""} ${name}`;
}

/** Whether a file is there, as far as this run may look. */
function isThere(path: string): boolean {
  try {
    return exists(path);
  } catch {
    return false; // of another folder of records
  }
}

/** What an item may be listed by; older lists do not say for what index. */
export function keysOf(task: string, { about, key, file, id }: ItemName): string[] {
  const names = key === undefined ? [...file === null ? [] : [file], `id ${id}`] : [key];
  const abouts = about === undefined ? [""] : [about, ""];
  return abouts.flatMap((about) => names.map((name) => `${task} ${about} ${name}`));
}

/** Changes a list, while no other run does. */
function locked(path: string, work: () => void): void {
  using _lock = lockOf(path);
  work();
}

function lockOf(path: string): Deno.FsFile {
  const lockPath = join(dirname(path), FAILURES_LOCK);
  try {
    const lock = Deno.openSync(lockPath, { create: true, write: true });
    lock.lockSync(true); // never for long
    return lock;
  } catch (error) {
    throw new SetupError(`Cannot lock "${lockPath}": ${fileReason(error)}`, { cause: error });
  }
}

/**
 * Adds a failure to a list, whole.
 *
 * @throws {SetupError} if the list cannot be written
 */
export function addLine(path: string, failure: Failure): void {
  locked(path, () => append(path, `${JSON.stringify(failure)}\n`));
}

function append(path: string, text: string): void {
  try {
    using file = Deno.openSync(path, { create: true, append: true });
    const size = file.seekSync(0, Deno.SeekMode.End);
    const line = new TextEncoder().encode(text);
    try {
      for (let written = 0; written < line.length;) {
        written += file.writeSync(line.subarray(written));
      }
    } catch (error) {
      file.truncateSync(size); // no half line
      throw error;
    }
  } catch (error) {
    throw new SetupError(`Cannot write "${path}": ${fileReason(error)}`, { cause: error });
  }
}

/** Makes the list where there is none, and mends what a killed run or an older version left. */
export function mend(path: string): void {
  locked(path, () => {
    rmSync(temporaryOf(path), { force: true });
    endLastLine(path);
    takeOverParts(path);
  });
}

/** Makes the list where there is none, and ends its last line where a killed run did not. */
function endLastLine(path: string): void {
  append(path, "");
  using file = Deno.openSync(path, { read: true });
  const end = new Uint8Array(1);
  if (file.seekSync(0, Deno.SeekMode.End) === 0) return;
  file.seekSync(-1, Deno.SeekMode.End);
  if (file.readSync(end) === 1 && end[0] !== 0x0a) append(path, "\n");
}

/** Lists that older versions kept for each part. */
function takeOverParts(path: string): void {
  const dir = dirname(path);
  for (const name of readdirSync(dir).filter((name) => /^failures\..+\.jsonl$/.test(name))) {
    using part = Deno.openSync(join(dir, name), { read: true });
    for (const [, failure] of failuresOf(part)) append(path, `${JSON.stringify(failure)}\n`);
    rmSync(join(dir, name));
  }
}

function temporaryOf(path: string): string {
  return `${path}.tmp`;
}

/** Writes the list anew: the last line of each item, but of those that are settled. */
export function rewrite(path: string, settled: ReadonlySet<string>): void {
  const temporary = temporaryOf(path);
  try {
    locked(path, () => {
      copyKept(path, temporary, settled);
      Deno.renameSync(temporary, path);
    });
  } catch {
    // As on a full disk: the list stays longer than need be, and the next run shortens it.
    rmSync(temporary, { force: true });
  }
}

function copyKept(path: string, temporary: string, settled: ReadonlySet<string>): void {
  using from = Deno.openSync(path, { read: true });
  rmSync(temporary, { force: true }); // another run's that was killed
  append(temporary, "");
  let lines = "";
  for (const [key, failure] of lastOf(from, placesIn(from).places)) {
    if (settled.has(key)) continue;
    lines += `${JSON.stringify(failure)}\n`;
    if (lines.length < 1e5) continue;
    append(temporary, lines);
    lines = "";
  }
  append(temporary, lines);
}

/** Where the last line of each item is, and whether there are others before it. */
export function placesIn(file: Deno.FsFile) {
  const places = new Map<string, number>();
  let isLong = false;
  for (const [offset, failure] of failuresOf(file)) {
    const key = keyOf(failure);
    isLong ||= places.has(key);
    places.set(key, offset);
  }
  return { places, isLong };
}

/** The last failure of each item, with what names the item: to tell that asks for its file. */
export function* lastOf(
  file: Deno.FsFile,
  places: ReadonlyMap<string, number>,
): Generator<[key: string, failure: Failure]> {
  const keys = new Map<number, string>();
  for (const [key, offset] of places) keys.set(offset, key);
  for (const [offset, failure] of failuresOf(file)) {
    const key = keys.get(offset);
    if (key !== undefined) yield [key, failure];
  }
}

function* failuresOf(file: Deno.FsFile): Generator<[offset: number, failure: Failure]> {
  for (const [offset, line] of linesOf(file)) {
    const failure = parseFailure(line);
    if (failure !== undefined) yield [offset, failure];
  }
}
