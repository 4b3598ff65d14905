/** `deno task bench serve`: requests a second of the web API, and their times. */
import { EmbeddedIndex } from "../lib/index/embedded/embedded_index.ts";
import type { VectorIndex } from "../lib/index/types.ts";
import { newIndex, servers } from "../tests/helpers/cluster.ts";
import { startServe } from "../tests/helpers/serve_task.ts";
import { tempDir } from "../tests/helpers/temp_dir.ts";
import { benchCommand, vectorsOption, wholeNumbers } from "./bench.ts";
import {
  DIMS,
  idOf,
  itemOf,
  randomNumbers,
  realVectors,
  type Vectors,
  withNeighbours,
} from "./material.ts";
import { quantile } from "./measure.ts";
import type { Figure } from "./results.ts";

const SIZE = 12;
const CLIENTS = [1, 8, 32];
/** Questions of each measurement. */
const REQUESTS = 320;
/** Questions before it, so that what is measured is warm. */
const WARM_UP = 50;
const MAX_ON_SERVERS = 10_000;

/** Puts one question, by the id of a document. */
type Ask = (id: string) => Promise<void>;

/** An index, and how it is asked. */
interface Asked {
  /** Its kind and size. */
  readonly work: string;
  readonly rows: number;
  readonly index: VectorIndex;
  readonly name: string;
  /** Options of serve. */
  readonly place: readonly string[];
  /** Numbers of clients with which the index is asked directly. */
  readonly bareClients: readonly number[];
}

export const command = benchCommand("serve", {
  summary: "Requests a second of the web API and their times, beside the bare index",
  measures: "Asks `deno task serve` for the 12 nearest of an id, 320 times, with 1, 8 and 32 " +
    "clients, over an embedded index and over the search servers that run; and the index itself, " +
    "with one client where it is embedded. Where there are fewer vectors than rows, the others " +
    "are neighbours of them. Servers are left out past 10,000 rows.",
  needs: "nothing else; asks Elasticsearch and OpenSearch where tests/servers.sh has started them",
})
  .argument("[rows...]", "sizes of the index (default: 10000 100000)", wholeNumbers)
  .addOption(vectorsOption("those of the bundled pictures"));

export async function* figures(): AsyncGenerator<Figure> {
  const [sizes = [10_000, 100_000]] = command.processedArgs;
  const { vectors: file } = command.opts();
  const vectors = withNeighbours(await realVectors(file));
  for (const rows of sizes) {
    yield* embedded(rows, vectors);
    if (rows > MAX_ON_SERVERS) continue;
    for (const [kind, { url }] of await servers()) {
      if (kind === "elasticsearch" || kind === "opensearch") {
        yield* server(kind, url, rows, vectors);
      }
    }
  }
}

async function* embedded(rows: number, vectors: Vectors): AsyncGenerator<Figure> {
  await using dir = await tempDir();
  const name = "bench";
  const options = { dir: dir.path, name };
  {
    await using index = await EmbeddedIndex.open({ ...options, mode: "write" });
    await fill(index, rows, vectors);
  }
  await using index = await EmbeddedIndex.open({ ...options, mode: "read" });
  const place = ["--index-dir", dir.path];
  yield* compare({ work: "serve embedded", rows, index, name, place, bareClients: [1] });
}

async function* server(
  kind: string,
  url: string,
  rows: number,
  vectors: Vectors,
): AsyncGenerator<Figure> {
  await using made = await newIndex(kind, DIMS);
  const { index } = made;
  await fill(index, rows, vectors);
  await index.refresh();
  await index.forcemerge();
  const place = ["--url", url];
  const work = `serve ${kind}`;
  yield* compare({ work, rows, index, name: index.name, place, bareClients: CLIENTS });
}

/** Measures the bare index and the API over it. */
async function* compare(asked: Asked): AsyncGenerator<Figure> {
  const { rows, index, name, place, bareClients } = asked;
  const bare: Ask = async (id) => {
    const { vector } = (await index.get("id", id))!;
    const hits = await index.nearest(vector, SIZE + 1);
    if (hits.length !== SIZE + 1) throw new Error(`${hits.length} hits`);
  };
  await using api = await startServe([...place, "--no-uploads"]);
  const url = `${api.url}/similarity/${name}/id?size=${SIZE}&offset=0&fields=filename,id`;
  const served: Ask = async (id) => {
    const response = await fetch(url, { method: "POST", body: JSON.stringify({ value: id }) });
    const entries = await response.json();
    if (entries.length !== SIZE) throw new Error(JSON.stringify(entries).slice(0, 200));
  };
  await run(bare, rows, 1, WARM_UP);
  await run(served, rows, 1, WARM_UP);
  for (const clients of CLIENTS) {
    const work = `${asked.work} ${rows} x ${DIMS}, ${REQUESTS} requests, ${clients} at a time`;
    const alone = bareClients.includes(clients) ? await run(bare, rows, clients, REQUESTS) : null;
    const { rate, p50, p99 } = await run(served, rows, clients, REQUESTS);
    const ratio = alone === null ? {} : { against: "the bare index", ratios: [rate / alone.rate] };
    yield { work, figure: rate, unit: "requests/s", ...ratio };
    yield { work: `${work}, p50`, figure: p50, unit: "ms" };
    yield { work: `${work}, p99`, figure: p99, unit: "ms" };
    if (alone === null) continue;
    yield { work: `${work}, bare index`, figure: alone.rate, unit: "requests/s" };
    yield { work: `${work}, bare index, p50`, figure: alone.p50, unit: "ms" };
    yield { work: `${work}, bare index, p99`, figure: alone.p99, unit: "ms" };
    yield { work: `${work}, p50 on top of the bare index`, figure: p50 - alone.p50, unit: "ms" };
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
  return { rate, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

async function fill(index: VectorIndex, rows: number, vectors: Vectors): Promise<void> {
  for (let row = 0; row < rows;) {
    const items = [];
    while (items.length < 500 && row < rows) items.push(itemOf(row, vectors(row++)));
    for (const result of await index.bulk(items)) if ("error" in result) throw result.error;
  }
}
