/** FLOW: records -> images -> batches -> vectors -> files. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import {
  countRecordFiles,
  readRecord,
  type RecordFile,
  recordFiles,
} from "../catalog/record_files.ts";
import { fetchImage, MAX_IMAGE_BYTES, readImage } from "../images/load.ts";
import { VERSION } from "../shared/args.ts";
import type { Report, Run } from "../shared/run.ts";
import { ImageError, WorkerError } from "../shared/errors.ts";
import { exists, type OutputFolder } from "../shared/files.ts";
import { HttpClient } from "../shared/http.ts";
import { batches, kept, mapConcurrent } from "../shared/streams.ts";
import { encodeVector, vectorFileName } from "../vectors/vector_store.ts";
import type { Embedding } from "./messages.ts";
import { engineModel, openModel } from "./model.ts";
import type { VectorizeOptions } from "./options.ts";
import { WorkerPool } from "./worker_pool.ts";

/** Most pictures that a worker takes at a time, whatever `--batch` says: more only takes memory. */
const MAX_BATCH = 32;

/** A record with its picture's file. */
interface Picture {
  readonly record: RecordFile;
  readonly file: Uint8Array<ArrayBuffer>;
}

/** Makes the vector of every record that has none yet. */
export async function vectorize(options: VectorizeOptions, run: Run): Promise<Report> {
  const { stats } = run;
  const total = await countRecordFiles(options.recordsDir, options.recordsGlob);
  stats.total = Math.max(0, total - options.step * options.batch);
  if (total === 0) {
    run.warn(`no record in "${options.recordsDir}" matches "${options.recordsGlob}"`);
  }
  const output = await run.openOutput(options.vectorsDir);
  const model = await openModel(options.model);
  const threads = Math.max(1, Math.floor(availableParallelism() / options.jobs));
  using pool = await WorkerPool.start(engineModel(model, threads), options.jobs);
  const pictures = new PictureLoader(options, run, output);

  const records = recordsWithoutVector(options, run);
  const loaded = kept(mapConcurrent(options.concurrency, records, (r) => pictures.load(r)));
  const groups = batches(loaded, Math.min(options.batch, MAX_BATCH));
  const embedded = mapConcurrent(pool.size + 1, groups, (group) => embed(group, pool, run));
  for await (const group of embedded) {
    for (const { record, result } of group) await storeVector(record, result, options, run, output);
  }
  run.signal.throwIfAborted();
  pictures.explainSkipped();
  return { json: { model: model.name } };
}

/** The records of the glob from `--step` on; counts those that have their vector. */
async function* recordsWithoutVector(
  options: VectorizeOptions,
  run: Run,
): AsyncGenerator<RecordFile> {
  const naming = { format: options.format, suffix: options.suffix };
  let passOver = options.step * options.batch;
  for await (const record of recordFiles(options.recordsDir, options.recordsGlob)) {
    if (run.signal.aborted) return;
    if (passOver-- > 0) continue;
    const vector = join(options.vectorsDir, record.folder, vectorFileName(record.stem, naming));
    if (!options.overwrite && exists(vector)) run.stats.skipped++;
    else yield record;
  }
}

/** Reads or fetches pictures, and counts the records that have none. */
class PictureLoader {
  readonly #http: HttpClient;
  #withoutLink = 0;
  #notOnDisk = 0;

  constructor(
    private readonly options: VectorizeOptions,
    private readonly run: Run,
    private readonly output: OutputFolder,
  ) {
    this.#http = new HttpClient({
      signal: run.signal,
      timeoutMs: options.timeoutSeconds * 1000,
      retries: options.retries,
      delayMs: options.delaySeconds * 1000,
      hosts: options.imageHosts,
      maxBytes: MAX_IMAGE_BYTES,
      userAgent: `maken/${VERSION}`,
      onRetry: () => run.stats.retried++,
    });
  }

  /** The record's picture; undefined if it has none, which is counted. */
  async load(record: RecordFile): Promise<Picture | undefined> {
    const { options, run } = this;
    const path = join(record.folder, record.stem);
    try {
      const { _links } = await readRecord(record);
      let file = await readImage(join(options.vectorsDir, path));
      if (file === undefined && options.downloadImages) {
        file = await fetchImage(_links, this.#http, this.output, path);
        if (file === undefined) this.#withoutLink++;
      } else if (file === undefined) this.#notOnDisk++;
      if (file !== undefined) return { record, file };
      run.stats.skipped++;
    } catch (error) {
      if (run.signal.aborted) return undefined;
      await run.fail({ id: record.stem, file: record.path, stage: "load" }, error);
    }
    return undefined;
  }

  /** Says which records were skipped for want of a picture. */
  explainSkipped(): void {
    const { run } = this;
    if (this.#withoutLink > 0) {
      run.warn(`skipped without a link to a picture: ${this.#withoutLink}`);
    }
    if (this.#notOnDisk > 0) {
      run.warn(
        `skipped without a picture on disk: ${this.#notOnDisk}; --download-images fetches them`,
      );
    }
  }
}

/** A record with its vector, or with the reason why it has none. */
interface Embedded {
  readonly record: RecordFile;
  readonly result: Embedding | WorkerError;
}

/** Embeds a batch; one that fails as a whole is tried again picture by picture. */
async function embed(batch: readonly Picture[], pool: WorkerPool, run: Run): Promise<Embedded[]> {
  if (run.signal.aborted) return [];
  try {
    // Copies are sent, so that the files are still there for another try.
    const results = await pool.embed(batch.map(({ file }) => file.slice()));
    return batch.map(({ record }, i) => ({ record, result: results[i]! }));
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error;
    if (batch.length === 1) return [{ record: batch[0]!.record, result: error }];
    const alone = await Promise.all(batch.map((picture) => embed([picture], pool, run)));
    return alone.flat();
  }
}

async function storeVector(
  record: RecordFile,
  result: Embedded["result"],
  { format, suffix, downloadImages }: VectorizeOptions,
  run: Run,
  output: OutputFolder,
): Promise<void> {
  if ("vector" in result) {
    const name = vectorFileName(record.stem, { format, suffix });
    output.write(join(record.folder, name), encodeVector(result.vector, format));
    run.stats.stored++;
    return;
  }
  const message = `Cannot use the picture of record "${record.stem}": ${result.message}`;
  // A damaged picture is fetched again by the next run.
  if (downloadImages) await output.remove(join(record.folder, `${record.stem}.jpg`));
  const isWorkers = result instanceof WorkerError;
  const error = isWorkers ? new WorkerError(message) : new ImageError(message, result.code);
  const stage = isWorkers ? "embed" : "decode";
  await run.fail({ id: record.stem, file: record.path, stage }, error);
}
