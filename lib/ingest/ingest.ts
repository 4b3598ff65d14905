/** FLOW: records + vectors -> documents -> bulk. */
import { RecordPlaces } from "../catalog/ids/record_places.ts";
import { accessOf } from "../catalog/record_files.ts";
import { ALL_RECORDS, type Selection, selectRecords } from "../catalog/selection.ts";
import { Worklist } from "../catalog/worklist.ts";
import type { BulkResult, VectorIndex } from "../index/types.ts";
import { errorMessage, SetupError, UsageError, VectorError } from "../shared/errors.ts";
import { askedProof } from "../shared/failure.ts";
import { requireFolder } from "../shared/files.ts";
import type { OutputFolder } from "../shared/output_folder.ts";
import { count } from "../shared/progress.ts";
import { hashOf } from "../shared/proof.ts";
import type { Report, Stage } from "../shared/run.ts";
import { mapConcurrent, unlessEmpty } from "../shared/streams.ts";
import { VectorFolder } from "../vectors/vector_folder.ts";
import { checkVector } from "../vectors/vector_store.ts";
import {
  commonLength,
  DocumentReader,
  indexName,
  type Loaded,
  type LoadedGroup,
} from "./documents.ts";
import { checkModelStayed, folderModel } from "./folder_model.ts";
import type { IngestOptions } from "./options.ts";
import { Resumption } from "./resumption.ts";
import { SentFile } from "./sent_file.ts";
import { openTarget } from "./target.ts";
import { warmUp } from "./warm_up.ts";

/** What the summary calls what became of a document. */
const KINDS = { created: "new", updated: "changed", noop: "unchanged" } as const;

/** Puts every record that has a vector into the index, in place of the document with its id. */
export async function ingest(options: IngestOptions, run: Stage): Promise<Report> {
  if (options.warmupOnly.length > 0) return await warmUp(options, run);
  checkTogether(options);
  await requireFolder(options.vectorsDir);
  const model = await folderModel(options, run);
  const own = selectionOf(options);
  using places = await RecordPlaces.open({
    ...own,
    byName: options.format === "json",
    signal: run.signal,
  });
  const selection = { ...own, places };
  if (options.dryRun) return await planIngest(options, selection, places, run);
  const work = await Worklist.open(selection, run);
  if (places.notice !== undefined) run.warn(places.notice);
  const resumption = await Resumption.begin(work, options, run, places);

  const reader = new DocumentReader(options, run, places);
  await using groups = await unlessEmpty(reader.groups(resumption.left(work.records())));
  let documents: number | undefined;
  if (groups !== undefined) {
    const { first } = groups;
    const { isRest } = resumption;
    const total = () => work.total();
    using sent = sentFile(work.output, options);
    await using index = await openTarget({ first, model, isRest, total, sent }, options, run);
    for await (const loaded of ingestDocuments(groups, index, options, run)) {
      resumption.note(loaded);
    }
    if (model !== undefined) checkModelStayed(index, model);
    if (options.forcemerge) await index.forcemerge();
    if (options.warmup) await index.warmup();
    documents = await index.count();
    if (documents === 0) await index.removeIfUnused(); // all were refused
  }
  await work.end();
  resumption.end();
  reader.explain();
  const isEmpty = isNothing(reader, options, run);
  return {
    isEmpty,
    json: { index: options.index, documents, failures: work.output.failures.path },
  };
}

/** The memory of what was sent to an index of a server. */
export function sentFile(
  output: OutputFolder,
  { place, index }: IngestOptions,
): SentFile | undefined {
  if (place.kind === "embedded") return undefined;
  return new SentFile(output.path, [...place.urls.map(String).sort(), index].join(" "));
}

/** Whether not one record could be ingested, though all were to be; says what to look at. */
function isNothing(reader: DocumentReader, options: IngestOptions, run: Stage): boolean {
  const { total = 0, stored, skipped, failed } = run.stats;
  const isPart = options.retryFailed || options.shard !== undefined || options.skip > 0;
  if (isPart || stored > 0 || failed > 0 || skipped > reader.withoutVector) return false;
  if (total > 0) {
    const { vectorsDir, format, suffix } = options;
    run.warn(
      `not one of ${
        count(total)
      } records has a vector "<id>${suffix}.${format}" in "${vectorsDir}": ` +
        "look at --vectors-dir, --suffix and --format",
    );
  }
  return true;
}

/** @throws {UsageError} if the index would be emptied and only a part of the records put in */
function checkTogether({ recreateIndex, retryFailed, shard }: IngestOptions): void {
  const part = retryFailed ? "--retry-failed" : shard === undefined ? undefined : "--shard";
  if (!recreateIndex || part === undefined) return;
  throw new UsageError(
    `Cannot use --recreate-index with ${part}: the other records would not be in the index`,
  );
}

/** The files that are worked through: records, or documents among the vectors. */
function selectionOf(options: IngestOptions): Selection {
  const { recordsDir, vectorsDir, format, suffix, skip, shard, retryFailed, indexDir } = options;
  const isJson = format === "json";
  return {
    recordsDir: isJson ? vectorsDir : recordsDir,
    recordsGlob: isJson ? `**/*${literal(suffix)}.json` : ALL_RECORDS,
    passOver: skip,
    shard,
    retryFailed,
    outputDir: indexDir,
    task: "ingest",
    about: indexName(options),
  };
}

