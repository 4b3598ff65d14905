/** FLOW: records -> images -> batches -> vectors -> files. */
import { join } from "node:path";
import type { RecordFile } from "../catalog/record_files.ts";
import { countTotal, dropRetried, selectRecords, whyNoRecords } from "../catalog/selection.ts";
import { shardName } from "../catalog/shard.ts";
import { errorMessage, ImageError, WorkerError } from "../shared/errors.ts";
import type { OutputFolder } from "../shared/files.ts";
import type { Report, Run } from "../shared/run.ts";
import { batches, kept, mapConcurrent, unlessEmpty } from "../shared/streams.ts";
import { encodeVector, vectorFileName } from "../vectors/vector_store.ts";
import type { Embedding } from "./messages.ts";
import { type Model, noteModel, openModel } from "./model.ts";
import type { VectorizeOptions } from "./options.ts";
import { type Picture, PictureLoader } from "./pictures.ts";
import { isDone, planVectorize, selectionOf } from "./plan.ts";
import { WorkerPool } from "./worker_pool.ts";

/** Most pictures that a worker takes at a time, whatever `--batch` says: more only let others wait. */
const MAX_BATCH = 32;

/** Makes the vector of every record that has none yet. */
export async function vectorize(options: VectorizeOptions, run: Run): Promise<Report> {
  if (options.dryRun) return await planVectorize(options, run);
  const model = options.inference ? await openModel(options.model) : undefined;
  const selection = selectionOf(options);
  const output = await run.openOutput(options.vectorsDir, {
    keepFailures: options.retryFailed,
    part: shardName(options.shard),
  });
  const earlier = await output.failuresLength();
  const counting = countTotal(selectRecords(selection, earlier), run);

  const records = await unlessEmpty(recordsToDo(options, earlier, run));
  const pictures = new PictureLoader(options, run, output);
  if (records !== undefined) {
    if (model !== undefined) noteModel(model, options, output, run);
    const loaded = kept(mapConcurrent(options.concurrency, records, (r) => pictures.load(r)));
    if (model !== undefined) await embedAll(loaded, model, pictures, options, run, output);
    else for await (const _ of loaded) run.stats.stored++;
  }
  run.signal.throwIfAborted();
  await counting;
  if (run.stats.total === 0) run.warn(whyNoRecords(selection));
  if (options.retryFailed) await dropRetried(selection, output, earlier);
  pictures.explainSkipped();
  return { json: model === undefined ? {} : { model: model.name, engine: options.engine } };
}

/** Leaves out, and counts, the records that have what this run makes. */
async function* recordsToDo(
  options: VectorizeOptions,
  earlier: number,
  run: Run,
): AsyncGenerator<RecordFile> {
  const unreadable: [path: string, reason: Error][] = [];
  const records = selectRecords(
    selectionOf(options),
    earlier,
    (...folder) => unreadable.push(folder),
  );
  for await (const record of records) {
    if (run.signal.aborted) return;
    if (isDone(record, options)) run.stats.skipped++;
    else yield record;
  }
  for (const [file, reason] of unreadable) await run.fail({ file, stage: "list" }, reason);
}

async function embedAll(
  loaded: AsyncIterable<Picture>,
  model: Model,
  pictures: PictureLoader,
  options: VectorizeOptions,
  run: Run,
  output: OutputFolder,
): Promise<void> {
  const { engine, jobs } = options;
  using pool = await WorkerPool.start({ engine, model, size: jobs, signal: run.signal });
  const groups = batches(loaded, Math.min(options.batch, MAX_BATCH));
  const embedded = mapConcurrent(
    pool.capacity,
    groups,
    (group) => embed(group, pool, pictures, run),
  );
  for await (const group of embedded) {
    for (const { picture, result } of group) {
      if ("vector" in result) {
        await storeVector(picture.record, result.vector, options, run, output);
      } else await fail(picture, result, pictures, run);
    }
  }
}

/** A picture with its vector, or with the reason why it has none. */
interface Embedded {
  readonly picture: Picture;
  readonly result: Embedding | WorkerError;
}

/** Embeds a batch, damaged pictures in their other sizes; what an interruption cuts off is left out. */
async function embed(
  batch: readonly Picture[],
  pool: WorkerPool,
  pictures: PictureLoader,
  run: Run,
): Promise<Embedded[]> {
  if (run.signal.aborted) return [];
  try {
    const done: Embedded[] = [];
    for (const embedded of await tryBatch(batch, pool)) {
      const { picture, result } = embedded;
      const isDamaged = "code" in result && result.code === "image_unreadable";
      const other = isDamaged ? await pictures.loadOther(picture) : undefined;
      if (other === undefined) done.push(embedded);
      else done.push(...await embed([other], pool, pictures, run));
    }
    return done;
  } catch (error) {
    if (run.signal.aborted && error === run.signal.reason) return [];
    throw error;
  }
}

/** A batch that fails as a whole is tried again picture by picture. */
async function tryBatch(batch: readonly Picture[], pool: WorkerPool): Promise<Embedded[]> {
  const once = async (pictures: readonly Picture[]): Promise<Embedded[]> => {
    const results = await pool.embed(pictures.map(({ file }) => file));
    return pictures.map((picture, i) => ({ picture, result: results[i]! }));
  };
  const alone = async (picture: Picture): Promise<Embedded> => {
    try {
      return (await once([picture]))[0]!;
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      return { picture, result: error };
    }
  };
  try {
    return await once(batch);
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error;
    return await Promise.all(batch.map(alone));
  }
}

async function storeVector(
  { folder, stem, path }: RecordFile,
  vector: Float32Array,
  options: VectorizeOptions,
  run: Run,
  output: OutputFolder,
): Promise<void> {
  try {
    const file = join(folder, vectorFileName(stem, options));
    output.write(file, encodeVector(vector, options.format));
    run.stats.stored++;
  } catch (error) {
    await run.fail({ id: stem, file: path, stage: "store" }, error);
  }
}

async function fail(
  picture: Picture,
  reason: Exclude<Embedded["result"], { vector: unknown }>,
  pictures: PictureLoader,
  run: Run,
): Promise<void> {
  const { stem, path } = picture.record;
  const other = picture.otherReason === undefined ? "" : `; ${errorMessage(picture.otherReason)}`;
  const message = `Cannot use the picture of record "${stem}": ${reason.message}${other}`;
  const [stage, error] = reason instanceof WorkerError
    ? ["embed", new WorkerError(message)]
    : ["decode", new ImageError(message, reason.code)];
  if (reason.code === "image_unreadable") await pictures.discard(picture);
  await run.fail({ id: stem, file: path, stage }, error);
}
