/** `deno task bench embedded`: the embedded index, filled and searched. */
import { join } from "node:path";
import process from "node:process";
import { EmbeddedIndex } from "../lib/index/embedded/embedded_index.ts";
import type { IndexItem } from "../lib/index/types.ts";
import { path } from "../lib/shared/args.ts";
import { tempDir } from "../tests/helpers/temp_dir.ts";
import { benchCommand, vectorsOption, wholeNumbers } from "./bench.ts";
import { ASKED_FILE, INDEX, K, type SearchCost } from "./embedded_search.ts";
import {
  DIMS,
  itemOf,
  randomNumbers,
  realVectors,
  type Vectors,
  withNeighbours,
} from "./material.ts";
import { measure } from "./measure.ts";
import type { Figure } from "./results.ts";

const QUERIES = 100;
/** As `deno task` starts its tools. */
const HEAP = "--v8-flags=--max-semi-space-size=4,--initial-old-space-size=16";

export const command = benchCommand("embedded", {
  summary: "Rows a second into the embedded index; time, recall and memory of its searches",
  measures: "Fills an index, then asks for the 20 nearest of 100 of its vectors, three times, in " +
    "a process that does nothing else. Recall is against plain cosine over all vectors. Where " +
    "there are fewer vectors than rows, the others are neighbours of them: mixed with another " +
    "one, and every number changed by up to a third. A million rows are better made once " +
    "(--load) and searched later (--search).",
  needs: "bash",
})
  .argument("[rows...]", "sizes of the index (default: 10000 100000)", wholeNumbers)
  .addOption(vectorsOption("those of the bundled pictures"))
  .option("--load <dir>", "only fill an index in this folder, which stays", path)
  .option("--search <dir>", "only search the index that --load made", path);

export async function* figures(): AsyncGenerator<Figure> {
  const [sizes = [10_000, 100_000]] = command.processedArgs;
  const { vectors: file, load: loaded, search: searched } = command.opts();
  if (searched !== undefined) return yield* search(searched);
  const real = await realVectors(file);
  if (loaded !== undefined) return yield* load(loaded, sizes[0]!, real);
  for (const rows of sizes) {
    await using dir = await tempDir();
    yield* load(dir.path, rows, real);
    yield* search(dir.path);
  }
}

/** Makes the index, and notes what its searches should find. */
async function* load(dir: string, rows: number, real: Float32Array): AsyncGenerator<Figure> {
  const vectors = withNeighbours(real);
  const work = `embedded index ${rows} x ${DIMS}, ${
    Math.min(rows, real.length / DIMS)
  } real vectors`;
  let ms = 0;
  let cpu = 0;
  {
    await using index = await EmbeddedIndex.open({ dir, name: INDEX, mode: "write" });
    for (let row = 0; row < rows;) {
      const items: IndexItem[] = [];
      while (items.length < 500 && row < rows) items.push(itemOf(row, vectors(row++)));
      const start = performance.now();
      const before = process.cpuUsage();
      await index.bulk(items);
      const { user, system } = process.cpuUsage(before);
      ms += performance.now() - start;
      cpu += user + system;
    }
  }
  const { size } = await Deno.stat(join(dir, `${INDEX}.sqlite`));
  yield { work, figure: 1000 * rows / ms, unit: "rows/s" };
  yield { work: `${work}, CPU of filling`, figure: cpu / rows, unit: "µs/row" };
  yield { work: `${work}, disk`, figure: size / rows, unit: "bytes/row" };
  const random = randomNumbers(rows + 1);
  const asked = Array.from({ length: QUERIES }, () => Math.floor(random() * rows));
  const truth = exactNeighbours(asked.map(vectors), rows, vectors);
  await Deno.writeTextFile(join(dir, ASKED_FILE), JSON.stringify({ work, asked, truth }));
}

async function* search(dir: string): AsyncGenerator<Figure> {
  const script = join(import.meta.dirname!, "embedded_search.ts");
  const args = ["run", "--quiet", "--allow-all", HEAP, script, dir];
  const { work, ...cost }: SearchCost = JSON.parse((await measure(Deno.execPath(), args)).stdout);
  for (const { kind, p50, p99 } of cost.times) {
    yield { work: `${work}, ${kind}, p50`, figure: p50, unit: "ms" };
    yield { work: `${work}, ${kind}, p99`, figure: p99, unit: "ms" };
  }
  yield { work: `${work}, first query`, figure: cost.firstMs, unit: "ms" };
  yield { work: `${work}, CPU of a query`, figure: cost.cpuMs, unit: "ms" };
  yield { work: `${work}, recall@${K}`, figure: cost.recall, unit: "of 1" };
  yield { work: `${work}, memory of a search`, figure: cost.bytes, unit: "bytes/vector" };
}

/** The nearest rows of each query by plain cosine over all vectors. */
function exactNeighbours(
  queries: readonly Float32Array[],
  rows: number,
  vectors: Vectors,
): number[][] {
  const unit = (v: Float32Array) => {
    const length = Math.sqrt(dot(v, v));
    return v.map((x) => x / length);
  };
  const units = queries.map(unit);
  const best = queries.map((): { row: number; cosine: number }[] => []);
  for (let row = 0; row < rows; row++) {
    const vector = unit(vectors(row));
    for (const [i, query] of units.entries()) {
      const cosine = dot(query, vector);
      const list = best[i]!;
      if (list.length === K && cosine <= list[K - 1]!.cosine) continue;
      const place = list.findIndex((other) => cosine > other.cosine);
      list.splice(place < 0 ? list.length : place, 0, { row, cosine });
      list.length = Math.min(K, list.length);
    }
  }
  return best.map((list) => list.map(({ row }) => row));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
