/** Which stored records a run is about. */
import { relative } from "node:path";
import type { Failure } from "../shared/failure.ts";
import { type FailureList, standingFailures } from "../shared/failures.ts";
import { exists } from "../shared/files.ts";
import type { Listing, OnUnreadable } from "../shared/walk.ts";
import type { RecordPlaces } from "./ids/record_places.ts";
import { type RecordFile, recordFile, recordFilesIn, recordNames, stemOf } from "./record_files.ts";
import { rglobPattern } from "./rglob.ts";
import { isInShard, type Shard } from "./shard.ts";

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
  /** Absolute path of the folder with the list of failures. */
  readonly outputDir: string;
  /** Task whose failures are tried again; undefined for any. */
  readonly task?: string;
  /** For what they failed, see `Failure`; undefined for anything. */
  readonly about?: string;
  /** Tells the files that are passed over, as a newer one of the record lies elsewhere. */
  readonly places?: Pick<RecordPlaces, "isOutdated"> | undefined;
}

/** Most records that are handed on together: one by one that takes more than it takes to list them. */
const TOGETHER = 32;

/**
 * The records of a run, in a stable order, some at a time.
 *
 * @param own the list of failures that the run adds to itself
 * @param onUnreadable is told of folders that cannot be read
 * @throws {SetupError} if the records' folder cannot be read
 */
export async function* selectRecords(
  selection: Selection,
  own?: FailureList,
  onUnreadable?: OnUnreadable,
): AsyncGenerator<readonly RecordFile[]> {
  if (selection.retryFailed) {
    for (const record of failedRecords(selection, own)) yield [record];
    return;
  }
  for await (const { folder, names } of selectNames(selection, onUnreadable)) {
    for (let start = 0; start < names.length; start += TOGETHER) {
      const some = { folder, names: names.slice(start, start + TOGETHER) };
      yield recordFilesIn(selection.recordsDir, some);
    }
  }
}

/** The records that are chosen by their place and name alone. */
async function* selectNames(
  { recordsDir, recordsGlob, passOver, shard, places }: Selection,
  onUnreadable?: OnUnreadable,
): AsyncGenerator<Listing> {
  for await (const { folder, names } of recordNames(recordsDir, recordsGlob, onUnreadable)) {
    const left = names.slice(passOver);
    passOver -= names.length - left.length;
    const isOwn = (name: string) =>
      (shard === undefined || isInShard(stemOf(name), shard)) &&
      !places?.isOutdated(folder, stemOf(name));
    yield { folder, names: left.filter(isOwn) };
  }
}

/** The records that the list of failures names, each once. */
function* failedRecords(
  selection: Selection,
  list: FailureList | undefined,
): Generator<RecordFile> {
  const seen = new Set<string>();
  const failures = list?.earlier() ?? standingFailures(selection.outputDir, selection.task);
  for (const failure of failures) {
    const record = recordOf(failure, selection);
    if (record === undefined || seen.has(record.path)) continue;
    seen.add(record.path);
    yield record;
  }
}

/** The record that a failure is about, if this run can try it again. */
function recordOf(
  { file, stage, about }: Failure,
  { recordsDir, recordsGlob, shard, stages, places, ...wanted }: Selection,
): RecordFile | undefined {
  if (typeof file !== "string" || !file.endsWith(".json")) return undefined;
  if ((about ?? wanted.about) !== wanted.about) return undefined;
  if (stages !== undefined && !stages.includes(stage)) return undefined;
  const path = relative(recordsDir, file).replaceAll("\\", "/");
  if (path.startsWith("..") || !exists(file) || !rglobPattern(recordsGlob).test(path)) {
    return undefined;
  }
  const record = recordFile(recordsDir, path);
  if (places?.isOutdated(record.folder, record.stem)) return undefined;
  return shard === undefined || isInShard(record.stem, shard) ? record : undefined;
}

/**
 * Whether the failure is about a record below the folder that is not there any more, or about a folder
 * that could be listed in a run of all that began then.
 */
export function isGone(
  { file, stage, last }: Failure,
  { recordsDir, retryFailed }: Selection,
  began: string,
): boolean {
  if (file === null || relative(recordsDir, file).startsWith("..")) return false;
  return stage === "list" ? !retryFailed && last < began : !exists(file);
}

/** How many records there are, with what cannot be read; as many as were counted when the signal comes. */
export async function countRecords(
  selection: Selection,
  own?: FailureList,
  signal?: AbortSignal,
): Promise<number> {
  let total = 0;
  for await (const n of sizes(selection, own, () => total++)) {
    if (signal?.aborted) break;
    total += n;
  }
  return total;
}

/** How many records there are, part by part. */
async function* sizes(
  selection: Selection,
  own: FailureList | undefined,
  onUnreadable: () => void,
): AsyncGenerator<number> {
  if (selection.retryFailed) { for (const _ of failedRecords(selection, own)) yield 1; }
  else for await (const { names } of selectNames(selection, onUnreadable)) yield names.length;
}

/** The glob that finds all records. */
export const ALL_RECORDS = "**/*";

/** Why a run has no records. */
export function whyNoRecords({ recordsDir, recordsGlob, ...o }: Selection): string {
  if (o.retryFailed) return `no listed failure is one of a record below "${recordsDir}"`;
  const without = [
    o.passOver > 0 ? `after the first ${o.passOver}` : "",
    o.shard === undefined ? "" : `in shard ${o.shard.index}/${o.shard.count}`,
  ].filter((text) => text !== "").join(" ");
  const where = recordsGlob === ALL_RECORDS
    ? `there is no record in "${recordsDir}"`
    : `no record in "${recordsDir}" matches "${recordsGlob}"`;
  return `${where}${without && ` ${without}`}`;
}
