/** What there is for a vectorize run to do; `--dry-run` tells it without doing it. */
import { join } from "node:path";
import { readRecord, type RecordFile } from "../catalog/record_files.ts";
import { type Selection, selectRecords } from "../catalog/selection.ts";
import { imageUrls } from "../images/iiif.ts";
import { hasImage } from "../images/load.ts";
import { RecordError } from "../shared/errors.ts";
import { exists } from "../shared/files.ts";
import { count } from "../shared/progress.ts";
import type { Report, Stage } from "../shared/run.ts";
import { vectorFileName } from "../vectors/vector_store.ts";
import type { VectorizeOptions } from "./options.ts";

/** The records that a run is about. */
export function selectionOf(options: VectorizeOptions): Selection {
  const { step, batch, vectorsDir: outputDir } = options;
  const stages = options.inference ? undefined : ["load"];
  return { ...options, passOver: step * batch, outputDir, stages };
}

/** Whether what a run makes of a record is there: its vector, or with `--no-inference` its picture. */
export function isDone({ folder, stem }: RecordFile, options: VectorizeOptions): boolean {
  if (options.overwrite) return false;
  const path = (name: string) => join(options.vectorsDir, folder, name);
  return options.inference ? exists(path(vectorFileName(stem, options))) : hasImage(path(stem));
}

/** Counts the records by what a run with these options would do with them. */
export async function planVectorize(options: VectorizeOptions, run: Stage): Promise<Report> {
  const plan = { records: 0, done: 0, onDisk: 0, toFetch: 0, withoutPicture: 0, unreadable: 0 };
  for await (const records of selectRecords(selectionOf(options))) {
    for (const record of records) {
      run.signal.throwIfAborted();
      plan.records++;
      plan[await fate(record, options)]++;
    }
  }
  run.stats.total = plan.records;
  const { records, done, onDisk, toFetch, withoutPicture, unreadable } = plan;
  const parts = [
    `${count(done)} done already`,
    `${count(onDisk)} with a picture on disk`,
    `${count(toFetch)} to fetch`,
    `${count(withoutPicture)} without a picture`,
    `${count(unreadable)} unreadable`,
  ];
  const text = `${count(records)} ${records === 1 ? "record" : "records"}: ${parts.join(", ")}`;
  return { json: { dryRun: true, ...plan }, text, summary: "nothing was done (--dry-run)" };
}

async function fate(
  record: RecordFile,
  options: VectorizeOptions,
): Promise<"done" | "onDisk" | "toFetch" | "withoutPicture" | "unreadable"> {
  if (isDone(record, options)) return "done";
  try {
    const { thumbnails } = await readRecord(record);
    if (hasImage(join(options.vectorsDir, record.folder, record.stem))) return "onDisk";
    const isLinked = options.downloadImages && imageUrls(thumbnails).length > 0;
    return isLinked ? "toFetch" : "withoutPicture";
  } catch (error) {
    if (error instanceof RecordError) return "unreadable";
    throw error;
  }
}
