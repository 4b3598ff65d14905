/** An output folder whose files are written whole or not at all. */
import { rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { FileError, fileReason, SetupError } from "./errors.ts";
import { type Failure, failuresFile, readFailures } from "./failures.ts";
import { exists, STATE_DIR } from "./files.ts";

/** How long a lock is waited for: as long as the processes of a killed run may take to end. */
const LOCK_WAIT_MS = 2000;

async function lockSoon(file: Deno.FsFile, isExclusive: boolean): Promise<boolean> {
  for (const start = performance.now();;) {
    if (await file.tryLock(isExclusive)) return true;
    if (performance.now() - start > LOCK_WAIT_MS) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
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
