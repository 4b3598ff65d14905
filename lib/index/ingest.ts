/** FLOW: records + vectors -> documents -> bulk. */
import {
  countRecordFiles,
  readRecord,
  type RecordFile,
  recordFiles,
} from "../catalog/record_files.ts";
import type { Report, Run } from "../shared/run.ts";
import { VectorError } from "../shared/errors.ts";
import { requireFolder } from "../shared/files.ts";
import { batches, kept, mapConcurrent } from "../shared/streams.ts";
import { checkVector, readVector } from "../vectors/vector_store.ts";
import { toDocument } from "./document.ts";
import { EmbeddedIndex } from "./embedded_index.ts";
import type { IngestOptions } from "./options.ts";
import type { IndexItem, VectorIndex } from "./types.ts";

/** Records that are read at a time. */
const READERS = 8;

/** Puts every record that has a vector into the index, in place of the document with its id. */
export async function ingest(options: IngestOptions, run: Run): Promise<Report> {
  const { stats } = run;
  stats.total = Math.max(0, await countRecordFiles(options.recordsDir) - options.skip);
  await requireFolder(options.vectorsDir);
  await run.openOutput(options.indexDir);
  const { indexDir: dir, index: name } = options;
  using index = await EmbeddedIndex.open({ dir, name, mode: "write" });

  const withoutVector = { count: 0 };
  let old = options.recreateIndex;
  const items = mapConcurrent(
    READERS,
    wanted(options, run),
    (record) => readItem(record, options, run, withoutVector),
  );
  for await (const batch of batches(kept(items), options.bulkSize)) {
    run.signal.throwIfAborted();
    if (old) await index.clear(); // not before there is something to take its place
    old = false;
    await indexBatch(batch, index, run);
  }
  run.signal.throwIfAborted();
  if (withoutVector.count > 0) run.warn(`skipped without a vector: ${withoutVector.count}`);
  const documents = await index.count();
  return { json: { index: index.name, documents } };
}

async function* wanted({ recordsDir, skip }: IngestOptions, run: Run): AsyncGenerator<RecordFile> {
  let passOver = skip;
  for await (const record of recordFiles(recordsDir)) {
    if (run.signal.aborted) return;
    if (passOver-- <= 0) yield record;
  }
}

/** The record's document and vector; undefined if it has no vector or cannot be used. */
async function readItem(
  record: RecordFile,
  { vectorsDir, format, suffix }: IngestOptions,
  run: Run,
  withoutVector: { count: number },
): Promise<IndexItem | undefined> {
  try {
    const document = toDocument(await readRecord(record));
    const naming = { format, suffix };
    const vector = await readVector(vectorsDir, record.folder, record.stem, naming);
    if (vector !== undefined) return { document, vector };
    run.stats.skipped++;
    withoutVector.count++;
  } catch (error) {
    await run.fail({ id: record.stem, file: record.path, stage: "read" }, error);
  }
  return undefined;
}

async function indexBatch(batch: IndexItem[], index: VectorIndex, run: Run): Promise<void> {
  const good: IndexItem[] = [];
  const dims = index.dims ?? commonLength(batch);
  for (const item of batch) {
    const { id } = item.document;
    try {
      checkVector(item.vector, dims);
      good.push(item);
    } catch (error) {
      if (!(error instanceof VectorError)) throw error;
      const message = `Cannot use the vector of record "${id}": ${error.message}`;
      await run.fail({ id, stage: "check" }, new VectorError(message, error.code));
    }
  }
  for (const result of await index.bulk(good)) {
    if ("error" in result) await run.fail({ id: result.id, stage: "index" }, result.error);
    else if (result.result === "noop") run.stats.skipped++;
    else run.stats.stored++;
  }
}

/** The length that most vectors have: that of a new index. */
function commonLength(items: readonly IndexItem[]): number {
  const groups = Map.groupBy(items, ({ vector }) => vector.length);
  const [length] = [...groups].reduce((a, b) => b[1].length > a[1].length ? b : a);
  return length;
}
