/** What there is for a vectorize run to do; `--dry-run` tells it without doing it. */
import { RecordPlaces } from "../catalog/ids/record_places.ts";
import { accessOf, readRecord, type RecordFile } from "../catalog/record_files.ts";
import { type Selection, selectRecords } from "../catalog/selection.ts";
import { imageUrls } from "../images/iiif.ts";
import { ImageFiles } from "../images/image_files.ts";
import { readManifest } from "../inference/models/model.ts";
import { findModel, modelFolders } from "../inference/native.ts";
import { RecordError } from "../shared/errors.ts";
import { count } from "../shared/progress.ts";
import type { Report, Stage } from "../shared/run.ts";
import { VectorFolder } from "../vectors/vector_folder.ts";
import type { VectorizeOptions } from "./options.ts";

/** The records that a run is about. */
export function selectionOf(
  options: VectorizeOptions,
  places?: Pick<RecordPlaces, "isOutdated">,
): Selection {
  const { step, batch, vectorsDir: outputDir } = options;
  const stages = options.inference ? undefined : ["load"];
  return { ...options, passOver: step * batch, outputDir, stages, task: "vectorize", places };
}

/** What a run looks for to see what is there already. */
export interface Existing {
  readonly images: ImageFiles;
  readonly vectors: VectorFolder;
  /** Length of the vectors that the run makes; undefined where it is not known, or makes none. */
  readonly vectorSize: number | undefined;
}

/** What is there for a run. */
export function existingOf(
  options: VectorizeOptions,
  vectorSize?: number,
  places?: Pick<RecordPlaces, "earlierFolders">,
): Existing {
  const earlier = (stem: string) => places?.earlierFolders(stem) ?? [];
  const vectors = new VectorFolder(options.vectorsDir, options, earlier);
  return { images: new ImageFiles(imagesDirOf(options), earlier), vectors, vectorSize };
}

/** Where the pictures of a run are. */
export function imagesDirOf({ vectorsDir, objectsDir }: VectorizeOptions): string {
  return objectsDir ?? vectorsDir;
}

/** Whether what a run makes of a record is there: its vector, or with `--no-inference` its picture. */
export async function isDone(
  record: RecordFile,
  { images, vectors, vectorSize }: Existing,
  options: VectorizeOptions,
): Promise<boolean> {
  if (options.overwrite) return false;
  const { folder, stem } = record;
  if (!options.inference) return images.has(folder, stem, accessOf(record));
  return await vectors.hasWhole(folder, stem, vectorSize, accessOf(record));
}

/** Counts the records by what a run with these options would do with them. */
export async function planVectorize(options: VectorizeOptions, run: Stage): Promise<Report> {
  const plan = { records: 0, done: 0, onDisk: 0, toFetch: 0, withoutPicture: 0, unreadable: 0 };
  using places = await RecordPlaces.open({ ...options, signal: run.signal });
  const size = options.inference ? await vectorSizeOf(options) : undefined;
  const existing = existingOf(options, size, places);
  for await (const records of selectRecords(selectionOf(options, places))) {
    for (const record of records) {
      run.signal.throwIfAborted();
      plan.records++;
      plan[await fate(record, existing, options)]++;
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

/** Length of the vectors that a model makes; undefined if it is not there yet. */
async function vectorSizeOf(
  { model, modelsDir }: VectorizeOptions,
): Promise<number | undefined> {
  const found = findModel(model, modelFolders(modelsDir));
  if (found === undefined) return undefined;
  return (await readManifest(found.manifest).catch(() => undefined))?.output.size;
}

async function fate(
  record: RecordFile,
  existing: Existing,
  options: VectorizeOptions,
): Promise<"done" | "onDisk" | "toFetch" | "withoutPicture" | "unreadable"> {
  if (await isDone(record, existing, options)) return "done";
  try {
    const { thumbnails, access } = await readRecord(record);
    if (existing.images.has(record.folder, record.stem, () => access)) return "onDisk";
    const isLinked = options.downloadImages && imageUrls(thumbnails, options.baseUrl).length > 0;
    return isLinked ? "toFetch" : "withoutPicture";
  } catch (error) {
    if (error instanceof RecordError) return "unreadable";
    throw error;
  }
}
