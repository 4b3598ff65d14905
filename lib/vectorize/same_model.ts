/** Whether a model is the one that made the vectors of a folder which does not say so. */
import { join } from "node:path";
import type { ImageFiles } from "../images/image_files.ts";
import type { Model } from "../inference/models/model.ts";
import type { WorkerPool } from "../inference/workers/worker_pool.ts";
import { SetupError } from "../shared/errors.ts";
import type { Stage } from "../shared/run.ts";
import { walkFolders } from "../shared/walk.ts";
import { readVectorFile, vectorFileName } from "../vectors/vector_store.ts";
import type { VectorizeOptions } from "./options.ts";

/** Vectors that are made again to be compared. */
const MAX_COMPARED = 3;

/** Least cosine of two vectors that one model made of a picture, saved again in between or not. */
const MIN_SIMILARITY = 0.98;

/** What was found out. */
export type Verdict = "no vectors" | "same" | "unchecked";

/**
 * Embeds up to three pictures of the folder again, and compares the vectors that lie there.
 *
 * @returns `unchecked` if there are vectors, but no picture of any
 * @throws {SetupError} if another model made them
 */
export async function compareWithModel(
  model: Model,
  pool: WorkerPool,
  images: ImageFiles,
  options: VectorizeOptions,
  stage: Stage,
): Promise<Verdict> {
  let verdict: Verdict = "no vectors";
  let compared = 0;
  for await (const { folder, stem, path } of vectorsBelow(options)) {
    stage.signal.throwIfAborted();
    const vector = await readVectorFile(path, options.format).catch(() => undefined);
    if (vector === undefined) continue; // damaged: it is made again
    if (verdict === "no vectors") verdict = "unchecked";
    const picture = await images.read(folder, stem).catch(() => undefined);
    const result = picture && await pool.embed(picture);
    if (result === undefined || !("vector" in result)) continue;
    const similarity = cosine(vector, result.vector);
    if (!(similarity >= MIN_SIMILARITY)) throw otherModel(model, path, similarity, options);
    verdict = "same";
    if (++compared === MAX_COMPARED) break;
  }
  return verdict;
}

async function* vectorsBelow(options: VectorizeOptions) {
  const end = vectorFileName("", options);
  for await (const { folder, names } of walkFolders(options.vectorsDir)) {
    for (const name of names) {
      const stem = name.slice(0, -end.length);
      if (!name.endsWith(end) || stem === "") continue;
      yield { folder, stem, path: join(options.vectorsDir, folder, name) };
    }
  }
}

function otherModel(
  { name }: Model,
  path: string,
  similarity: number,
  { vectorsDir }: VectorizeOptions,
): SetupError {
  const found = Number.isNaN(similarity)
    ? "is of another size"
    : `has a similarity of ${similarity.toFixed(2)}`;
  return new SetupError(
    `Cannot add vectors of model "${name}" to "${vectorsDir}": another model made those that are ` +
      `there ("${path}" ${found}); --model names it, --suffix keeps both apart, --overwrite makes ` +
      "all of them again",
  );
}

/** Cosine of the angle between two vectors; NaN if they are of different sizes. */
function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return NaN;
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(aa * bb);
}
