/**
 * The embedded index: rows/s in, time and recall@20 of queries against plain cosine in the same run,
 * and memory a vector in a process that searches.
 *
 * Run: deno run --allow-all bench/embedded_bench.ts [--vectors FILE] [ROWS …]   (default: 10000 100000)
 *   or, for many rows, in two steps: … [--vectors FILE] --load DIR ROWS, then … --search DIR
 *
 * FILE holds float32 vectors of 2048 numbers, one after the other; without it the bundled pictures
 * are put through the demo model. Where there are fewer than ROWS, the others are neighbours of
 * them: mixed with another one and every number changed by up to a third.
 */
import { join } from "node:path";
import process from "node:process";
import { EmbeddedIndex } from "../lib/index/embedded/embedded_index.ts";
import type { IndexItem } from "../lib/index/types.ts";

const DIMS = 2048;
const QUERIES = 100;
const K = 20;
/** As `deno task` starts its tools. */
const HEAP = "--v8-flags=--max-semi-space-size=4,--initial-old-space-size=16";
const ACCESS = ["everywhere", "everywhere", "everywhere", "norway", "norway", "library", "nb"];

const WORDS = Array.from(
  { length: 97 },
  (_, i) =>
    ["fjord", "fjell", "skole", "kirke", "båt", "ski", "gård"][i % 7] + (i + 10).toString(36),
);

async function main() {
  const args = [...Deno.args];
  const at = args.indexOf("--vectors");
  const [, file] = at < 0 ? [] : args.splice(at, 2);
  const real = file === undefined ? await bundledVectors() : floatsOf(await Deno.readFile(file));
  say(`${real.length / DIMS} real vectors from ${file ?? "the bundled pictures"}`);
  if (args[0] === "--load") return say(await load(args[1]!, Number(args[2]), real));
  for (const arg of args.length > 0 ? args : ["10000", "100000"]) await measure(Number(arg), real);
}

