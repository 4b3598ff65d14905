/** FLOW: records + vectors -> documents -> bulk. */
import { readRecord, type RecordFile } from "../catalog/record_files.ts";
import {
  countTotal,
  dropRetried,
  type Selection,
  selectRecords,
  whyNoRecords,
} from "../catalog/selection.ts";
import { shardName } from "../catalog/shard.ts";
import { notedModel } from "../vectors/model_note.ts";
import { errorMessage, SetupError, UsageError, VectorError } from "../shared/errors.ts";
import { readFailures } from "../shared/failures.ts";
import { requireFolder } from "../shared/files.ts";
import { count } from "../shared/progress.ts";
import type { Report, Run } from "../shared/run.ts";
import { mapConcurrent, regrouped, unlessEmpty } from "../shared/streams.ts";
import { checkVector, findVector, readVector } from "../vectors/vector_store.ts";
import { toDocument } from "../index/document.ts";
import { IngestJournal, type Position, type Stop } from "./journal.ts";
import type { Mapping } from "../index/server/mapping.ts";
import { openIndex, type OpenOptions, readMappingOf } from "../index/open.ts";
import type { IngestOptions } from "./options.ts";
import { dueBefore, isSameStart, type Place, recordsLeft } from "./resume.ts";
import type { BulkResult, IndexItem, VectorIndex } from "../index/types.ts";

/** Records that are read at a time. */
const READERS = 32;

/** A record's document and vector, and its place in the run's order. */
interface Loaded extends IndexItem {
  readonly record: RecordFile;
  readonly position: Position;
}

/** Puts every record that has a vector into the index, in place of the document with its id. */
export async function ingest(options: IngestOptions, run: Run): Promise<Report> {
  checkTogether(options);
  await requireFolder(options.vectorsDir);
  const selection = selectionOf(options);
  if (options.dryRun) return await plan(options, selection, run);
  const began = Date.now();
  const part = shardName(options.shard);
  const output = await run.openOutput(options.indexDir, { keepFailures: true, part });
  const journal = new IngestJournal(output, aboutOf(options), part);
  const stop = await whereStopped(journal, selection, options, run);
  if (stop === undefined && !options.retryFailed) await output.keepFailures(0);
  const earlier = await output.failuresLength();
  const counting = countTotal(selection, earlier, run);

  const isDue = await dueBefore(stop, readFailures(output.failuresPath, earlier), options);
  const withoutVector = { count: 0 };
  const places = recordsLeft(selectRecords(selection, earlier), stop, isDue, run);
  const items = readItems(places, options, run, withoutVector);
  const groups = await unlessEmpty(regrouped(items, options.bulkSize));
  let documents: number | undefined;
  if (groups !== undefined) {
    const isRest = options.retryFailed || stop !== undefined;
    await using index = await openFor(groups.first, isRest, options, counting, run);
    const note = (position: Position, generation: string) => {
      if (options.retryFailed || position.done <= (stop?.done ?? 0)) return;
      journal.write({ ...position, began, generation });
    };
    await load(groups, index, note, options, run);
    if (options.forcemerge) await index.forcemerge();
    if (options.warmup) await index.warmup();
    documents = await index.count();
  }
  run.signal.throwIfAborted();
  await counting;
  if (run.stats.total === 0) run.warn(whyNoRecords(selection));
  if (options.retryFailed) await dropRetried(selection, output, earlier);
  else {
    await journal.remove();
    if (stop !== undefined) await output.dropFailures(earlier, () => true); // all were tried again
  }
  if (withoutVector.count > 0) run.warn(`skipped without a vector: ${withoutVector.count}`);
  return { json: { index: options.index, documents, failures: output.failuresPath } };
}

/** @throws {UsageError} if the index would be emptied and only a part of the records put in */
function checkTogether({ recreateIndex, retryFailed, shard }: IngestOptions): void {
  const part = retryFailed ? "--retry-failed" : shard === undefined ? undefined : "--shard";
  if (!recreateIndex || part === undefined) return;
  throw new UsageError(
    `Cannot use --recreate-index with ${part}: the other records would not be in the index`,
  );
}

