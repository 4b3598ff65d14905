/** FLOW: query -> vector or words -> documents -> table. */
import { isAbsolute } from "node:path";
import { openIndex } from "../index/open.ts";
import type { Document, Filters, VectorIndex } from "../index/types.ts";
import { readImageFile } from "../images/image_files.ts";
import { IMAGENET, modelFolders } from "../inference/native.ts";
import { identityOf } from "../inference/models/identity.ts";
import { openModel } from "../inference/models/model.ts";
import { WorkerPool } from "../inference/workers/worker_pool.ts";
import type { Report, Stage } from "../shared/run.ts";
import { errorMessage, fileReason, SetupError, VectorError } from "../shared/errors.ts";
import { count } from "../shared/progress.ts";
import { tableText } from "../shared/table.ts";
import type { ModelIdentity } from "../vectors/model_identity.ts";
import { checkVector, readVectorFile } from "../vectors/vector_store.ts";
import { filtersText } from "./filters.ts";
import { modelMismatch } from "./model_mismatch.ts";
import { neighbours } from "./neighbours.ts";
import type { SearchOptions, SearchQuery } from "./options.ts";

/** A document of the answer; words are not compared as vectors are. */
interface SearchResult {
  readonly similarity?: number;
  readonly document: Document;
}

/** A query that has a vector. */
type VectorQuery = Exclude<SearchQuery, { kind: "text" }>;

/** How a server is asked: somebody waits for the answer. */
const CLIENT_OPTIONS = { timeoutMs: 30_000, retries: 3, concurrency: 1 };

/** Finds the documents of the query. */
export async function search(options: SearchOptions, run: Stage): Promise<Report> {
  const { query, index: name, place } = options;
  await using index = await openIndex(place, name, {
    mode: "read",
    ...CLIENT_OPTIONS,
    signal: run.signal,
    onNotice: (text) => run.warn(text),
  });
  const { results, of } = query.kind === "text"
    ? await findWords(query.words, index, options)
    : await findNear(query, index, options);
  run.stats.total = results.length;
  return {
    json: { index: name, hits: results.map(resultJson) },
    text: resultTable(results, query.kind !== "text"),
    summary: await nothingMatches(index, options.filters, results)
      ? `no document matches ${filtersText(options.filters)}`
      : `${results.length} of ${of}`,
  };
}

/** Whether it is for the filters that nothing was found. */
async function nothingMatches(
  index: VectorIndex,
  filters: Filters,
  results: readonly SearchResult[],
): Promise<boolean> {
  const isFiltered = Object.keys(filters).length > 0;
  return results.length === 0 && isFiltered && await index.count(filters) === 0;
}

async function findWords(words: string, index: VectorIndex, { k, filters }: SearchOptions) {
  const { total, documents } = await index.text(words, { size: k, filters });
  const results: SearchResult[] = documents.map((document) => ({ document }));
  return { results, of: `${count(total)} documents with these words` };
}

async function findNear(
  query: VectorQuery,
  index: VectorIndex,
  options: SearchOptions,
) {
  const { k, filters } = options;
  const vector = await queryVector(query, index, options);
  const without = query.kind === "id" ? query.id : undefined;
  const results: SearchResult[] = await neighbours(index, vector, { size: k, filters, without });
  return { results, of: `${count(await index.count(filters))} documents` };
}

async function queryVector(
  query: VectorQuery,
  index: VectorIndex,
  options: SearchOptions,
): Promise<Float32Array> {
  if (query.kind === "id") {
    const item = await index.get("id", query.id);
    if (item !== undefined) return item.vector;
    throw new SetupError(
      `Cannot search by id "${query.id}": it is not in index "${index.name}"`,
    );
  }
  try {
    const vector = query.kind === "vector"
      ? await readVectorFile(query.path)
      : await embedFile(query.path, index, options);
    checkVector(vector, index.dims ?? vector.length);
    return vector;
  } catch (error) {
    if (error instanceof SetupError) throw error;
    const isMade = query.kind === "image" && error instanceof VectorError;
    const of = isMade ? "the vector that the model made of it is of no use: " : "";
    const reason = of +
      (error instanceof Deno.errors.NotFound ? fileReason(error) : errorMessage(error));
    throw new SetupError(`Cannot search by ${query.kind} "${query.path}": ${reason}`, {
      cause: error,
    });
  }
}

async function embedFile(
  path: string,
  index: VectorIndex,
  { model: asked, modelsDir, engine }: SearchOptions,
): Promise<Float32Array> {
  const name = asked ?? index.model?.name ?? IMAGENET;
  const file = await readImageFile(path);
  const check = (model: ModelIdentity, size?: number) => {
    const mismatch = modelMismatch(index, model, size);
    if (mismatch === undefined) return;
    throw new SetupError(`Cannot search by image "${path}": ${mismatch}`);
  };
  const model = await openModel(name, modelFolders(modelsDir)).catch((error) => {
    if (!isAbsolute(name)) check({ name }); // rather than how to get another model
    throw error;
  });
  check(identityOf(model), model.output.size);
  using pool = await WorkerPool.start({ engine, model, size: 1 });
  const result = await pool.embed(file);
  if ("vector" in result) return result.vector;
  throw new Error(result.message);
}

function resultJson({ similarity, document: { id, title, access } }: SearchResult, i: number) {
  return { rank: i + 1, ...(similarity === undefined ? {} : { similarity }), id, title, access };
}

function resultTable(results: readonly SearchResult[], isCompared: boolean): string {
  return tableText(
    [
      { head: "rank", align: "right" },
      ...(isCompared ? [{ head: "similarity", align: "right" } as const] : []),
      { head: "id" },
      { head: "title", width: 62 },
      { head: "access" },
    ],
    results.map(resultJson).map(({ rank, similarity, id, title, access }) => [
      rank,
      ...(similarity === undefined ? [] : [similarity.toFixed(4)]),
      id,
      title,
      access,
    ]),
  );
}
