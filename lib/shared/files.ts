/** Folder walks in a stable order, and an output folder whose files are written whole or not at all. */
import { createReadStream, existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { errorMessage, FileError, isDiskFull, SetupError } from "./errors.ts";

/** Name of the folder that holds Maken's own state inside an output folder. */
export const STATE_DIR = ".maken";

/** Is told of a folder that cannot be read, and passed over. */
export type OnUnreadable = (path: string, reason: FileError) => void;

/** Files of one folder that follow each other in the order of a walk. */
export interface Listing {
  /** Relative to the root of the walk, with `/`; empty for the root itself. */
  readonly folder: string;
  readonly names: readonly string[];
}

/**
 * The files below `root`, each folder's entries sorted by code unit. Links are followed to files;
 * `.maken` folders are passed over.
 *
 * @param onUnreadable of folders below `root`
 * @throws {SetupError} if `root` is not a folder that can be read
 */
export async function* walkFolders(
  root: string,
  onUnreadable: OnUnreadable = () => {},
): AsyncGenerator<Listing> {
  yield* walk(root, "", onUnreadable);
}

async function* walk(
  root: string,
  folder: string,
  onUnreadable: OnUnreadable,
): AsyncGenerator<Listing> {
  const found: string[] = [];
  const folders = new Set<string>();
  try {
    for await (const entry of Deno.readDir(join(root, folder))) {
      if (entry.name === STATE_DIR) continue;
      if (entry.isSymlink && !await isFile(join(root, folder, entry.name))) continue;
      found.push(entry.name);
      if (entry.isDirectory) folders.add(entry.name);
    }
  } catch (error) {
    const path = join(root, folder);
    const reason = `Cannot read folder "${path}": ${fileReason(error)}`;
    if (folder === "") throw new SetupError(reason, { cause: error });
    onUnreadable(path, new FileError(reason, { cause: error }));
    return;
  }
  let names: string[] = [];
  for (const name of found.sort()) {
    if (!folders.has(name)) names.push(name);
    else {
      yield { folder, names };
      names = [];
      yield* walk(root, below(folder, name), onUnreadable);
    }
  }
  yield { folder, names };
}

/** Path of a file of a {@linkcode Listing}, relative to the root of the walk, with `/`. */
export function below(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false; // a link that leads nowhere, or to where this run may not look
  }
}

/** Whether there is a file or folder at `path` that this run may see. */
export function exists(path: string): boolean {
  return existsSync(path); // a tenth of the time of a stat that fails
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

/** The plain reason of a file error, without Deno's wording around it. */
export function fileReason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file or folder";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotCapable) return "outside the paths that this run may use";
  if (error instanceof Deno.errors.NotADirectory) return "it is not a folder, or below a file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (isDiskFull(error)) return "the disk is full";
  return errorMessage(error);
}

/** How long a lock is waited for: as long as the processes of a killed run may take to end. */
const LOCK_WAIT_MS = 2000;

