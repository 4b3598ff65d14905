/** What a run has left to do where an earlier one was interrupted. */
import { statSync } from "node:fs";
import type { RecordFile } from "../catalog/record_files.ts";
import { type Failure } from "../shared/failures.ts";
import type { Run } from "../shared/run.ts";
import { findVector, type VectorNaming } from "../vectors/vector_store.ts";
import { advance, type Position, START, type Stop } from "./journal.ts";

/** A record and its place in the run's order. */
export interface Place {
  readonly record: RecordFile;
  readonly position: Position;
}

/** Whether the records up to the stop are those that the earlier run had there. */
export async function isSameStart(
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

/** Which records before the stop are tried again: those that failed, and those that changed. */
export async function dueBefore(
  stop: Stop | undefined,
  failures: AsyncIterable<Partial<Failure>>,
  { vectorsDir, ...naming }: VectorNaming & { readonly vectorsDir: string },
): Promise<(record: RecordFile) => boolean> {
  if (stop === undefined) return () => true;
  const failed = new Set<string>();
  for await (const { file } of failures) if (file) failed.add(file);
  return (record) =>
    failed.has(record.path) || changedSince(stop.began, record, vectorsDir, naming);
}

/** The records that are left: all after the stop, and those before it that are due again. */
export async function* recordsLeft(
  lists: AsyncIterable<readonly RecordFile[]>,
  stop: Stop | undefined,
  isDue: (record: RecordFile) => boolean,
  run: Run,
): AsyncGenerator<Place[]> {
  let position = START;
  for await (const records of lists) {
    if (run.signal.aborted) return;
    const places: Place[] = [];
    for (const record of records) {
      position = advance(position, record);
      if (position.done > (stop?.done ?? 0) || isDue(record)) places.push({ record, position });
    }
    run.stats.skipped += records.length - places.length;
    yield places;
  }
}

/** Whether the record or its vector was written, or put in its place, since `time`. */
function changedSince(
  time: number,
  { path, folder, stem }: RecordFile,
  vectorsDir: string,
  naming: VectorNaming,
): boolean {
  const vector = findVector(vectorsDir, folder, stem, naming);
  return [path, vector].some((file) => {
    const stat = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
    // Deno tells the time of the change in whole seconds.
    return stat !== undefined && Math.max(stat.ctimeMs + 999, stat.mtimeMs) >= time;
  });
}
