/** Which records a vectorize run is about, and what it makes of each. */
import { join, relative } from "node:path";
import { type RecordFile, recordFile, recordFiles } from "../catalog/record_files.ts";
import { isInShard } from "../catalog/shard.ts";
import { exists, failuresFile, readFailures } from "../shared/files.ts";
import { vectorFileName } from "../vectors/vector_store.ts";
import type { VectorizeOptions } from "./options.ts";

/**
 * The records of a run, in a stable order.
 *
 * @param failuresLength bytes of the failures file that are an earlier run's
 * @throws {SetupError} if the records' folder cannot be read
 */
export async function* wantedRecords(
  options: VectorizeOptions,
  failuresLength?: number,
): AsyncGenerator<RecordFile> {
  const { recordsDir, recordsGlob, step, batch, shard, retryFailed } = options;
  const records = retryFailed
    ? failedRecords(options, failuresLength)
    : recordFiles(recordsDir, recordsGlob);
  let passOver = step * batch;
  for await (const record of records) {
    if (passOver-- > 0) continue;
    if (shard === undefined || isInShard(record.stem, shard)) yield record;
  }
}

/** The records below the records' folder that failed in an earlier run, each once. */
async function* failedRecords(
  options: VectorizeOptions,
  failuresLength?: number,
): AsyncGenerator<RecordFile> {
  const { recordsDir, vectorsDir } = options;
  const seen = new Set<string>();
  const failures = readFailures(failuresFile(vectorsDir, partName(options)), failuresLength);
  for await (const { file } of failures) {
    if (typeof file !== "string" || seen.has(file)) continue;
    seen.add(file);
    const path = relative(recordsDir, file).replaceAll("\\", "/");
    if (path.startsWith("..") || !path.endsWith(".json") || !exists(file)) continue;
    yield recordFile(recordsDir, path);
  }
}

/** Name of this run's part of the work; undefined if it takes all of it. */
export function partName({ shard }: VectorizeOptions): string | undefined {
  return shard && `${shard.index}-of-${shard.count}`;
}

/** Path of what a run makes of a record: its vector, or with `--no-inference` its picture. */
export function madePath({ folder, stem }: RecordFile, options: VectorizeOptions): string {
  const name = options.inference ? vectorFileName(stem, options) : `${stem}.jpg`;
  return join(options.vectorsDir, folder, name);
}
