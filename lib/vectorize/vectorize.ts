/** FLOW: records -> images -> vectors -> files. */
import { RecordPlaces } from "../catalog/ids/record_places.ts";
import type { RecordFile } from "../catalog/record_files.ts";
import { shardName } from "../catalog/shard.ts";
import { Worklist } from "../catalog/worklist.ts";
import { errorMessage, ImageError, VectorError, WorkerError } from "../shared/errors.ts";
import { isPassing } from "../shared/failure.ts";
import { openModel } from "../inference/models/model.ts";
import { modelFolders } from "../inference/native.ts";
import type { Embedding } from "../inference/workers/messages.ts";
import { type Embedder, WorkerPool } from "../inference/workers/worker_pool.ts";
import type { OutputFolder } from "../shared/output_folder.ts";
import { count } from "../shared/progress.ts";
import type { Report, Stage } from "../shared/run.ts";
import { kept, mapConcurrent, unlessEmpty } from "../shared/streams.ts";
import type { VectorFolder } from "../vectors/vector_folder.ts";
import { checkVector, encodeVector } from "../vectors/vector_store.ts";
import type { VectorizeOptions } from "./options.ts";
import { imageClient, type Picture, PictureLoader } from "./pictures.ts";
import { MoveAlong } from "./move_along.ts";
import { type Existing, existingOf, isDone, planVectorize, selectionOf } from "./plan.ts";
import { checkNotes, guardModel } from "./same_model.ts";

/** Makes the vector of every record that has none yet. */
export async function vectorize(options: VectorizeOptions, run: Stage): Promise<Report> {
  if (options.dryRun) return await planVectorize(options, run);
  const { engine, jobs: size, inference } = options;
  const model = inference
    ? await openModel(options.model, modelFolders(options.modelsDir))
    : undefined;
  if (model !== undefined) await checkNotes(model, options);
  using places = await RecordPlaces.open({ ...options, signal: run.signal });
  const work = await Worklist.open(selectionOf(options, places), run);
  if (places.notice !== undefined) run.warn(places.notice);
  const existing = existingOf(options, model?.output.size, places);
  const { images, vectors } = existing;
  const output = await imageOutput(options, run) ?? work.output;
  const pictures = new PictureLoader(
    { images, http: imageClient(options, run), output },
    options,
    run,
  );

  const moving = new MoveAlong(
    { places, existing, output: work.output, imageOutput: output },
    options,
  );
  const selected = moved(work.records(), moving);
  await using records = await unlessEmpty(withoutVector(selected, existing, options, run));
  if (records !== undefined && model === undefined) {
    for await (const { record } of picturesOf(records, pictures, options)) {
      run.stats.stored++;
      settle(record, options, run);
    }
  } else if (records !== undefined && model !== undefined) {
    using pool = await WorkerPool.start({ engine, model, size, signal: run.signal });
    const { output } = work;
    const guard = await guardModel(model, { pool, existing, output }, options, run);
    const makers = { pictures, pool, vectors, output, begin: () => guard.begin() };
    for await (const _ of vectorizeRecords(records, makers, options, run));
    run.signal.throwIfAborted();
    await guard.end();
  }
  await work.end();
  pictures.explain();
  if (moving.moved > 0) {
    run.warn(`moved what is there along with records in other folders: ${count(moving.moved)}`);
  }
  return { json: model === undefined ? {} : { model: model.name, engine } };
}

/** Where fetched pictures go if not beside the vectors. */
async function imageOutput(
  { objectsDir, downloadImages, shard }: VectorizeOptions,
  run: Stage,
): Promise<OutputFolder | undefined> {
  if (objectsDir === undefined || !downloadImages) return undefined;
  return await run.openSecondOutput(objectsDir, shardName(shard));
}

/** A record with its vector. */
export interface Vectorized {
  readonly record: RecordFile;
  /** float32[size of the model's output]; undefined if its file was there already. */
  readonly vector: Float32Array | undefined;
}

/** What makes vectors of records; several stages may share it. */
export interface VectorMakers {
  readonly pictures: PictureLoader;
  readonly pool: Embedder;
  readonly vectors: VectorFolder;
  /** Takes the vectors' files. */
  readonly output: OutputFolder;
  /** Tells the records whose vector is there; those are counted, and handed on in their turn. */
  readonly isDone?: (record: RecordFile) => Promise<boolean>;
  /** Called before the first vector is stored. */
  readonly begin?: () => Promise<void>;
}

/**
 * Makes the vectors of these records and stores them; hands on each that was stored, in the records'
 * order. What fails is counted by the stage.
 */
