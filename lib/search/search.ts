/** FLOW: question -> vector -> nearest documents -> table. */
import { availableParallelism } from "node:os";
import { EmbeddedIndex } from "../index/embedded_index.ts";
import type { Hit, VectorIndex } from "../index/types.ts";
import { readImageFile } from "../images/load.ts";
import { openModel } from "../inference/model.ts";
import { WorkerPool } from "../inference/worker_pool.ts";
import type { Report, Run } from "../shared/run.ts";
import { errorMessage, SetupError } from "../shared/errors.ts";
import { fileReason } from "../shared/files.ts";
import { tableText } from "../shared/table.ts";
import { checkVector, readVectorFile } from "../vectors/vector_store.ts";
import type { SearchOptions } from "./options.ts";

/** Finds the nearest documents of the question. */
export async function search(options: SearchOptions, run: Run): Promise<Report> {
  const { question, index: name, indexDir: dir, k } = options;
  await using index = await EmbeddedIndex.open({ dir, name, mode: "read" });
  const vector = await questionVector(options, index);
  const asked = question.kind === "id" ? question.id : undefined;
  const near = await index.nearest(vector, asked === undefined ? k : k + 1);
  const hits = near.filter(({ document }) => document.id !== asked).slice(0, k);
  run.stats.total = hits.length;
  return {
    json: { index: name, hits: hits.map(hitJson) },
    text: hitTable(hits),
    summary: `${hits.length} of ${await index.count()} documents`,
  };
}

async function questionVector(
  options: SearchOptions,
  index: VectorIndex,
): Promise<Float32Array> {
  const { question, index: name } = options;
  if (question.kind === "id") {
    const item = await index.get("id", question.id);
    if (item !== undefined) return item.vector;
    throw new SetupError(`Cannot search by id "${question.id}": it is not in index "${name}"`);
  }
  try {
    const vector = question.kind === "vector"
      ? await readVectorFile(question.path)
      : await embedFile(question.path, options);
    checkVector(vector, index.dims ?? vector.length);
    return vector;
  } catch (error) {
    if (error instanceof SetupError) throw error;
    const reason = error instanceof Deno.errors.NotFound ? fileReason(error) : errorMessage(error);
    throw new SetupError(`Cannot search by ${question.kind} "${question.path}": ${reason}`, {
      cause: error,
    });
  }
}

async function embedFile(
  path: string,
  { model: name, engine }: SearchOptions,
): Promise<Float32Array> {
  const file = await readImageFile(path);
  const model = { ...await openModel(name), threads: availableParallelism() };
  using pool = await WorkerPool.start({ engine, model, size: 1 });
  const [result] = await pool.embed([file]);
  if (result !== undefined && "vector" in result) return result.vector;
  throw new Error(result?.message ?? "the worker gave no vector");
}

function hitJson({ similarity, document }: Hit, i: number) {
  const { id, title, access } = document;
  return { rank: i + 1, similarity, id, title, access };
}

function hitTable(hits: readonly Hit[]): string {
  return tableText(
    [
      { head: "rank", align: "right" },
      { head: "similarity", align: "right" },
      { head: "id" },
      { head: "title", width: 62 },
      { head: "access" },
    ],
    hits.map(hitJson).map((hit) => [
      hit.rank,
      hit.similarity.toFixed(4),
      hit.id,
      hit.title,
      hit.access,
    ]),
  );
}