function selectionOf({ recordsDir, skip, shard, retryFailed, indexDir }: IngestOptions): Selection {
  return {
    recordsDir,
    recordsGlob: "**/*",
    passOver: skip,
    shard,
    retryFailed,
    outputDir: indexDir,
  };
}

/** What tells one command from another, for the journal. */
function aboutOf(options: IngestOptions): unknown {
  const { place, index, recordsDir, vectorsDir, format, suffix, skip, shard, recreateIndex } =
    options;
  const where = place.kind === "server" ? place.urls.map(String).sort() : place.dir;
  return [where, index, recordsDir, vectorsDir, format, suffix, skip, shard, recreateIndex];
}

/** Where an interrupted run of the same command stopped, if all that it put in is still there. */
async function whereStopped(
  journal: IngestJournal,
  selection: Selection,
  options: IngestOptions,
  run: Run,
): Promise<Stop | undefined> {
  const stop = options.resume && !options.retryFailed ? journal.read() : undefined;
  if (stop === undefined || !await isSameStart(selectRecords(selection), stop)) return undefined;
  const mapping = await readMappingOf(options);
  await using index = await openIndex(
    options.place,
    options.index,
    openOptions(options, mapping, run),
  );
  if (await index.generation() !== stop.generation) return undefined;
  run.warn(`goes on after the first ${count(stop.done)} records`);
  return stop;
}

function openOptions(options: IngestOptions, mapping: Mapping | undefined, run: Run): OpenOptions {
  return {
    mode: "write",
    mapping,
    recreate: options.recreateIndex,
    concurrency: options.concurrency,
    timeoutMs: options.timeoutSeconds * 1000,
    retries: options.retries,
    signal: run.signal,
    onNotice: (text) => run.warn(text),
    onRetry: () => run.stats.retried++,
  };
}

/** The documents and vectors of the records that have both. */
async function* readItems(
  places: AsyncIterable<readonly Place[]>,
  options: IngestOptions,
  run: Run,
  withoutVector: { count: number },
): AsyncGenerator<Loaded[]> {
  for await (const some of regrouped(places, READERS)) {
    const items = some.map((place) => readItem(place, options, run, withoutVector));
    yield (await Promise.all(items)).filter((item) => item !== undefined);
  }
}

/** The record's document and vector; undefined if it has no vector or cannot be used. */
async function readItem(
  { record, position }: Place,
  { vectorsDir, format, suffix }: IngestOptions,
  run: Run,
  withoutVector: { count: number },
): Promise<Loaded | undefined> {
  try {
    const document = toDocument(await readRecord(record));
    const vector = await readVector(vectorsDir, record.folder, record.stem, { format, suffix });
    if (vector !== undefined) return { document, vector, record, position };
    run.stats.skipped++;
    withoutVector.count++;
  } catch (error) {
    await run.fail({ id: record.stem, file: record.path, stage: "read" }, error);
  }
  return undefined;
}

/** Opens the index, if these vectors fit it and there is room for all of them. */
async function openFor(
  first: readonly Loaded[],
  isRest: boolean,
  options: IngestOptions,
  counting: Promise<void>,
  run: Run,
): Promise<VectorIndex> {
  const { index: name, vectorsDir } = options;
  const recreate = options.recreateIndex && !isRest;
  const needLength = (dims: number, what: string) => {
    // The rest of an earlier run may well be nothing but vectors of a wrong size.
    if (isRest || first.some(({ vector }) => vector.length === dims)) return;
    throw new SetupError(
      `Cannot load vectors of ${commonLength(first)} numbers into index "${name}": ${what} ` +
        `${dims} numbers`,
    );
  };
  const mapping = await readMappingOf(options);
  if (mapping?.dims !== undefined) {
    needLength(mapping.dims, `the mapping "${mapping.path}" is for vectors of`);
  }
  const index = await openIndex(options.place, name, {
    ...openOptions(options, mapping, run),
    recreate,
  });
  try {
    const isFree = recreate && (mapping !== undefined || index.kind === "embedded");
    if (!isFree && index.dims !== undefined) needLength(index.dims, "its vectors have");
    const model = await notedModel(vectorsDir, options);
    if (
      !recreate && model !== undefined && index.model !== undefined && index.model !== model
    ) {
      throw new SetupError(
        `Cannot load vectors of model "${model}" into index "${name}": it holds those of model ` +
          `"${index.model}"; --recreate-index begins it anew`,
      );
    }
    await counting;
    const warning = await index.memoryWarning(run.stats.total ?? 0);
    if (warning !== undefined && !options.force) {
      throw new SetupError(`${warning}; --force loads them all the same`);
    }
    if (warning !== undefined) run.warn(warning);
    run.signal.throwIfAborted();
    if (recreate) await index.clear(); // not before there is something to take its place
    if (model !== undefined && index.model !== model) await index.setModel(model);
    return index;
  } catch (error) {
    await index[Symbol.asyncDispose]();
    throw error;
  }
}