export async function* vectorizeRecords(
  records: AsyncIterable<RecordFile>,
  makers: VectorMakers,
  options: VectorizeOptions,
  stage: Stage,
): AsyncGenerator<Vectorized> {
  const { pictures, pool, isDone, begin } = makers;
  const underWay = pool.capacity + options.concurrency; // workers go on while some are fetched again
  const load = async (record: RecordFile) =>
    await isDone?.(record) ? { done: record } : await pictures.load(record);
  const loaded = kept(mapConcurrent(options.concurrency, records, load));
  const make = async (item: Picture | { done: RecordFile }) =>
    "done" in item ? item : await embed(item, pool, pictures, stage);
  const embedded = mapConcurrent(underWay, loaded, make);
  let hasBegun = false;
  for await (const item of kept(embedded)) {
    if ("done" in item) {
      stage.stats.skipped++;
      settle(item.done, options, stage);
      yield { record: item.done, vector: undefined };
      continue;
    }
    const { picture, result } = item;
    const fault = "vector" in result ? faultOf(result.vector) : result;
    if (fault !== undefined) await fail(picture, fault, pictures, stage);
    if (fault !== undefined || !("vector" in result)) continue;
    if (!hasBegun) await begin?.();
    hasBegun = true;
    const made = { record: picture.record, vector: result.vector };
    if (storeVector(made, options, makers, stage)) yield made;
  }
}

/** The same records, when what earlier runs made of them lies where they lie. */
async function* moved(
  lists: AsyncIterable<readonly RecordFile[]>,
  moving: MoveAlong,
): AsyncGenerator<readonly RecordFile[]> {
  for await (const records of lists) {
    for (const record of records) moving.move(record);
    yield records;
  }
}

/** Leaves out, and counts, the records that have what a run with these options makes. */
export async function* withoutVector(
  lists: AsyncIterable<readonly RecordFile[]>,
  existing: Existing,
  options: VectorizeOptions,
  stage: Stage,
): AsyncGenerator<RecordFile> {
  for await (const records of lists) {
    const done = await Promise.all(records.map((record) => isDone(record, existing, options)));
    for (const [i, record] of records.entries()) {
      if (stage.signal.aborted) return;
      if (done[i]) {
        stage.stats.skipped++;
        settle(record, options, stage);
      } else yield record;
    }
  }
}

/** What the run makes of the record is there: a failure of it no longer stands. */
function settle({ stem, path }: RecordFile, options: VectorizeOptions, stage: Stage): void {
  stage.settle({ id: stem, file: path }, selectionOf(options).stages);
}

function picturesOf(
  records: AsyncIterable<RecordFile>,
  pictures: PictureLoader,
  { concurrency }: VectorizeOptions,
): AsyncIterable<Picture> {
  return kept(mapConcurrent(concurrency, records, (record) => pictures.load(record)));
}

/** A picture with its vector, or with the reason why it has none. */
interface Embedded {
  readonly picture: Picture;
  readonly result: Embedding | WorkerError;
}

/** Embeds a picture, in another size if it is damaged; undefined if an interruption cuts it off. */
async function embed(
  picture: Picture,
  pool: Embedder,
  pictures: PictureLoader,
  stage: Stage,
): Promise<Embedded | undefined> {
  if (stage.signal.aborted) return undefined;
  try {
    const result = await pool.embed(picture.file);
    const isDamaged = "code" in result && result.code === "image_unreadable";
    const other = isDamaged ? await pictures.loadOther(picture) : undefined;
    return other === undefined ? { picture, result } : await embed(other, pool, pictures, stage);
  } catch (error) {
    if (stage.signal.aborted && error === stage.signal.reason) return undefined;
    if (error instanceof WorkerError) return { picture, result: error };
    throw error;
  }
}

/** Why a vector cannot be compared with others; undefined if it can be. */
function faultOf(vector: Float32Array): VectorError | undefined {
  try {
    checkVector(vector, vector.length);
    return undefined;
  } catch (error) {
    if (error instanceof VectorError) return error;
    throw error;
  }
}

/** Writes the vector's file; false if that failed, which is counted. */
function storeVector(
  { record, vector }: Vectorized & { readonly vector: Float32Array },
  options: VectorizeOptions,
  { vectors, output }: VectorMakers,
  stage: Stage,
): boolean {
  const { folder, stem, path } = record;
  try {
    output.write(vectors.pathOf(folder, stem), encodeVector(vector, options.format));
    stage.stats.stored++;
    settle(record, options, stage);
    return true;
  } catch (error) {
    stage.fail({ id: stem, file: path, stage: "store" }, error);
    return false;
  }
}

async function fail(
  picture: Picture,
  reason: Exclude<Embedded["result"], { vector: unknown }> | VectorError,
  pictures: PictureLoader,
  stage: Stage,
): Promise<void> {
  const { stem, path } = picture.record;
  const other = picture.otherReason === undefined ? "" : `; ${errorMessage(picture.otherReason)}`;
  const what = reason instanceof VectorError ? "vector that the model made for" : "picture of";
  const message = `Cannot use the ${what} record "${stem}": ${reason.message}${other}`;
  const [step, error] = reason instanceof WorkerError
    ? ["embed", new WorkerError(message)]
    : reason instanceof VectorError
    ? ["embed", new VectorError(message, reason.code)]
    : ["decode", new ImageError(message, reason.code)];
  if (reason.code === "image_unreadable") pictures.discard(picture);
  // Where another size could not be had now, another run may have it.
  const proof = isPassing(picture.otherReason) ? undefined : await pictures.proof(picture.record);
  const fetched = picture.urls.length > 0 ? picture.bytes : undefined;
  stage.fail({ id: stem, file: path, stage: step, proof, fetched }, error);
}
