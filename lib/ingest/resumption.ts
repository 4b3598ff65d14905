/** How a run goes on where an earlier one of the same command was interrupted. */
import { statSync } from "node:fs";
import type { RecordPlaces } from "../catalog/ids/record_places.ts";
import { accessOf, type RecordFile } from "../catalog/record_files.ts";
import { selectRecords } from "../catalog/selection.ts";
import { shardName } from "../catalog/shard.ts";
import type { Worklist } from "../catalog/worklist.ts";
import { openIndex, readMappingOf } from "../index/open.ts";
import { count } from "../shared/progress.ts";
import type { Stage } from "../shared/run.ts";
import { VectorFolder } from "../vectors/vector_folder.ts";
import { indexName, type LoadedGroup, type Source } from "./documents.ts";
import { advance, IngestJournal, START, type Stop } from "./journal.ts";
import type { IngestOptions } from "./options.ts";
import { openOptions } from "./target.ts";

/** Where the earlier run stopped, what is left, and how far this one gets. */
export class Resumption {
  /** When this run began, in milliseconds since 1970. */
  readonly #began = Date.now();
  readonly #vectors: VectorFolder;

  private constructor(
    private readonly journal: IngestJournal,
    private readonly stop: Stop | undefined,
    private readonly work: Worklist,
    private readonly options: IngestOptions,
    private readonly stage: Stage,
    places: Pick<RecordPlaces, "earlierFolders">,
  ) {
    const earlier = (stem: string) => places.earlierFolders(stem);
    this.#vectors = new VectorFolder(options.vectorsDir, options, earlier);
  }

  /** Reads the journal. */
  static async begin(
    work: Worklist,
    options: IngestOptions,
    stage: Stage,
    places: Pick<RecordPlaces, "earlierFolders">,
  ): Promise<Resumption> {
    const { output, selection } = work;
    const journal = new IngestJournal(output, aboutOf(options), shardName(selection.shard));
    const stop = await whereStopped(journal, work, options, stage);
    if (stop !== undefined) output.failures.goOnFrom(new Date(stop.began).toISOString());
    return new Resumption(journal, stop, work, options, stage, places);
  }

  /** Whether others are in the index already. */
  get isRest(): boolean {
    return this.options.retryFailed || this.stop !== undefined;
  }

  /** The records that are left: all after the stop, and those before it that are due again. */
  async *left(lists: AsyncIterable<readonly RecordFile[]>): AsyncGenerator<Source[]> {
    const done = this.stop?.done ?? 0;
    let position = START;
    for await (const records of lists) {
      const sources: Source[] = [];
      for (const record of records) {
        position = advance(position, record);
        const isLeft = position.done > done || this.#isDue(record);
        if (isLeft) sources.push({ record, position });
      }
      this.stage.stats.skipped += records.length - sources.length;
      yield sources;
    }
  }

  /** Whether a record before the stop failed, or has changed since. */
  #isDue(record: RecordFile): boolean {
    if (this.stop === undefined) return true;
    const item = { id: record.stem, file: record.path, about: indexName(this.options) };
    if (this.work.output.failures.has(item)) return true;
    const vector = this.options.format === "json"
      ? undefined
      : this.#vectors.find(record.folder, record.stem, accessOf(record));
    return changedSince(this.stop.began, [record.path, vector]);
  }

  /** Notes that the run got as far as this group. */
  note({ items, generation }: LoadedGroup): void {
    const position = items.at(-1)?.source.position;
    if (position === undefined || generation === undefined || this.options.retryFailed) return;
    if (position.done <= (this.stop?.done ?? 0)) return;
    this.journal.write({ ...position, began: this.#began, generation });
  }

  /** All is done: nothing is left to go on with. */
  end(): void {
    if (this.options.retryFailed) return;
    this.journal.remove();
  }
}

/** What tells one command from another, for the journal. */
function aboutOf(options: IngestOptions): unknown {
  const { place, index, recordsDir, vectorsDir, format, suffix, skip, shard, recreateIndex } =
    options;
  const where = place.kind === "server" ? place.urls.map(String).sort() : place.dir;
  return [where, index, recordsDir, vectorsDir, format, suffix, skip, shard, recreateIndex];
}

/** Where an interrupted run of the same command stopped, if all that it put in is still there. */
async function whereStopped(
  journal: IngestJournal,
  { selection }: Worklist,
  options: IngestOptions,
  stage: Stage,
): Promise<Stop | undefined> {
  const stop = options.resume && !options.retryFailed ? journal.read() : undefined;
  if (stop === undefined || !await isSameStart(selectRecords(selection), stop)) return undefined;
  const opened = openOptions(options, await readMappingOf(options), stage);
  await using index = await openIndex(options.place, options.index, opened);
  if (await index.generation() !== stop.generation) {
    await index.removeIfUnused(); // the load opens it as one that it makes
    return undefined;
  }
  stage.warn(`goes on after the first ${count(stop.done)} records`);
  return stop;
}

/** Whether the records up to the stop are those that the earlier run had there. */
async function isSameStart(
  lists: AsyncIterable<readonly RecordFile[]>,
  { done, crc }: Stop,
): Promise<boolean> {
  let position = START;
  for await (const records of lists) {
    for (const record of records) {
      position = advance(position, record);
      if (position.done === done) return position.crc === crc;
    }
  }
  return false;
}

/** Whether one of the files was written, or put in its place, since `time`. */
function changedSince(time: number, files: readonly (string | undefined)[]): boolean {
  return files.some((file) => {
    const stat = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
    // Deno tells the time of the change in whole seconds.
    return stat !== undefined && Math.max(stat.ctimeMs + 999, stat.mtimeMs) >= time;
  });
}
