/** Failed items that stand, listed one a line in the `.maken` folder of an output folder. */
import { join } from "node:path";
import {
  carriedOver,
  type Failure,
  isKnown,
  type ItemName,
  type NewFailure,
  parseFailure,
  wasKnown,
} from "./failure.ts";
import { addLine, keyOf, keysOf, lastOf, mend, placesIn, rewrite } from "./failure_file.ts";
import { exists, STATE_DIR } from "./files.ts";
import { textAt } from "./lines.ts";

/** Path of the file that lists the failures in an output folder. */
export function failuresFile(folder: string): string {
  return join(folder, STATE_DIR, "failures.jsonl");
}

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
    mend(path);
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
    for (const [, failure] of lastOf(this.file, this.#places)) {
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

  /** The failures of this task that stand now. */
  *standing(): Generator<Failure> {
    using file = Deno.openSync(this.path, { read: true });
    for (const [key, failure] of lastOf(file, placesIn(file).places)) {
      if (failure.task === this.task && !this.#settled.has(key)) yield failure;
    }
  }

  /** The item has not failed this time, or is no more. */
  settle(item: ItemName, stages?: readonly string[]): void {
    const found = this.#find(item);
    if (found === undefined || !(stages?.includes(found.failure.stage) ?? true)) return;
    this.#settled.add(found.key);
  }

  /** Settles all of this task that earlier runs left, this one has not listed again, and that are so. */
  settleAll(isSettled: (failure: Failure) => boolean): void {
    for (const [key, failure] of lastOf(this.file, this.#places)) {
      const isEarlier = failure.task === this.task && !this.#renewed.has(key);
      if (isEarlier && isSettled(failure)) this.#settled.add(key);
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
    addLine(this.path, failure);
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
    rewrite(this.path, this.#settled);
  }
}

/** The failures that are listed in a folder, for those who only look. */
export function* standingFailures(folder: string, task: string | undefined): Generator<Failure> {
  const path = failuresFile(folder);
  if (!exists(path)) return;
  using file = Deno.openSync(path, { read: true });
  for (const [, failure] of lastOf(file, placesIn(file).places)) {
    if (task === undefined || failure.task === task) yield failure;
  }
}