async function measure(rows: number, real: Float32Array) {
  const dir = await Deno.makeTempDir({ prefix: "maken_bench_" });
  try {
    const loaded = await load(dir, rows, real);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", HEAP, import.meta.filename!, "--search", dir],
      stderr: "inherit",
    }).output();
    say(`${loaded}; ${new TextDecoder().decode(stdout).trim()}`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Makes the index, and says what its searches should find. */
async function load(dir: string, rows: number, real: Float32Array): Promise<string> {
  const vectors = vectorsOf(rows, real);
  const figures = await fill(dir, rows, vectors);
  const random = randomNumbers(rows + 1);
  const asked = Array.from({ length: QUERIES }, () => Math.floor(random() * rows));
  const truth = exactNeighbours(asked.map(vectors), rows, vectors);
  await Deno.writeTextFile(join(dir, "asked.json"), JSON.stringify({ asked, truth }));
  return `${rows} rows: ${figures}`;
}

/** Searches a small index first, so that what any search takes is not counted as its vectors'. */
async function warmUp(queries: readonly Float32Array[]) {
  const dir = await Deno.makeTempDir({ prefix: "maken_bench_" });
  await using index = await EmbeddedIndex.open({ dir, name: "small", mode: "write" });
  await index.bulk(queries.map((vector, row) => itemOf(row, vector)));
  for (let round = 0; round < 5; round++) {
    for (const query of queries) {
      await index.nearest(query, K);
      await index.nearest(query, K, { access: "everywhere" });
    }
  }
  await Deno.remove(dir, { recursive: true });
}

/** In a process of its own, so that its memory is the search's alone. */
async function searchProcess([dir]: string[]) {
  const { asked, truth } = JSON.parse(await Deno.readTextFile(join(dir!, "asked.json")));
  await using index = await EmbeddedIndex.open({ dir: dir!, name: "bench", mode: "read" });
  const queries: Float32Array[] = [];
  for (const row of asked) queries.push((await index.get("id", idOf(row)))!.vector);
  const rows = await index.count();
  await warmUp(queries);
  const before = Deno.memoryUsage().rss;
  const start = performance.now();
  await index.nearest(queries[0]!, K);
  const first = performance.now() - start;
  let found = 0;
  const cpu = process.cpuUsage();
  const times = { all: [] as number[], everywhere: [] as number[], nb: [] as number[] };
  for (let round = 0; round < 3; round++) {
    for (const [i, query] of queries.entries()) {
      const begin = performance.now();
      const hits = await index.nearest(query, K);
      times.all.push(performance.now() - begin);
      for (const access of ["everywhere", "nb"] as const) {
        const begin = performance.now();
        await index.nearest(query, K, { access });
        times[access].push(performance.now() - begin);
      }
      if (round > 0) continue;
      const ids = new Set<string>(truth[i].map(idOf));
      found += hits.filter(({ document }) => ids.has(document.id)).length;
    }
  }
  const spent = process.cpuUsage(cpu);
  const searches = 3 * times.all.length;
  const busy = (spent.user + spent.system) / 1000 / searches;
  const bytes = (Deno.memoryUsage().rss - before) / rows;
  const of = (list: number[]) =>
    `p50 ${quantile(list, 0.5).toFixed(1)} p99 ${quantile(list, 0.99).toFixed(1)} ms`;
  say(
    `query ${of(times.all)}, access=everywhere ${of(times.everywhere)}, access=nb ${
      of(times.nb)
    }, ` +
      `the first ${first.toFixed(0)} ms, CPU ${busy.toFixed(1)} ms each; recall@${K} ${
        (found / (queries.length * K)).toFixed(4)
      }; ` +
      `${bytes.toFixed(0)} bytes of memory a vector`,
  );
}

async function fill(dir: string, rows: number, vectors: (row: number) => Float32Array) {
  const index = await EmbeddedIndex.open({ dir, name: "bench", mode: "write" });
  let ms = 0;
  let cpu = 0;
  for (let row = 0; row < rows;) {
    const items: IndexItem[] = [];
    while (items.length < 500 && row < rows) items.push(itemOf(row, vectors(row++)));
    const start = performance.now();
    const before = process.cpuUsage();
    await index.bulk(items);
    const { user, system } = process.cpuUsage(before);
    ms += performance.now() - start;
    cpu += (user + system) / 1000;
  }
  await index[Symbol.asyncDispose]();
  const { size } = await Deno.stat(join(dir, "bench.sqlite"));
  return `${Math.round(rows / ms * 1000)} rows/s in (${
    (1000 * cpu / rows).toFixed(0)
  } µs of CPU), ${Math.round(size / rows)} bytes of disk a row`;
}

export function itemOf(row: number, vector: Float32Array): IndexItem {
  const urn = `digifoto_20160304_${String(row).padStart(5, "0")}_NB_MIT_FNR_${row}`;
  const document = {
    id: idOf(row),
    filename: urn,
    access: ACCESS[row % ACCESS.length]!,
    title: `Utsikt over ${WORDS[row % 97]} mot ${WORDS[row % 89]}, nummer ${row}`,
    creators: [`Fotograf, ${WORDS[row % 83]}`],
    subject: [WORDS[row % 79]!, WORDS[row % 73]!, `Sted ${row % 5000}`],
    license: row % 3 === 0 ? "publicdomain" : "",
    date: String(1850 + row % 150),
    thumbnail:
      `https://www.nb.no/services/image/resolver/URN:NBN:no-nb_${urn}/full/0,200/0/native.jpg`,
  };
  return { document, vector };
}

export function idOf(row: number): string {
  return Math.imul(row, 0x9e3779b1).toString(16).replace("-", "f").padStart(32, "0") + row;
}

/** The vector of a row: a real one, or a neighbour of one. */
export function vectorsOf(rows: number, real: Float32Array): (row: number) => Float32Array {
  const n = real.length / DIMS;
  const at = (i: number) => real.subarray(DIMS * i, DIMS * (i + 1));
  return (row) => {
    if (row < n || rows <= n) return at(row % n);
    const random = randomNumbers(row);
    const [a, b] = [at(row % n), at(Math.floor(random() * n))];
    const part = 0.4 * random();
    const noise = 0.3 * random();
    return a.map((x, i) => ((1 - part) * x + part * b[i]!) * (1 + noise * (2 * random() - 1)));
  };
}

/** The nearest rows of each query by plain cosine over all vectors. */
function exactNeighbours(
  queries: readonly Float32Array[],
  rows: number,
  vectors: (row: number) => Float32Array,
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

export async function bundledVectors(): Promise<Float32Array> {
  const { openModel } = await import("../lib/inference/models/model.ts");
  const { WorkerPool } = await import("../lib/inference/workers/worker_pool.ts");
  const model = await openModel("demo");
  using pool = await WorkerPool.start({ engine: "onnx", model, size: 1 });
  const root = join(import.meta.dirname!, "..");
  const vectors: number[] = [];
  for (const folder of ["demo/pictures", "tests/fixtures/photos"]) {
    for await (const { name } of Deno.readDir(join(root, folder))) {
      if (!/\.(jpg|png)$/.test(name)) continue;
      const result = await pool.embed(await Deno.readFile(join(root, folder, name)));
      if ("vector" in result) vectors.push(...result.vector);
    }
  }
  return Float32Array.from(vectors);
}

export function floatsOf(
  { buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>,
): Float32Array {
  return new Float32Array(buffer, byteOffset, Math.floor(byteLength / 4 / DIMS) * DIMS);
}

export function quantile(list: number[], part: number): number {
  return list.toSorted((a, b) => a - b)[Math.floor(part * (list.length - 1))]!;
}

/** Numbers from 0 to 1 that are the same on every run. */
export function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
}

if (import.meta.main) {
  if (Deno.args[0] === "--search") await searchProcess(Deno.args.slice(1));
  else await main();
}
