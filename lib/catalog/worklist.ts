/** The stored records that a stage works through, from the first to the last. */
import type { OutputFolder } from "../shared/output_folder.ts";
import type { Stage } from "../shared/run.ts";
import type { RecordFile } from "./record_files.ts";
import { countRecords, isGone, type Selection, selectRecords, whyNoRecords } from "./selection.ts";
import { shardName } from "./shard.ts";

/** Lists a stage's records, counts them beside the work, and settles the list of failures. */
export class Worklist {
  #total: Promise<number> | undefined;

  private constructor(
    readonly selection: Selection,
    private readonly stage: Stage,
    /** Where the stage writes to. */
    readonly output: OutputFolder,
  ) {}

  /**
   * Opens the output folder of the stage.
   *
   * @throws {SetupError} see {@linkcode OutputFolder.open}
   */
  static async open(selection: Selection, stage: Stage): Promise<Worklist> {
    const { outputDir, shard, retryFailed: retry } = selection;
    const output = await stage.openOutput(outputDir, { part: shardName(shard), retry });
    return new Worklist(selection, stage, output);
  }

  /**
   * The records in a stable order, some at a time, until the stage is told to end. Folders that
   * cannot be read are failures, told after all others.
   *
   * @throws {SetupError} if the records' folder cannot be read
   */
  async *records(): AsyncGenerator<readonly RecordFile[]> {
    this.total().catch(() => {}); // the work meets the same fault, and tells it
    const unreadable: [path: string, reason: Error][] = [];
    const { failures } = this.output;
    const lists = selectRecords(this.selection, failures, (...folder) => unreadable.push(folder));
    for await (const records of lists) {
      if (this.stage.signal.aborted) return;
      yield records;
    }
    for (const [file, reason] of unreadable) this.stage.fail({ file, stage: "list" }, reason);
  }

  /** How many records there are, once they are counted; the progress line shows it from then on. */
  total(): Promise<number> {
    return this.#total ??= this.#count();
  }

  async #count(): Promise<number> {
    const { stats, signal } = this.stage;
    const total = await countRecords(this.selection, this.output.failures, signal);
    if (!signal.aborted) stats.total = total;
    return total;
  }

  /** All records have been worked on: says if there was none, and forgets failures of those gone. */
  async end(): Promise<void> {
    const { stage, selection, output } = this;
    stage.signal.throwIfAborted();
    if (await this.total() === 0) stage.warn(whyNoRecords(selection));
    output.failures.settleAll((failure) => isGone(failure, selection, output.failures.began));
  }
}