/** A text as a glob that finds just it. */
function literal(text: string): string {
  return text.replace(/[[*?]/g, "[$&]");
}

/**
 * Puts the documents into the index, group by group; hands on each group that is done. What fails is
 * counted by the stage.
 *
 * @throws {SetupError} if the index cannot be written, or was begun anew by another run meanwhile
 */
export async function* ingestDocuments(
  groups: AsyncIterable<readonly Loaded[]>,
  index: VectorIndex,
  options: IngestOptions,
  stage: Stage,
): AsyncGenerator<LoadedGroup> {
  const { signal, stats } = stage;
  for (const kind of Object.values(KINDS)) stats.kinds.set(kind, 0);
  // Before the first bulk: where the index is gone by then, a server makes another one by itself.
  let generation = await index.generation();
  let isWhole = false;
  try {
    if (options.tuning) await index.beginLoad();
    const requests = index.kind === "embedded" ? 1 : options.concurrency;
    const about = indexName(options);
    const nameOf = ({ document: { id }, source }: Loaded) => ({
      id,
      file: source.record.path,
      about,
    });
    const proofOf = (item: Loaded) => itemProof(item, generation);
    const send = async (group: readonly Loaded[]) => {
      const isNew = async (item: Loaded) =>
        await stage.failedBefore(nameOf(item), () => proofOf(item)) === undefined;
      const results = await sendGroup(await filtered(group, isNew), index, signal);
      return { group, results };
    };
    for await (const { group, results } of mapConcurrent(requests, groups, send)) {
      generation ??= await index.generation();
      for (const [item, result] of results) {
        if ("error" in result) {
          const failed = { ...nameOf(item), stage: "index", proof: proofOf(item) };
          stage.fail(failed, result.error);
        } else {
          countStored(result.result, stage);
          stage.settle(nameOf(item));
        }
      }
      yield { items: group, generation };
      signal.throwIfAborted();
    }
    signal.throwIfAborted();
    isWhole = true;
  } finally {
    // What broke off the load says more than what then goes wrong as well.
    if (isWhole) await index.endLoad();
    else {
      await index.endLoad().catch((error) => stage.warn(errorMessage(error)));
      await index.removeIfUnused().catch((error) => stage.warn(errorMessage(error)));
    }
  }
  if (generation === undefined || await index.generation() === generation) return;
  throw new SetupError(
    `Cannot load all into index "${index.name}": it was deleted or begun anew meanwhile; see that ` +
      "it is as it should be, and run the same command again",
  );
}

function countStored(result: "created" | "updated" | "noop" | "dropped", { stats }: Stage): void {
  stats[result === "noop" || result === "dropped" ? "skipped" : "stored"]++;
  if (result !== "dropped") stats.addKind(KINDS[result]);
}

/** Names a document with its vector, and the index that it was sent to. */
function itemProof({ document, vector }: Loaded, generation: string | undefined): string {
  return askedProof(hashOf(JSON.stringify(document), vector, generation ?? ""));
}

async function filtered<T>(items: readonly T[], isKept: (item: T) => Promise<boolean>) {
  const kept: T[] = [];
  for (const item of items) if (await isKept(item)) kept.push(item);
  return kept;
}

async function sendGroup(
  group: readonly Loaded[],
  index: VectorIndex,
  signal: AbortSignal,
): Promise<[Loaded, BulkResult][]> {
  if (group.length === 0) return [];
  const dims = index.dims ?? commonLength(group);
  const results: [Loaded, BulkResult][] = [];
  const good = group.filter((item) => {
    const { document, vector } = item;
    try {
      checkVector(vector, dims);
      return true;
    } catch (error) {
      if (!(error instanceof VectorError)) throw error;
      const message = `Cannot use the vector of record "${document.id}": ${error.message}`;
      const refused = { id: document.id, error: new VectorError(message, error.code) };
      results.push([item, refused]);
      return false;
    }
  });
  signal.throwIfAborted();
  const answers = await index.bulk(good);
  for (const [i, answer] of answers.entries()) results.push([good[i]!, answer]);
  return results;
}

/** What there is to do, without doing it. */
async function planIngest(
  options: IngestOptions,
  selection: Selection,
  places: RecordPlaces,
  run: Stage,
): Promise<Report> {
  const { vectorsDir } = options;
  const vectors = new VectorFolder(vectorsDir, options, (stem) => places.earlierFolders(stem));
  const plan = { records: 0, withVector: 0 };
  for await (const records of selectRecords(selection)) {
    run.signal.throwIfAborted();
    plan.records += records.length;
    plan.withVector += options.format === "json"
      ? records.length
      : records.filter((record) =>
        vectors.find(record.folder, record.stem, accessOf(record)) !== undefined
      ).length;
  }
  run.stats.total = plan.records;
  const text = `${count(plan.records)} records, ${count(plan.withVector)} of them with a vector`;
  return { json: { dryRun: true, ...plan }, text, summary: "nothing was done (--dry-run)" };
}
