/** FLOW: records -> images -> vectors -> files. */
import { join } from "node:path";
import type { RecordFile } from "../catalog/record_files.ts";
import { countTotal, dropRetried, selectRecords, whyNoRecords } from "../catalog/selection.ts";
import { shardName } from "../catalog/shard.ts";
import { errorMessage, ImageError, WorkerError } from "../shared/errors.ts";
import { type OutputFolder } from "../shared/output_folder.ts";
import type { Report, Run } from "../shared/run.ts";
import { kept, mapConcurrent, unlessEmpty } from "../shared/streams.ts";
import { encodeVector, vectorFileName } from "../vectors/vector_store.ts";
import type { Embedding } from "../inference/workers/messages.ts";
import { type Model, openModel } from "../inference/models/model.ts";
import { noteModel } from "../vectors/model_note.ts";
import type { VectorizeOptions } from "./options.ts";
import { type Picture, PictureLoader } from "./pictures.ts";
import { isDone, planVectorize, selectionOf } from "./plan.ts";
import { WorkerPool } from "../inference/workers/worker_pool.ts";

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
  const counting = countTotal(selection, earlier, run);

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
  const lists = selectRecords(
    selectionOf(options),
    earlier,
    (...folder) => unreadable.push(folder),
  );
  for await (const records of lists) {
    for (const record of records) {
      if (run.signal.aborted) return;
      if (isDone(record, options)) run.stats.skipped++;
      else yield record;
    }
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
  const underWay = pool.capacity + options.concurrency; // workers go on while some are fetched again
  const embedded = mapConcurrent(
    underWay,
    loaded,
    (picture) => embed(picture, pool, pictures, run),
  );
  for await (const { picture, result } of kept(embedded)) {
    if ("vector" in result) await storeVector(picture.record, result.vector, options, run, output);
    else await fail(picture, result, pictures, run);
  }
}

/** A picture with its vector, or with the reason why it has none. */
interface Embedded {
  readonly picture: Picture;
  readonly result: Embedding | WorkerError;
}

/** Embeds a picture, in another size if it is damaged; undefined if an interruption cuts it off. */
async function embed(
  picture: Picture,
  pool: WorkerPool,
  pictures: PictureLoader,
  run: Run,
): Promise<Embedded | undefined> {
  if (run.signal.aborted) return undefined;
  try {
    const result = await pool.embed(picture.file);
    const isDamaged = "code" in result && result.code === "image_unreadable";
    const other = isDamaged ? await pictures.loadOther(picture) : undefined;
    return other === undefined ? { picture, result } : await embed(other, pool, pictures, run);
  } catch (error) {
    if (run.signal.aborted && error === run.signal.reason) return undefined;
    if (error instanceof WorkerError) return { picture, result: error };
    throw error;
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
