/**
 * `deno task serve`: requests/s and time of `POST /similarity/…/id`, with 1, 8 and 32 clients, beside
 * the bare index, which is asked the same in the same run; and where tests/servers.json is there,
 * beside Elasticsearch and OpenSearch, which are asked directly.
 *
 * Run: deno run --allow-all bench/serve_bench.ts [--vectors FILE] [ROWS …]   (default: 10000 100000)
 *
 * FILE as in embedded_bench.ts. Servers are loaded with 10,000 documents at most.
 */
import { EmbeddedIndex } from "../lib/index/embedded/embedded_index.ts";
import type { VectorIndex } from "../lib/index/types.ts";
import { newIndex, servers } from "../tests/helpers/cluster.ts";
import { startServe } from "../tests/helpers/serve_task.ts";
import {
  bundledVectors,
  floatsOf,
  idOf,
  itemOf,
  quantile,
  randomNumbers,
  vectorsOf,
} from "./embedded_bench.ts";

const DIMS = 2048;
const SIZE = 12;
const CLIENTS = [1, 8, 32];
/** Questions of each measurement. */
const REQUESTS = 320;
/** Questions before it, so that what is measured is warm. */
const WARM_UP = 50;
const MAX_ON_SERVERS = 10_000;

/** Puts one question, by the id of a document. */
type Ask = (id: string) => Promise<void>;

async function main() {
  const args = [...Deno.args];
  const at = args.indexOf("--vectors");
  const [, file] = at < 0 ? [] : args.splice(at, 2);
  const real = file === undefined ? await bundledVectors() : floatsOf(await Deno.readFile(file));
  const sizes = args.length > 0 ? args.map(Number) : [10_000, 100_000];
  for (const rows of sizes) {
    const vectors = vectorsOf(rows, real);
    const dir = await Deno.makeTempDir({ prefix: "maken_bench_" });
    try {
      const options = { dir, name: "bench" };
      {
        await using index = await EmbeddedIndex.open({ ...options, mode: "write" });
        await fill(index, rows, vectors);
      }
      await using bare = await EmbeddedIndex.open({ ...options, mode: "read" });
      await compare(`embedded ${rows}`, rows, bare, ["--index-dir", dir], "bench", [1]);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
    if (rows > MAX_ON_SERVERS) continue;
    for (const [name, { url }] of await servers()) {
      if (!["elasticsearch", "opensearch"].includes(name)) continue;
      await using made = await newIndex(name, DIMS);
      await fill(made.index, rows, vectors);
      await made.index.refresh();
      await made.index.forcemerge();
      await compare(`${name} ${rows}`, rows, made.index, ["--url", url], made.index.name, CLIENTS);
    }
  }
}

/** Measures the bare index and then the API over it. */
async function compare(
  what: string,
  rows: number,
  bare: VectorIndex,
  place: string[],
  name: string,
  bareClients: readonly number[],
): Promise<void> {
  const asked: Ask = async (id) => {
    const { vector } = (await bare.get("id", id))!;
    const hits = await bare.nearest(vector, SIZE + 1);
    if (hits.length !== SIZE + 1) throw new Error(`${hits.length} hits`);
  };
  await using server = await startServe([...place, "--no-uploads"]);
  const url = `${server.url}/similarity/${name}/id?size=${SIZE}&offset=0&fields=filename,id`;
  const served: Ask = async (id) => {
    const response = await fetch(url, { method: "POST", body: JSON.stringify({ value: id }) });
    const entries = await response.json();
    if (entries.length !== SIZE) throw new Error(JSON.stringify(entries).slice(0, 200));
  };
  await run(asked, rows, 1, WARM_UP);
  await run(served, rows, 1, WARM_UP);
  for (const clients of CLIENTS) {
    const alone = bareClients.includes(clients) ? await run(asked, rows, clients, REQUESTS) : null;
    const api = await run(served, rows, clients, REQUESTS);
    const more = alone === null
      ? ""
      : `; bare ${alone.text}; p50 +${(api.p50 - alone.p50).toFixed(2)} ms`;
    say(`${what}, ${clients} clients: ${api.text}${more}`);
  }
}

/** Rate and times of so many questions by so many clients, each of which waits for its answer. */
async function run(ask: Ask, rows: number, clients: number, requests: number) {
  const random = randomNumbers(clients + requests);
  const ids = Array.from({ length: requests }, () => idOf(Math.floor(random() * rows)));
  const times: number[] = [];
  const start = performance.now();
  await Promise.all(Array.from({ length: clients }, async () => {
    for (let id; (id = ids.pop()) !== undefined;) {
      const begin = performance.now();
      await ask(id);
      times.push(performance.now() - begin);
    }
  }));
  const rate = requests / (performance.now() - start) * 1000;
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  return { p50, text: `${rate.toFixed(0)}/s p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} ms` };
}

async function fill(index: VectorIndex, rows: number, vectors: (row: number) => Float32Array) {
  for (let row = 0; row < rows;) {
    const items = [];
    while (items.length < 500 && row < rows) items.push(itemOf(row, vectors(row++)));
    for (const result of await index.bulk(items)) if ("error" in result) throw result.error;
  }
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
}

await main();