async function lockSoon(file: Deno.FsFile, isExclusive: boolean): Promise<boolean> {
  for (const start = performance.now();;) {
    if (await file.tryLock(isExclusive)) return true;
    if (performance.now() - start > LOCK_WAIT_MS) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A failed item, as one line of `failures.jsonl`. */
export interface Failure {
  readonly id: string | null;
  /** File or URL that the failure is about. */
  readonly file: string | null;
  /** Step that failed, such as `fetch`, `decode` or `embed`. */
  readonly stage: string;
  readonly code: string;
  readonly message: string;
  /** ISO 8601. */
  readonly time: string;
}

/** Path of the file that lists the failures of the last run in an output folder. */
export function failuresFile(folder: string, part: string | undefined): string {
  const name = part === undefined ? "failures.jsonl" : `failures.${part}.jsonl`;
  return join(folder, STATE_DIR, name);
}

/** The failures that the first `length` bytes of such a file tell; none if there is no file. */
export async function* readFailures(
  path: string,
  length = Infinity,
): AsyncGenerator<Partial<Failure>> {
  if (length === 0 || !exists(path)) return;
  const file = createReadStream(path, { end: length - 1 });
  for await (const line of createInterface({ input: file, crlfDelay: Infinity })) {
    const failure = parseFailure(line);
    if (failure !== undefined) yield failure;
  }
}

function parseFailure(line: string): Partial<Failure> | undefined {
  try {
    const json = JSON.parse(line);
    return typeof json === "object" && json !== null ? json : undefined;
  } catch {
    return undefined; // cut short by a full disk: a run without --retry-failed tries what it told
  }
}

/** Paths of all files in an output folder that list failures: one, and one for each part. */
export function failuresFiles(folder: string): string[] {
  const stateDir = join(folder, STATE_DIR);
  if (!exists(stateDir)) return [];
  const names = readdirSync(stateDir).filter((name) => /^failures(\..*)?\.jsonl$/.test(name));
  return names.sort().map((name) => join(stateDir, name));
}

/** A name that is too long, or a folder in the way. */
const ITEMS_OWN_FAULTS: readonly unknown[] = ["ENAMETOOLONG", "EISDIR", "ENOTDIR", "EEXIST"];

/** Folders that are remembered to be there. */
const MAX_MADE = 10_000;

/**
 * A folder that one task writes to. Files appear whole, under their final name, or not at all:
 * they are written to `.maken/<task>.tmp/` first and renamed.
 */
export class OutputFolder implements AsyncDisposable {
  readonly #made = new Set<string>();
  #temporaryCount = 0;

  private constructor(
    readonly path: string,
    /** Path of `failures.jsonl`. */
    readonly failuresPath: string,
    private readonly temporaryDir: string,
    private readonly locks: readonly Deno.FsFile[],
    private readonly failures: Deno.FsFile,
  ) {}

  /**
   * Makes the folder if need be, takes it for this task and clears what a killed run left behind.
   *
   * @param part of the task's work, such as `1-of-4`, where several runs share the folder
   * @throws {SetupError} if it cannot be written, or another run of the same task has it
   */
  static async open(path: string, task: string, part?: string): Promise<OutputFolder> {
    const stateDir = join(path, STATE_DIR);
    const name = part === undefined ? task : `${task}.${part}`;
    const temporaryDir = join(stateDir, `${name}.tmp`);
    const failuresPath = failuresFile(path, part);
    const held: Deno.FsFile[] = [];
    try {
      await Deno.mkdir(stateDir, { recursive: true });
      // A part shares the task's lock with other parts, but not with a run of the whole.
      const locks: [string, boolean][] = part === undefined
        ? [[task, true]]
        : [[task, false], [name, true]];
      for (const [file, isExclusive] of locks) {
        const lock = await Deno.open(join(stateDir, `${file}.lock`), { create: true, write: true });
        held.push(lock);
        if (await lockSoon(lock, isExclusive)) continue;
        throw new SetupError(`Cannot write to "${path}": another ${task} run is using it`);
      }
      await Deno.remove(temporaryDir, { recursive: true }).catch(() => {}); // mostly not there
      await Deno.mkdir(temporaryDir, { recursive: true });
      const failures = await Deno.open(failuresPath, { create: true, append: true });
      return new OutputFolder(path, failuresPath, temporaryDir, held, failures);
    } catch (error) {
      for (const lock of held) lock.close();
      if (error instanceof SetupError) throw error;
      throw new SetupError(`Cannot write to folder "${path}": ${fileReason(error)}`, {
        cause: error,
      });
    }
  }

  /** Whether the file is there. */
  has(relativePath: string): boolean {
    return exists(join(this.path, relativePath));
  }

  /** The file's text; undefined if it is not there. */
  read(relativePath: string): string | undefined {
    try {
      return Deno.readTextFileSync(join(this.path, relativePath));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /**
   * Writes a file whole, in place of an older one. In one go: for small files the way to another
   * thread and back takes longer than the writing.
   *
   * @throws {FileError} if a file of this name cannot be there
   * @throws {SetupError} if the folder cannot be written any more, for instance as the disk is full
   */
  write(relativePath: string, data: Uint8Array | string): void {
    const path = join(this.path, relativePath);
    const temporary = join(this.temporaryDir, String(this.#temporaryCount++));
    try {
      const folder = dirname(path);
      if (!this.#made.has(folder)) {
        Deno.mkdirSync(folder, { recursive: true });
        if (this.#made.size >= MAX_MADE) this.#made.clear();
        this.#made.add(folder);
      }
      if (typeof data === "string") Deno.writeTextFileSync(temporary, data);
      else Deno.writeFileSync(temporary, data);
      Deno.renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      if (ITEMS_OWN_FAULTS.includes((error as { code?: unknown }).code)) {
        throw new FileError(`Cannot write "${path}": ${fileReason(error)}`, { cause: error });
      }
      throw new SetupError(
        `Cannot write "${path}": ${fileReason(error)}; mend it and run the same command again`,
        { cause: error },
      );
    }
  }

  /** Removes a file, if it is there. */
  async remove(relativePath: string): Promise<void> {
    await Deno.remove(join(this.path, relativePath)).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }

  /** Length of `failures.jsonl` in bytes. */
  async failuresLength(): Promise<number> {
    return (await this.failures.stat()).size;
  }

  /**
   * Cuts `failures.jsonl` to its first `length` bytes: those of an earlier run that goes on. Gives
   * false, and keeps nothing, if another run has written it since.
   */
  async keepFailures(length: number): Promise<boolean> {
    const isKept = length === 0 || (await Deno.readFile(this.failuresPath))[length - 1] === 0x0a;
    await this.failures.truncate(isKept ? length : 0);
    return isKept;
  }

  /**
   * Takes those failures out of the first `length` bytes of `failures.jsonl` that have been tried
   * again. The last thing to do: no failure can be recorded afterwards.
   */
  async dropFailures(
    length: number,
    wasTried: (failure: Partial<Failure>) => boolean,
  ): Promise<void> {
    let kept = "";
    for await (const failure of readFailures(this.failuresPath, length)) {
      if (!wasTried(failure)) kept += `${JSON.stringify(failure)}\n`;
    }
    const rest = (await Deno.readFile(this.failuresPath)).subarray(length);
    const text = kept + new TextDecoder().decode(rest);
    this.write(join(STATE_DIR, basename(this.failuresPath)), text);
  }

  /** Adds a line to `failures.jsonl`. */
  async recordFailure(failure: Failure): Promise<void> {
    const line = new TextEncoder().encode(JSON.stringify(failure) + "\n");
    try {
      for (let written = 0; written < line.length;) {
        written += await this.failures.write(line.subarray(written));
      }
    } catch (error) {
      const reason = fileReason(error);
      throw new SetupError(`Cannot write "${this.failuresPath}": ${reason}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.failures.close();
    await Deno.remove(this.temporaryDir, { recursive: true }).catch(() => {}); // not worth a failure
    for (const lock of this.locks) lock.close();
  }
}
