/** Vectors that are there, compared with what a model makes of their pictures. */
import { accessOf, type RecordFile } from "../catalog/record_files.ts";
import { selectRecords } from "../catalog/selection.ts";
import type { ImageFiles } from "../images/image_files.ts";
import type { Embedder } from "../inference/workers/worker_pool.ts";
import { WorkerError } from "../shared/errors.ts";
import type { Stage } from "../shared/run.ts";
import type { VectorFolder } from "../vectors/vector_folder.ts";
import { readVectorFile } from "../vectors/vector_store.ts";
import type { VectorizeOptions } from "./options.ts";
import { type Existing, selectionOf } from "./plan.ts";

/** Vectors that are made again to be compared, and those that are looked at for want of pictures. */
const MAX_COMPARED = 3, MAX_LOOKED_AT = 1000;

/** Least cosine of two vectors that one model made of a picture, saved again in between or not. */
const MIN_SIMILARITY = 0.98;

/** What comparing found: a vector of another model, or none; or that there is nothing to compare. */
export type Compared =
  | { readonly kind: "same" | "nothing" | "no pictures" }
  | { readonly kind: "other"; readonly path: string; readonly reason: string };

/**
 * Embeds up to three pictures again whose vectors are there.
 *
 * @param size length of the model's vectors
 */
export async function compareExisting(
  size: number,
  pool: Embedder,
  { images, vectors }: Existing,
  options: VectorizeOptions,
  stage: Stage,
): Promise<Compared> {
  if (vectors.isEmpty()) return { kind: "nothing" };
  let [lookedAt, compared] = [0, 0];
  look: for await (
    const records of selectRecords({ ...selectionOf(options), retryFailed: false })
  ) {
    for (const record of records) {
      stage.signal.throwIfAborted();
      const vector = await vectorOf(vectors, record, options);
      if (vector === undefined) continue;
      lookedAt++;
      const { path, vector: { length } } = vector;
      if (length !== size) {
        return { kind: "other", path, reason: `that gives ${length} numbers` };
      }
      const made = await embed(pool, images, record);
      if (made !== undefined) {
        const similarity = cosine(vector.vector, made);
        if (similarity < MIN_SIMILARITY) {
          const reason = `of other numbers (similarity ${similarity.toFixed(2)})`;
          return { kind: "other", path, reason };
        }
        compared++;
      }
      if (compared === MAX_COMPARED || lookedAt === MAX_LOOKED_AT) break look;
    }
  }
  if (lookedAt === 0) return { kind: "nothing" };
  return { kind: compared === 0 ? "no pictures" : "same" };
}

/** A vector that can be compared; one that is damaged is made again by the run. */
async function vectorOf(
  vectors: VectorFolder,
  record: RecordFile,
  { format }: VectorizeOptions,
) {
  const path = vectors.find(record.folder, record.stem, accessOf(record));
  const vector = path && await readVectorFile(path, format).catch(() => undefined);
  return vector && isComparable(vector) ? { path, vector } : undefined;
}

/** The vector of the record's picture on disk, if there is one that can be used. */
async function embed(pool: Embedder, images: ImageFiles, record: RecordFile) {
  const picture = await images.read(record.folder, record.stem, accessOf(record))
    .catch(() => undefined);
  if (picture === undefined) return undefined;
  try {
    const result = await pool.embed(picture);
    return "vector" in result && isComparable(result.vector) ? result.vector : undefined;
  } catch (error) {
    if (error instanceof WorkerError) return undefined; // another picture may do
    throw error;
  }
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

/** Whether a vector has an angle: it is finite and not all zeros. */
function isComparable(vector: Float32Array): boolean {
  const squares = dot(vector, vector);
  return squares > 0 && Number.isFinite(squares);
}
