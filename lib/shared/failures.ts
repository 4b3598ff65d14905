/** Failed items that stand, listed one a line in the `.maken` folder of an output folder. */
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileReason, SetupError } from "./errors.ts";
import {
  carriedOver,
  type Failure,
  isKnown,
  type ItemName,
  type NewFailure,
  parseFailure,
  wasKnown,
} from "./failure.ts";
import { exists, STATE_DIR } from "./files.ts";
import { linesOf, textAt } from "./lines.ts";

/** Path of the file that lists the failures in an output folder. */
export function failuresFile(folder: string): string {
  return join(folder, STATE_DIR, "failures.jsonl");
}

/** Name of the lock that a list is changed under. */
export const FAILURES_LOCK = "failures.lock";

/**
 * The failures that stand in a folder. All tasks and parts that work there share the list: each adds
 * lines at any time, the last one of an item counts; at its end a run takes out what has passed.
 * The places of the lines are in memory, some 100 bytes for each failure.
 */
export class FailureList implements Disposable {
  /** Where the last line of each item was when the list was opened. */
  readonly #places: ReadonlyMap<string, number>;
  readonly #settled = new Set<string>();
  /** Those that have failed again. */
  readonly #renewed = new Set<string>();
  #isLong: boolean;
  /** ISO 8601. */
  #began = new Date().toISOString();

