/** Which stored records a run is about. */
import { relative } from "node:path";
import {
  exists,
  type Failure,
  failuresFile,
  failuresFiles,
  type OnUnreadable,
  type OutputFolder,
  readFailures,
} from "../shared/files.ts";
import type { Run } from "../shared/run.ts";
import { type RecordFile, recordFile, recordFiles } from "./record_files.ts";
import { rglobPattern } from "./rglob.ts";
import { isInShard, type Shard, shardName } from "./shard.ts";

/** What chooses the records of a run. */
export interface Selection {
  /** Absolute path of the records' folder. */
  readonly recordsDir: string;
  /** As in Python's `Path(recordsDir).rglob(recordsGlob)`. */
  readonly recordsGlob: string;
  /** Records of the sorted order to pass over. */
  readonly passOver: number;
  /** The part of the records that this run takes; undefined for all. */
  readonly shard: Shard | undefined;
  /** Take only the records that failed in the last run. */
  readonly retryFailed: boolean;
  /** Steps whose failures can be tried again by this run; undefined for all. */
  readonly stages?: readonly string[] | undefined;
  /** Absolute path of the folder with the lists of failures. */
  readonly outputDir: string;
}

/**
 * The records of a run, in a stable order.
 *
 * @param earlier bytes of the list of failures that are an earlier run's
 * @param onUnreadable is told of folders that cannot be read
 * @throws {SetupError} if the records' folder cannot be read
 */
export async function* selectRecords(
  selection: Selection,
  earlier = Infinity,
  onUnreadable?: OnUnreadable,
): AsyncGenerator<RecordFile> {
  const { recordsDir, recordsGlob, shard, retryFailed } = selection;
  if (retryFailed) {
    yield* failedRecords(selection, earlier);
    return;
  }
  let { passOver } = selection;
  for await (const record of recordFiles(recordsDir, recordsGlob, onUnreadable)) {
    if (passOver-- > 0) continue;
    if (shard === undefined || isInShard(record.stem, shard)) yield record;
  }
}

/** The records that the lists of failures name, those of other shards' runs too, each once. */
async function* failedRecords(selection: Selection, earlier: number): AsyncGenerator<RecordFile> {
  const { outputDir, shard } = selection;
  const own = failuresFile(outputDir, shardName(shard));
  const seen = new Set<string>();
  for (const list of failuresFiles(outputDir)) {
    for await (const failure of readFailures(list, list === own ? earlier : Infinity)) {
      const record = recordOf(failure, selection);
      if (record === undefined || seen.has(record.path)) continue;
      seen.add(record.path);
      yield record;
    }
  }
}

/** The record that a failure is about, if this run can try it again. */
function recordOf(
  { file, stage }: Partial<Failure>,
  { recordsDir, recordsGlob, shard, stages }: Selection,
): RecordFile | undefined {
  if (typeof file !== "string" || !file.endsWith(".json") || !exists(file)) return undefined;
  if (stages !== undefined && !stages.includes(stage ?? "")) return undefined;
  const path = relative(recordsDir, file).replaceAll("\\", "/");
  if (path.startsWith("..") || !rglobPattern(recordsGlob).test(path)) return undefined;
  const record = recordFile(recordsDir, path);
  return shard === undefined || isInShard(record.stem, shard) ? record : undefined;
}

/** Takes the failures off the run's list that a run with this selection has tried again. */
export async function dropRetried(
  selection: Selection,
  output: OutputFolder,
  earlier: number,
): Promise<void> {
  await output.dropFailures(earlier, (failure) => recordOf(failure, selection) !== undefined);
}

/** Counts the records beside the work, for the progress line and the summary. */
export function countTotal(records: AsyncIterable<RecordFile>, run: Run): Promise<void> {
  const counting = (async () => {
    let total = 0;
    for await (const _ of records) {
      if (run.signal.aborted) return;
      total++;
    }
    run.stats.total = total;
  })();
  counting.catch(() => {}); // the work meets the same fault, and tells it
  return counting;
}

/** Why a run has no records. */
export function whyNoRecords({ recordsDir, recordsGlob, ...o }: Selection): string {
  if (o.retryFailed) return `no listed failure is one of a record below "${recordsDir}"`;
  const without = [
    o.passOver > 0 ? `after the first ${o.passOver}` : "",
    o.shard === undefined ? "" : `in shard ${o.shard.index}/${o.shard.count}`,
  ].filter((text) => text !== "").join(" ");
  return `no record in "${recordsDir}" matches "${recordsGlob}"${without && ` ${without}`}`;
}