/** Sends the batches, and notes how far it got after each. */
async function load(
  groups: AsyncIterable<Loaded[]>,
  index: VectorIndex,
  note: (position: Position, generation: string) => void,
  options: IngestOptions,
  run: Run,
): Promise<void> {
  let generation: string | undefined;
  try {
    if (options.tuning) await index.beginLoad();
    const requests = index.kind === "embedded" ? 1 : options.concurrency;
    const sent = mapConcurrent(requests, groups, (group) => sendGroup(group, index, run));
    for await (const { group, results } of sent) {
      for (const [record, result] of results) await account(record, result, run);
      generation ??= await index.generation();
      if (generation !== undefined) note(group.at(-1)!.position, generation);
      run.signal.throwIfAborted();
    }
    run.signal.throwIfAborted();
  } catch (error) {
    await index.endLoad().catch((second) => run.warn(errorMessage(second)));
    throw error;
  }
  await index.endLoad();
  if (generation === undefined || await index.generation() === generation) return;
  throw new SetupError(
    `Cannot load all into index "${index.name}": it was deleted or begun anew meanwhile; see that ` +
      "it is as it should be, and run the same command again",
  );
}

interface Sent {
  readonly group: readonly Loaded[];
  readonly results: readonly (readonly [RecordFile, BulkResult])[];
}

async function sendGroup(
  group: readonly Loaded[],
  index: VectorIndex,
  run: Run,
): Promise<Sent> {
  const dims = index.dims ?? commonLength(group);
  const results: [RecordFile, BulkResult][] = [];
  const good = group.filter(({ record, document, vector }) => {
    try {
      checkVector(vector, dims);
      return true;
    } catch (error) {
      if (!(error instanceof VectorError)) throw error;
      const message = `Cannot use the vector of record "${document.id}": ${error.message}`;
      results.push([record, { id: document.id, error: new VectorError(message, error.code) }]);
      return false;
    }
  });
  run.signal.throwIfAborted();
  const answers = await index.bulk(good);
  return { group, results: [...results, ...answers.map((a, i) => [good[i]!.record, a] as const)] };
}

async function account({ path }: RecordFile, result: BulkResult, run: Run): Promise<void> {
  if ("error" in result) {
    await run.fail({ id: result.id, file: path, stage: "index" }, result.error);
  } else if (result.result === "noop") run.stats.skipped++;
  else run.stats.stored++;
}

/** The length that most vectors have. */
function commonLength(items: readonly IndexItem[]): number {
  const groups = Map.groupBy(items, ({ vector }) => vector.length);
  const [length] = [...groups].reduce((a, b) => b[1].length > a[1].length ? b : a);
  return length;
}

/** What there is to do, without doing it. */
async function plan(options: IngestOptions, selection: Selection, run: Run): Promise<Report> {
  const plan = { records: 0, withVector: 0 };
  for await (const records of selectRecords(selection)) {
    run.signal.throwIfAborted();
    plan.records += records.length;
    plan.withVector += records.filter(({ folder, stem }) =>
      findVector(options.vectorsDir, folder, stem, options) !== undefined
    ).length;
  }
  run.stats.total = plan.records;
  const text = `${count(plan.records)} records, ${count(plan.withVector)} of them with a vector`;
  return { json: { dryRun: true, ...plan }, text, summary: "nothing was done (--dry-run)" };
}
