/** Runs and their stages: counts, failures, output folders, and how they are told to end. */
import { errorCode, errorMessage, SetupError } from "./errors.ts";
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

/** One flow at work, alone or among others: what it needs of the world around it. */
export class Stage implements AsyncDisposable {
  readonly stats = new RunStats();
  readonly #outputs = new AsyncDisposableStack();
  readonly #began = performance.now();
  #ended: number | undefined;
  #output: OutputFolder | undefined;
  #shown = 0;

  /**
   * @param task name of the tool
   * @param signal aborted when the stage is to end early
   */
  constructor(readonly task: string, readonly signal: AbortSignal) {}

  /**
   * Opens the folder that this stage writes to; its `failures.jsonl` begins anew and takes the
   * stage's failures.
   *
   * @param options.keepFailures whether those of an earlier run stay, for the caller to cut
   * @param options.part of the task's work, where several runs share the folder
   * @throws {SetupError} see {@linkcode OutputFolder.open}
   */
  async openOutput(
    path: string,
    { keepFailures = false, part }: { keepFailures?: boolean; part?: string | undefined } = {},
  ): Promise<OutputFolder> {
    const output = this.#outputs.use(await OutputFolder.open(path, this.task, part));
    if (!keepFailures) await output.failures.keep(0);
    return this.#output = output;
  }

  /** Opens another folder that this stage writes to, beside the one that lists its failures. */
  async openSecondOutput(path: string, part?: string): Promise<OutputFolder> {
    return this.#outputs.use(await OutputFolder.open(path, this.task, part));
  }

  /**
   * Counts, shows and records a failed item. What ends the whole run (an interruption, a disk that
   * is full) is thrown again.
   *
   * @param items how many items failed with it
   */
  async fail(
    item: { id?: string | null; file?: string | null; stage: string },
    error: unknown,
    items = 1,
  ): Promise<void> {
    if (error instanceof SetupError || error === this.signal.reason) throw error;
    const code = errorCode(error);
    const message = errorMessage(error);
    this.stats.addFailed(code, items);
    const { id = null, file = null, stage } = item;
    const about = id === null || message.includes(id) ? "" : `record "${id}": `;
    if (++this.#shown <= FAILURES_SHOWN) logEvent(`${this.task}: ${about}${message}`);
    else if (this.#shown === FAILURES_SHOWN + 1) {
      logEvent(
        `${this.task}: more failures follow; all are in ${this.failuresPath() ?? "the counts"}`,
      );
    }
    const time = new Date().toISOString();
    await this.#output?.failures.add({ id, file, stage, code, message, time });
  }

  /** A line to the person who runs the tool. */
  warn(text: string): void {
    logEvent(`${this.task}: ${text}`);
  }

  /** Path of `failures.jsonl`, once there is an output folder. */
  failuresPath(): string | undefined {
    return this.#output?.failures.path;
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
