/** An output folder whose files are written whole or not at all. */
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { FileError, fileReason, SetupError } from "./errors.ts";
import { FAILURES_LOCK } from "./failure_file.ts";
import { FailureList, failuresFile } from "./failures.ts";
import { exists, linkOutOf, namesIn, requireOwn, STATE_DIR } from "./files.ts";
import { takeLock } from "./lock.ts";

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
    /** The items that failed, in this run and before. */
    readonly failures: FailureList,
    private readonly temporaryDir: string,
    private readonly locks: readonly Deno.FsFile[],
  ) {}

  /**
   * Makes the folder if need be, takes it for this task and clears what a killed run left behind.
   *
   * @param options.part of the task's work, such as `1-of-4`, where several runs share the folder
   * @param options.retry whether what failed for good is to be tried again
   * @throws {SetupError} if it cannot be written, or another run of the same task has it
   */
  static async open(
    path: string,
    task: string,
    { part, retry = false }: { part?: string | undefined; retry?: boolean } = {},
  ): Promise<OutputFolder> {
    const stateDir = join(path, STATE_DIR);
    const name = part === undefined ? task : `${task}.${part}`;
    const temporaryDir = join(stateDir, `${name}.tmp`);
    const held: Deno.FsFile[] = [];
    try {
      if (linkOutOf(path, STATE_DIR) !== undefined) {
        throw new SetupError(
          `Cannot use "${stateDir}": it is a symbolic link that leads elsewhere`,
        );
      }
      await Deno.mkdir(stateDir, { recursive: true });
      // A part shares the task's lock with other parts, but not with a run of the whole.
      const locks: [string, boolean][] = part === undefined
        ? [[task, true]]
        : [[task, false], [name, true]];
      for (const own of ["failures.jsonl", FAILURES_LOCK]) requireOwn(path, `${STATE_DIR}/${own}`);
      for (const [file, isExclusive] of locks) {
        requireOwn(path, `${STATE_DIR}/${file}.lock`);
        const lock = await takeLock(join(stateDir, `${file}.lock`), isExclusive);
        if (lock === undefined) {
          throw new SetupError(`Cannot write to "${path}": another ${task} run is using it`);
        }
        held.push(lock);
      }
      await Deno.remove(temporaryDir, { recursive: true }).catch(() => {}); // mostly not there
      await Deno.mkdir(temporaryDir, { recursive: true });
      const failures = FailureList.open(failuresFile(path), task, { retry });
      return new OutputFolder(path, failures, temporaryDir, held);
    } catch (error) {
      for (const lock of held) lock.close();
      if (error instanceof SetupError) throw error;
      const isThere = exists(stateDir) || exists(path);
      const reason = error instanceof Deno.errors.AlreadyExists && !isThere
        ? "it, or a folder on the way to it, is a symbolic link that leads nowhere"
        : fileReason(error);
      throw new SetupError(`Cannot write to folder "${path}": ${reason}`, { cause: error });
    }
  }

  /** Whether the file is there. */
  has(relativePath: string): boolean {
    return exists(join(this.path, relativePath));
  }

  /** Names in a folder, sorted; none if there is no such folder. */
  namesIn(relativePath: string): string[] {
    return namesIn(join(this.path, relativePath)).sort();
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
      this.#makeFolderOf(relativePath);
      if (typeof data === "string") Deno.writeTextFileSync(temporary, data);
      else Deno.writeFileSync(temporary, data);
      Deno.renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      if (error instanceof FileError) throw error;
      if (ITEMS_OWN_FAULTS.includes((error as { code?: unknown }).code)) {
        throw new FileError(`Cannot write "${path}": ${fileReason(error)}`, { cause: error });
      }
      throw new SetupError(
        `Cannot write "${path}": ${fileReason(error)}; mend it and run the same command again`,
        { cause: error },
      );
    }
  }

  /**
   * Removes a file, if it is there.
   *
   * @throws {FileError} if that would be outside the folder, or may not be done
   */
  remove(relativePath: string): void {
    this.#requireNoLinkOut(dirname(relativePath));
    const path = join(this.path, relativePath);
    try {
      Deno.removeSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw new FileError(`Cannot remove "${path}": ${fileReason(error)}`, { cause: error });
    }
  }

  /**
   * Moves a file to another place in the folder, over an older one that is there.
   *
   * @throws {FileError} if one of the places would be outside the folder, or it may not be done
   */
  move(from: string, to: string): void {
    const [old, path] = [join(this.path, from), join(this.path, to)];
    try {
      this.#requireNoLinkOut(dirname(from));
      this.#makeFolderOf(to);
      Deno.renameSync(old, path);
    } catch (error) {
      if (error instanceof FileError) throw error;
      throw new FileError(`Cannot move "${old}" to "${path}": ${fileReason(error)}`, {
        cause: error,
      });
    }
  }

  #makeFolderOf(relativePath: string): void {
    const folder = dirname(relativePath);
    if (this.#made.has(folder)) return;
    this.#requireNoLinkOut(folder);
    Deno.mkdirSync(join(this.path, folder), { recursive: true });
    if (this.#made.size >= MAX_MADE) this.#made.clear();
    this.#made.add(folder);
  }

  #requireNoLinkOut(relativePath: string): void {
    const link = linkOutOf(this.path, relativePath);
    if (link === undefined) return;
    throw new FileError(
      `Cannot write below "${link}": it is a symbolic link that leads out of "${this.path}"`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.failures[Symbol.dispose]();
    await Deno.remove(this.temporaryDir, { recursive: true }).catch(() => {}); // not worth a failure
    for (const lock of this.locks) lock.close();
  }
}
