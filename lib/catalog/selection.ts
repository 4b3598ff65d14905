/** Which stored records a run is about. */
import { relative } from "node:path";
import { exists, failuresFile, readFailures } from "../shared/files.ts";
import type { Run } from "../shared/run.ts";
import { type RecordFile, recordFile, recordFiles } from "./record_files.ts";
import { isInShard, type Shard, shardName } from "./shard.ts";

/** What chooses the records of a run. */
export interface Selection {
  /** Absolute path of the records' folder. */
  readonly recordsDir: string;
  /** As in Python's `Path(recordsDir).rglob(recordsGlob)`. */
  readonly recordsGlob?: string;
  /** Records of the sorted order to pass over. */
  readonly passOver: number;
  /** The part of the records that this run takes; undefined for all. */
  readonly shard: Shard | undefined;
  /** Take only the records that failed in the last run. */
  readonly retryFailed: boolean;
  /** Absolute path of the folder with the list of failures. */
  readonly outputDir: string;
}

/**
 * The records of a run, in a stable order.
 *
 * @param failuresLength bytes of the list of failures that are an earlier run's
 * @throws {SetupError} if the records' folder cannot be read
 */
export async function* selectRecords(
  selection: Selection,
  failuresLength?: number,
): AsyncGenerator<RecordFile> {
  const { recordsDir, recordsGlob, shard, retryFailed } = selection;
  const records = retryFailed
    ? failedRecords(selection, failuresLength)
    : recordFiles(recordsDir, recordsGlob);
  let { passOver } = selection;
  for await (const record of records) {
    if (passOver-- > 0) continue;
    if (shard === undefined || isInShard(record.stem, shard)) yield record;
  }
}

/** The records below the records' folder that failed in an earlier run, each once. */
async function* failedRecords(
  { recordsDir, outputDir, shard }: Selection,
  failuresLength?: number,
): AsyncGenerator<RecordFile> {
  const seen = new Set<string>();
  const failures = readFailures(failuresFile(outputDir, shardName(shard)), failuresLength);
  for await (const { file } of failures) {
    if (typeof file !== "string" || seen.has(file)) continue;
    seen.add(file);
    const path = relative(recordsDir, file).replaceAll("\\", "/");
    if (path.startsWith("..") || !path.endsWith(".json") || !exists(file)) continue;
    yield recordFile(recordsDir, path);
  }
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
