/** Single files and folders: whether they are there, and what is in them. */
import { existsSync, lstatSync, readdirSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileReason, SetupError } from "./errors.ts";

/** Name of the folder that holds Maken's own state inside an output folder. */
export const STATE_DIR = ".maken";

/** Whether there is a file or folder at `path` that this run may see. */
export function exists(path: string): boolean {
  return existsSync(path); // a tenth of the time of a stat that fails
}

/** Names in a folder, in no order; none if there is no such folder, or it may not be read. */
export function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Names of the folders in a folder, and of links in it; none as for {@linkcode namesIn}. */
export function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/**
 * The first symbolic link on the way from `root` to `path` below it that leads out of `root`.
 *
 * @param root absolute path; may be a link itself
 * @param path relative to `root`
 */
export function linkOutOf(root: string, path: string): string | undefined {
  let at = root;
  for (const part of path.split("/")) {
    at = join(at, part);
    if (isLink(at) && !isInside(at, root)) return at;
  }
  return undefined;
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/**
 * Makes sure that a file of Maken's own is in the folder that it belongs to.
 *
 * @throws {SetupError} if it is a link that leads out of it
 */
export function requireOwn(root: string, relativePath: string): void {
  if (linkOutOf(root, relativePath) === undefined) return;
  const own = join(root, relativePath);
  throw new SetupError(`Cannot use "${own}": it is a symbolic link that leads elsewhere`);
}

/** Whether what a link leads to is in the folder; one that leads nowhere is in none. */
function isInside(link: string, folder: string): boolean {
  try {
    const path = relative(realpathSync(folder), realpathSync(link));
    return !isAbsolute(path) && path.split(sep)[0] !== "..";
  } catch {
    return false; // it leads nowhere, or to where this run may not look
  }
}

/**
 * Makes sure that a folder that is to be read is there.
 *
 * @throws {SetupError} if it is not
 */
export async function requireFolder(path: string): Promise<void> {
  try {
    if (!(await Deno.stat(path)).isDirectory) throw new Deno.errors.NotADirectory();
  } catch (error) {
    throw new SetupError(`Cannot read folder "${path}": ${fileReason(error)}`, { cause: error });
  }
}

/** Mean milliseconds of a read from which on several at a time are worth it. */
const SLOW_READ_MS = 2;
/** Of so many reads the mean is taken; and so many go out together before it is taken again. */
const SPAN = 64;
/** How long signals and answers may have to wait for reads. */
const TURN_MS = 5;

let meanMs = 0;
let reads = 0;
let turn = 0;

/**
 * A file's bytes. Where that is quick, as from memory or a disk of the machine, they are read at
 * once: to have another thread do it takes more CPU than the read. Once it turns out slow, as from
 * a disk in the network, many reads wait at the same time.
 */
export async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  if (meanMs > SLOW_READ_MS && ++reads % SPAN > 0) return await Deno.readFile(path);
  if (performance.now() - turn > TURN_MS) {
    await setImmediate();
    turn = performance.now();
  }
  return readTimed(path);
}

function readTimed(path: string): Uint8Array<ArrayBuffer> {
  const start = performance.now();
  try {
    return Deno.readFileSync(path);
  } finally {
    meanMs += (performance.now() - start - meanMs) / SPAN;
  }
}