  private constructor(
    readonly path: string,
    private readonly task: string,
    /** Try again what is known to fail. */
    private readonly retry: boolean,
    private readonly file: Deno.FsFile,
  ) {
    ({ places: this.#places, isLong: this.#isLong } = placesIn(file));
  }

  /**
   * Opens the list; nothing is taken off it.
   *
   * @param options.retry whether all are to be tried again
   */
  static open(path: string, task: string, { retry = false } = {}): FailureList {
    locked(path, () => {
      endLastLine(path);
      takeOverParts(path);
    });
    const file = Deno.openSync(path, { read: true });
    try {
      return new FailureList(path, task, retry, file);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** The run goes on with one that began earlier: what failed since then is its own. */
  goOnFrom(began: string): void {
    this.#began = began;
  }

  /** When the run began, ISO 8601. */
  get began(): string {
    return this.#began;
  }

  /** The failures of this task that earlier runs left. */
  *earlier(): Generator<Failure> {
    for (const failure of lastOf(this.file, this.#places)) {
      if (failure.task === this.task) yield failure;
    }
  }

  /**
   * The failure of an item that is not to be tried now, as it failed for good.
   *
   * @param proof what it would be tried with
   */
  async known(
    item: ItemName,
    proof: () => Promise<string | undefined> | string | undefined,
  ): Promise<Failure | undefined> {
    const found = this.#find(item);
    if (found === undefined || this.retry || found.failure.time >= this.#began) return undefined;
    const { key, failure } = found;
    if (!isKnown(failure, await proof())) return undefined;
    if (item.file !== failure.file) this.#replace(key, { ...failure, file: item.file });
    return failure;
  }

  /**
   * Lists a failure; tells whether the item had failed so for good before.
   *
   * @throws {SetupError} if the list cannot be written
   */
  add(failure: NewFailure): boolean {
    const before = this.#find(failure);
    const now = carriedOver(failure, before?.failure, this.task, this.#began);
    this.#replace(before?.key, now);
    return !this.retry && wasKnown(now, before?.failure, this.#began);
  }

  /** Whether an earlier run has listed the item. */
  has({ id = null, file = null, ...rest }: Partial<ItemName>): boolean {
    return this.#find({ id, file, ...rest }) !== undefined;
  }

  /** The item has not failed this time, or is no more. */
  settle(item: ItemName, stages?: readonly string[]): void {
    const found = this.#find(item);
    if (found === undefined || !(stages?.includes(found.failure.stage) ?? true)) return;
    this.#settled.add(found.key);
  }

  /** Settles all of this task that earlier runs left, this one has not listed again, and that are so. */
  settleAll(isSettled: (failure: Failure) => boolean): void {
    for (const failure of this.earlier()) {
      const key = keyOf(failure);
      if (!this.#renewed.has(key) && isSettled(failure)) this.#settled.add(key);
    }
  }

  #replace(key: string | undefined, failure: Failure): void {
    const newKey = keyOf(failure);
    if (key !== undefined && key !== newKey) this.#settled.add(key);
    this.#settled.delete(newKey);
    if (key !== undefined) {
      this.#renewed.add(newKey);
      this.#isLong = true;
    }
    locked(this.path, () => append(this.path, `${JSON.stringify(failure)}\n`));
  }

  #find(item: ItemName): { key: string; failure: Failure } | undefined {
    if (this.#places.size === 0) return undefined;
    for (const key of keysOf(this.task, item)) {
      const offset = this.#places.get(key);
      const failure = offset === undefined ? undefined : parseFailure(textAt(this.file, offset));
      if (failure !== undefined) return { key, failure };
    }
    return undefined;
  }

  /** Takes out what is settled. */
  [Symbol.dispose](): void {
    this.file.close();
    if (this.#settled.size === 0 && !this.#isLong) return;
    try {
      locked(this.path, () => rewrite(this.path, (failure) => !this.#settled.has(keyOf(failure))));
    } catch {
      // As on a full disk: the list stays longer than need be, and the next run shortens it.
    }
  }
}

/** The failures that are listed in a folder, for those who only look. */
export function* standingFailures(folder: string, task: string | undefined): Generator<Failure> {
  const path = failuresFile(folder);
  if (!exists(path)) return;
  using file = Deno.openSync(path, { read: true });
  for (const failure of lastOf(file, placesIn(file).places)) {
    if (task === undefined || failure.task === task) yield failure;
  }
}

/** Names an item by its file; by its id where the file is no more, as the record has moved. */
function keyOf({ task, about, key, file, id }: Failure): string {
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
function keysOf(task: string, { about, key, file, id }: ItemName): string[] {
  const names = key === undefined ? [...file === null ? [] : [file], `id ${id}`] : [key];
  const abouts = about === undefined ? [""] : [about, ""];
  return abouts.flatMap((about) => names.map((name) => `${task} ${about} ${name}`));
}

/** Changes a list, while no other run does. */
function locked(path: string, work: () => void): void {
  const lockPath = join(dirname(path), FAILURES_LOCK);
  using lock = Deno.openSync(lockPath, { create: true, write: true });
  lock.lockSync(true);
  work();
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

/** Writes the list anew: the last line of each item that is kept. */
function rewrite(path: string, isKept: (failure: Failure) => boolean): void {
  const temporary = `${path}.tmp`;
  {
    using from = Deno.openSync(path, { read: true });
    rmSync(temporary, { force: true });
    append(temporary, "");
    let lines = "";
    for (const failure of lastOf(from, placesIn(from).places)) {
      if (!isKept(failure)) continue;
      lines += `${JSON.stringify(failure)}\n`;
      if (lines.length < 1e5) continue;
      append(temporary, lines);
      lines = "";
    }
    append(temporary, lines);
  }
  Deno.renameSync(temporary, path);
}

/** Where the last line of each item is, and whether there are others before it. */
function placesIn(file: Deno.FsFile) {
  const places = new Map<string, number>();
  let isLong = false;
  for (const [offset, failure] of failuresOf(file)) {
    const key = keyOf(failure);
    isLong ||= places.has(key);
    places.set(key, offset);
  }
  return { places, isLong };
}

function* lastOf(file: Deno.FsFile, places: ReadonlyMap<string, number>): Generator<Failure> {
  for (const [offset, failure] of failuresOf(file)) {
    if (places.get(keyOf(failure)) === offset) yield failure;
  }
}

function* failuresOf(file: Deno.FsFile): Generator<[offset: number, failure: Failure]> {
  for (const [offset, line] of linesOf(file)) {
    const failure = parseFailure(line);
    if (failure !== undefined) yield [offset, failure];
  }
}
