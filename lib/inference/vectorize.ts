/** FLOW: records -> images -> batches -> vectors -> files. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { RecordFile } from "../catalog/record_files.ts";
import { countTotal, selectRecords } from "../catalog/selection.ts";
import { shardName } from "../catalog/shard.ts";
import { ImageError, WorkerError } from "../shared/errors.ts";
import { exists, type OutputFolder } from "../shared/files.ts";
import type { Report, Run } from "../shared/run.ts";
import { batches, kept, mapConcurrent, unlessEmpty } from "../shared/streams.ts";
import { encodeVector, vectorFileName } from "../vectors/vector_store.ts";
import type { Embedding } from "./messages.ts";
import { type Model, openModel } from "./model.ts";
import type { VectorizeOptions } from "./options.ts";
import { type Picture, PictureLoader } from "./pictures.ts";
import { madePath, planVectorize, selectionOf } from "./plan.ts";
import { WorkerPool } from "./worker_pool.ts";

/** Most pictures that a worker takes at a time, whatever `--batch` says: more only takes memory. */
const MAX_BATCH = 32;

/** Makes the vector of every record that has none yet. */
export async function vectorize(options: VectorizeOptions, run: Run): Promise<Report> {
  if (options.dryRun) return await planVectorize(options, run);
  const model = options.inference ? await openModel(options.model) : undefined;
  const { retryFailed: keepFailures } = options;
  const output = await run.openOutput(options.vectorsDir, {
    keepFailures,
    part: shardName(options.shard),
  });
  const earlier = await output.failuresLength();
  const source = () => selectRecords(selectionOf(options), earlier);
  const counting = countTotal(source(), run);

  const records = await unlessEmpty(recordsToDo(source(), options, run));
  const pictures = new PictureLoader(options, run, output);
  if (records !== undefined) {
    const loaded = kept(mapConcurrent(options.concurrency, records, (r) => pictures.load(r)));
    if (model === undefined) { for await (const _ of loaded) run.stats.stored++; }
    else await embedAll(loaded, model, pictures, options, run, output);
  }
  run.signal.throwIfAborted();
  await counting;
  if (run.stats.total === 0) explainNothing(options, run);
  if (options.retryFailed) await output.dropFailures(earlier);
  pictures.explainSkipped();
  return { json: model === undefined ? {} : { model: model.name, engine: options.engine } };
}

/** Leaves out, and counts, the records that have what this run makes. */
async function* recordsToDo(
  records: AsyncIterable<RecordFile>,
  options: VectorizeOptions,
  run: Run,
): AsyncGenerator<RecordFile> {
  for await (const record of records) {
    if (run.signal.aborted) return;
    if (!options.overwrite && exists(madePath(record, options))) run.stats.skipped++;
    else yield record;
  }
}

async function embedAll(
  loaded: AsyncIterable<Picture>,
  model: Model,
  pictures: PictureLoader,
  options: VectorizeOptions,
  run: Run,
  output: OutputFolder,
): Promise<void> {
  const threads = Math.max(1, Math.floor(availableParallelism() / options.jobs));
  const { engine, jobs } = options;
  using pool = await WorkerPool.start({ engine, model: { ...model, threads }, size: jobs });
  const groups = batches(loaded, Math.min(options.batch, MAX_BATCH));
  const embedded = mapConcurrent(
    pool.size + 1,
    groups,
    (group) => embed(group, pool, pictures, run),
  );
  for await (const group of embedded) {
    for (const { record, result } of group) {
      if ("vector" in result) storeVector(record, result.vector, options, run, output);
      else {
        await pictures.remove(record);
        await fail(record, result, run);
      }
    }
  }
}

/** A record with its vector, or with the reason why it has none. */
interface Embedded {
  readonly record: RecordFile;
  readonly result: Embedding | WorkerError;
}

/**
 * Embeds a batch. One that fails as a whole is tried again picture by picture, and a damaged picture
 * in its other sizes.
 */
async function embed(
  batch: readonly Picture[],
  pool: WorkerPool,
  pictures: PictureLoader,
  run: Run,
): Promise<Embedded[]> {
  if (run.signal.aborted) return [];
  const results = await tryBatch(batch, pool);
  return await Promise.all(results.map(async (embedded, i) => {
    const { result } = embedded;
    if ("vector" in result || result.code !== "image_unreadable") return embedded;
    const other = await pictures.loadOther(batch[i]!);
    return other === undefined
      ? embedded
      : (await embed([other], pool, pictures, run))[0] ?? embedded;
  }));
}

async function tryBatch(batch: readonly Picture[], pool: WorkerPool): Promise<Embedded[]> {
  // Copies are sent, so that the files are still there for another try.
  const once = (pictures: readonly Picture[]) =>
    pool.embed(pictures.map(({ file }) => file.slice()));
  try {
    const results = await once(batch);
    return batch.map(({ record }, i) => ({ record, result: results[i]! }));
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error;
    return await Promise.all(batch.map(async (picture) => {
      const { record } = picture;
      try {
        return { record, result: (await once([picture]))[0]! };
      } catch (error) {
        if (!(error instanceof WorkerError)) throw error;
        return { record, result: error };
      }
    }));
  }
}

function storeVector(
  record: RecordFile,
  vector: Float32Array,
  options: VectorizeOptions,
  run: Run,
  output: OutputFolder,
): void {
  output.write(
    join(record.folder, vectorFileName(record.stem, options)),
    encodeVector(vector, options.format),
  );
  run.stats.stored++;
}

async function fail(
  { stem, path }: RecordFile,
  reason: Exclude<Embedded["result"], { vector: unknown }>,
  run: Run,
): Promise<void> {
  const message = `Cannot use the picture of record "${stem}": ${reason.message}`;
  const [stage, error] = reason instanceof WorkerError
    ? ["embed", new WorkerError(message)]
    : ["decode", new ImageError(message, reason.code)];
  await run.fail({ id: stem, file: path, stage }, error);
}

function explainNothing(
  { recordsDir, recordsGlob, retryFailed }: VectorizeOptions,
  run: Run,
): void {
  run.warn(
    retryFailed
      ? "no record failed in the last run"
      : `no record in "${recordsDir}" matches "${recordsGlob}"`,
  );
}
