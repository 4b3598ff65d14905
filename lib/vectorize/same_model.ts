/** Sees to it that the vectors of a folder are of one model, and notes which. */
import { selectRecords } from "../catalog/selection.ts";
import type { ImageFiles } from "../images/image_files.ts";
import type { Model } from "../inference/models/model.ts";
import type { WorkerPool } from "../inference/workers/worker_pool.ts";
import { SetupError, WorkerError } from "../shared/errors.ts";
import type { OutputFolder } from "../shared/output_folder.ts";
import type { Stage } from "../shared/run.ts";
import { type ModelNote, readModelNote, writeModelNote } from "../vectors/model_note.ts";
import type { VectorFolder } from "../vectors/vector_folder.ts";
import { readVectorFile } from "../vectors/vector_store.ts";
import type { VectorizeOptions } from "./options.ts";
import { type Existing, selectionOf } from "./plan.ts";

/** Vectors that are made again to be compared, and those that are looked at for want of pictures. */
const MAX_COMPARED = 3, MAX_LOOKED_AT = 1000;

/** Least cosine of two vectors that one model made of a picture, saved again in between or not. */
const MIN_SIMILARITY = 0.98;

/** What keeps a run's vectors to one model. */
export interface ModelGuard {
  /** Notes the model, once the run has made a vector. */
  readonly begin: () => void;
  /** The run has made all that it was to make. */
  readonly end: () => unknown;
}

/** What the guard works with. */
export interface GuardParts {
  readonly pool: WorkerPool;
  readonly existing: Existing;
  /** Holds the vectors and their note. */
  readonly output: OutputFolder;
}

/**
 * What is noted of the vectors that are there.
 *
 * @throws {SetupError} if another model made them, and they are not all to be made again
 */
export async function checkedNote(
  { name, sha256 }: Model,
  options: VectorizeOptions,
): Promise<ModelNote | undefined> {
  const noted = await readModelNote(options.vectorsDir, options);
  if (noted === undefined || options.overwrite) return noted;
  if (noted.replacing !== undefined) throw unfinished(noted.replacing.name, options);
  if (noted.sha256 !== sha256) throw otherModel(name, options, `"${noted.name}"`);
  return noted;
}

/**
 * Sees to it that the vectors which a run makes, and those that are there, are of one model. Where
 * nothing is noted, up to three of those that are there are made again and compared.
 *
 * @throws {SetupError} if another model made them, and they are not all to be made again
 */
export async function guardModel(
  { name, sha256, output: { size } }: Model,
  noted: ModelNote | undefined,
  { pool, existing, output }: GuardParts,
  options: VectorizeOptions,
  stage: Stage,
): Promise<ModelGuard> {
  const own = { name, sha256 };
  const write = (note: ModelNote) => writeModelNote(note, options, output);
  if (options.overwrite) {
    const before = noted?.replacing ?? noted;
    if (before === undefined || before.sha256 === sha256) {
      return { begin: () => write(own), end: () => {} };
    }
    const replacing = { name: before.name, sha256: before.sha256 };
    return {
      begin: () => write({ ...own, replacing }),
      end: () => stage.stats.failed === 0 && write(own),
    };
  }
  if (noted !== undefined) return { begin: () => {}, end: () => {} };
  const unchecked = await compare(name, size, pool, existing, options, stage);
  if (unchecked) {
    stage.warn(
      `there are vectors of which nothing says that model "${name}" made them, and none has a ` +
        "picture to compare it by: they are taken for its own",
    );
  }
  return { begin: () => write({ ...own, ...unchecked ? { unchecked } : {} }), end: () => {} };
}

/**
 * Embeds up to three pictures again whose vectors are there.
 *
 * @returns whether there are vectors, but no picture of any
 * @throws {SetupError} if another model made them
 */
async function compare(
  name: string,
  size: number,
  pool: WorkerPool,
  { images, vectors }: Existing,
  options: VectorizeOptions,
  stage: Stage,
): Promise<boolean> {
  if (vectors.isEmpty()) return false;
  let [lookedAt, compared] = [0, 0];
  for await (const records of selectRecords({ ...selectionOf(options), retryFailed: false })) {
    for (const { folder, stem } of records) {
      stage.signal.throwIfAborted();
      const vector = await vectorOf(vectors, folder, stem, options);
      if (vector === undefined) continue;
      lookedAt++;
      if (vector.vector.length !== size) {
        throw otherModel(name, options, `that gives ${vector.vector.length} numbers`, vector.path);
      }
      const made = await embed(pool, images, folder, stem);
      if (made !== undefined) {
        const similarity = cosine(vector.vector, made);
        if (similarity < MIN_SIMILARITY) {
          const like = `of other numbers (similarity ${similarity.toFixed(2)})`;
          throw otherModel(name, options, like, vector.path);
        }
        compared++;
      }
      if (compared === MAX_COMPARED || lookedAt === MAX_LOOKED_AT) return compared === 0;
    }
  }
  return lookedAt > 0 && compared === 0;
}

/** A vector that can be compared; one that is damaged is made again by the run. */
async function vectorOf(
  vectors: VectorFolder,
  folder: string,
  stem: string,
  { format }: VectorizeOptions,
) {
  const path = vectors.find(folder, stem);
  const vector = path && await readVectorFile(path, format).catch(() => undefined);
  if (!vector || !(dot(vector, vector) > 0) || !Number.isFinite(dot(vector, vector))) {
    return undefined;
  }
  return { path, vector };
}

/** The vector of the record's picture on disk, if there is one that can be used. */
async function embed(pool: WorkerPool, images: ImageFiles, folder: string, stem: string) {
  const picture = await images.read(folder, stem).catch(() => undefined);
  if (picture === undefined) return undefined;
  try {
    const result = await pool.embed(picture);
    return "vector" in result ? result.vector : undefined;
  } catch (error) {
    if (error instanceof WorkerError) return undefined; // another picture may do
    throw error;
  }
}

function otherModel(
  name: string,
  { vectorsDir }: VectorizeOptions,
  other: string,
  path?: string,
): SetupError {
  const which = path === undefined ? "those that are there" : `"${path}"`;
  return new SetupError(
    `Cannot add vectors of model "${name}" to "${vectorsDir}": ${which} were made by another model, ` +
      `${other}; --model names it, --suffix keeps both apart, --overwrite makes all of them again`,
  );
}

function unfinished(name: string, { vectorsDir }: VectorizeOptions): SetupError {
  return new SetupError(
    `Cannot go on in "${vectorsDir}": a run with --overwrite has not replaced all vectors of model ` +
      `"${name}"; run it with --overwrite once more`,
  );
}

/** Cosine of the angle between two vectors of one length. */
function cosine(a: Float32Array, b: Float32Array): number {
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
