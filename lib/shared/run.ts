/** Runs and their stages: counts, failures, output folders, and how they are told to end. */
import { errorCode, errorMessage, SetupError } from "./errors.ts";
import type { Failure, ItemName } from "./failure.ts";
import { OutputFolder } from "./output_folder.ts";
import { logEvent } from "./log.ts";
import { RunStats } from "./progress.ts";

/** Failures that are shown one by one; the others are only in `failures.jsonl`. */
const FAILURES_SHOWN = 20;

/** What a tool has to say at its end, besides the counts. */
export interface Report {
  /** Added to the JSON object of `--json`. */
  readonly json?: Record<string, unknown>;
  /** Printed to stdout without `--json`. */
  readonly text?: string;
  /** In place of the counts in the last line on stderr. */
  readonly summary?: string;
  /** There was nothing to be done where something was expected: exit code 1. */
  readonly isEmpty?: boolean;
}

/** An item that failed, as far as it is known. */
export interface FailedItem extends Partial<ItemName> {
  /** Step that failed. */
  readonly stage: string;
  /** What it failed with, see `Failure`; none where another run may fare better at any time. */
  readonly proof?: string | undefined;
  /** Names what was fetched, and was damaged. */
  readonly fetched?: string | undefined;
}

/** One flow at work, alone or among others: what it needs of the world around it. */
export class Stage implements AsyncDisposable {
  readonly #stats = new RunStats();
  readonly #parts = new Set<Stage>();
  readonly #outputs = new AsyncDisposableStack();
  readonly #began = performance.now();
  #ended: number | undefined;
  #output: OutputFolder | undefined;
  /** Where failures of a part that has ended are listed. */
  #failuresPath: string | undefined;
  /** Failures that were shown, by all parts together. */
  #shown = { count: 0 };

  /**
   * @param task name of the tool
   * @param signal aborted when the stage is to end early
   */
  constructor(readonly task: string, readonly signal: AbortSignal) {}

  /** The counts; of a stage in parts those of all together, as they are now. */
  get stats(): RunStats {
    if (this.#parts.size === 0) return this.#stats;
    return RunStats.sum([this.#stats, ...[...this.#parts].map(({ stats }) => stats)]);
  }

  /** A part of the stage that has folders of its own, and counts for the stage. */
  part(): Stage {
    const part = new Stage(this.task, this.signal);
    part.#shown = this.#shown;
    this.#parts.add(part);
    part.#outputs.defer(() => {
      this.#stats.add(part.#stats);
      this.#parts.delete(part);
      if (part.#stats.failed > 0) this.#failuresPath = part.failuresPath();
    });
    return part;
  }

  /**
   * Opens the folder that this stage writes to; its `failures.jsonl` takes the stage's failures.
   *
   * @param options.part of the task's work, where several runs share the folder
   * @param options.retry whether what failed for good is to be tried again
   * @throws {SetupError} see {@linkcode OutputFolder.open}
   */
  async openOutput(
    path: string,
    options: { part?: string | undefined; retry?: boolean } = {},
  ): Promise<OutputFolder> {
    return this.#output = this.#outputs.use(await OutputFolder.open(path, this.task, options));
  }

  /** Opens another folder that this stage writes to, beside the one that lists its failures. */
  async openSecondOutput(path: string, part?: string): Promise<OutputFolder> {
    return this.#outputs.use(await OutputFolder.open(path, this.task, { part }));
  }

  /**
   * Counts, shows and records a failed item; one that had failed so for good before counts as
   * skipped. What ends the whole run (an interruption, a disk that
   * is full) is thrown again.
   *
   * @param items how many items failed with it
   */
  fail(item: FailedItem, error: unknown, items = 1): void {
    if (error instanceof SetupError || error === this.signal.reason) throw error;
    if (this.#list(item, error)) {
      this.#countFailedBefore(items);
      return;
    }
    const { id = null } = item;
    const message = errorMessage(error);
    this.stats.addFailed(errorCode(error), items);
    const about = id === null || message.includes(id) ? "" : `record "${id}": `;
    const shown = ++this.#shown.count;
    if (shown <= FAILURES_SHOWN) logEvent(`${this.task}: ${about}${message}`);
    else if (shown === FAILURES_SHOWN + 1) {
      logEvent(
        `${this.task}: more failures follow; all are in ${this.failuresPath() ?? "the counts"}`,
      );
    }
  }

  /** Counts an item as skipped that there is no use in trying again, and records it. */
  skip(item: FailedItem, reason: unknown): void {
    if (this.#list(item, reason)) this.#countFailedBefore();
    else this.stats.skipped++;
  }

  /**
   * The failure of an item that is not tried now, as it failed for good before: it is counted so.
   *
   * @param proof what it would be tried with, see `Failure`
   */
  async failedBefore(
    item: Partial<ItemName>,
    proof: () => Promise<string | undefined> | string | undefined,
  ): Promise<Failure | undefined> {
    const failure = await this.#output?.failures.known({ id: null, file: null, ...item }, proof);
    if (failure !== undefined) this.#countFailedBefore();
    return failure;
  }

  /** The item has not failed this time: what was listed of it goes, if it is of one of the stages. */
  settle(item: Partial<ItemName>, stages?: readonly string[]): void {
    this.#output?.failures.settle({ id: null, file: null, ...item }, stages);
  }

  #list(item: FailedItem, error: unknown): boolean {
    const [code, message] = [errorCode(error), errorMessage(error)];
    const time = new Date().toISOString();
    const failure = { id: null, file: null, ...item, code, message, time };
    return this.#output?.failures.add(failure) ?? false;
  }

  #countFailedBefore(items = 1): void {
    this.stats.skipped += items;
    this.stats.failedBefore += items;
  }

  /** A line to the person who runs the tool. */
  warn(text: string): void {
    logEvent(`${this.task}: ${text}`);
  }

  /** Path of `failures.jsonl`, once there is an output folder. */
  failuresPath(): string | undefined {
    return this.#output?.failures.path ?? this.#failuresPath;
  }

  /** Seconds from its begin to its end, or until now. */
  get seconds(): number {
    return ((this.#ended ?? performance.now()) - this.#began) / 1000;
  }

  /** Hands items on; after the last one the stage has nothing left to do, and its time stands still. */
  async *through<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* items;
    } finally {
      this.end();
    }
  }

  /** The stage has nothing left to do. */
  end(): void {
    this.#ended ??= performance.now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await this.#outputs.disposeAsync();
  }
}

/** One run of a tool: a stage of its own, or several that hand their results on. */
export class Run extends Stage {
  readonly #stages: Stage[] = [];

  /** The stages that were begun; none where the run is its only one. */
  get stages(): readonly Stage[] {
    return this.#stages;
  }

  /** Begins a stage, which ends with the run at the latest. */
  stage(task: string): Stage {
    const stage = new Stage(task, this.signal);
    this.#stages.push(stage);
    return stage;
  }

  /**
   * What the run has done. Of several stages: the total of the first, what the last one stored, the
   * failures of all, and what is left as skipped.
   */
  get counts(): RunStats {
    const [first, last] = [this.#stages[0], this.#stages.at(-1)];
    return first === undefined || last === undefined ? this.stats : RunStats.ofStages(
      first.stats,
      last.stats,
      [this, ...this.#stages].map(({ stats }) => stats),
    );
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const stage of this.#stages) await stage[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }
}
