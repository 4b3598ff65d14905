/**
 * `deno task ingest` into Elasticsearch and OpenSearch against a Python script that does what the
 * original tool did (`streaming_bulk`, 500 documents a request), in turn in the same run: documents a
 * second, CPU seconds of the whole process tree and of the server for 1000 documents, bytes sent.
 *
 * Run: deno run --allow-all bench/ingest_bench.ts PYTHON [--vectors FILE] [--documents 5000]
 *        [--rounds 3] [--servers elasticsearch,opensearch] [-- OPTIONS OF INGEST …]
 *
 * PYTHON has numpy, elasticsearch and opensearch-py. The servers are those that `tests/servers.sh`
 * has started; FILE holds float32 vectors of 2048 numbers, one after the other, and without it they
 * are random. Both sides make the index anew by the same mapping, read the same files, and end when
 * every document can be searched; the tool turns refreshing off while it loads and has no replicas
 * until the end (one node has no place for them anyway). A first round with each, through a relay that
 * counts the bytes, is not timed. "Past start-up" is without what a run on one document takes.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { encodeNpy } from "../lib/vectors/npy.ts";
import { servers } from "../tests/helpers/cluster.ts";

const ROOT = resolve(import.meta.dirname!, "..");
const DIMS = 2048;
const INDEX = "ingest_bench";

type Kind = "elasticsearch" | "opensearch";
const SIDES = ["ingest", "python"] as const;
type Side = typeof SIDES[number];

/** What one run took; CPU in seconds. */
interface Cost {
  readonly seconds: number;
  readonly clientCpu: number;
  readonly serverCpu: number;
}

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    vectors: { type: "string" },
    documents: { type: "string", default: "5000" },
    rounds: { type: "string", default: "3" },
    servers: { type: "string", default: "elasticsearch,opensearch" },
  },
});
const [python = "python3", ...more] = positionals;
const documents = Number(values.documents);

async function main() {
  const dir = await Deno.makeTempDir({ prefix: "maken_bench_" });
  try {
    await writeItems(join(dir, "all"), documents, await vectorsOf(values.vectors));
    await writeItems(join(dir, "one"), 1, new Float32Array(DIMS).fill(1));
    for (const kind of values.servers.split(",") as Kind[]) print(await compare(kind, dir));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function compare(kind: Kind, dir: string): Promise<string> {
  const url = (await servers()).get(kind)!.url;
  const [all, one] = [join(dir, "all"), join(dir, "one")];
  const bytes: Partial<Record<Side, number>> = {};
  for (const side of SIDES) {
    await using relay = relayTo(url);
    await runOnce(side, kind, relay.url, all);
    bytes[side] = relay.sent();
  }
  const whole: Record<Side, Cost[]> = { ingest: [], python: [] };
  const startUp: Record<Side, Cost[]> = { ingest: [], python: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const side of SIDES) {
      startUp[side].push(await measure(side, kind, url, one));
      whole[side].push(await measure(side, kind, url, all));
    }
  }
  const rate = (side: Side) => whole[side].map(({ seconds }) => documents / seconds);
  const text = (side: Side) => {
    const of = (costs: Cost[], key: keyof Cost) => median(costs.map((cost) => cost[key]));
    const perThousand = (key: keyof Cost, without = 0) =>
      ((of(whole[side], key) - without) / documents * 1000).toFixed(3);
    const [seconds, cpu] = [of(startUp[side], "seconds"), of(startUp[side], "clientCpu")];
    return `${side} ${median(rate(side)).toFixed(0)}/s, client CPU ${perThousand("clientCpu")} s ` +
      `for 1000 (past start-up ${perThousand("clientCpu", cpu)}; start-up ${cpu.toFixed(2)} s of ` +
      `CPU, ${seconds.toFixed(2)} s), server CPU ${perThousand("serverCpu")} s, ` +
      `${(bytes[side]! / documents / 1000).toFixed(1)} kB a document`;
  };
  const ratios = rate("ingest").map((fast, i) => fast / rate("python")[i]!);
  return `${kind}, ${documents} documents: ${text("ingest")}; ${text("python")}; ` +
    `ratio ${median(ratios).toFixed(2)} (${ratios.map((r) => r.toFixed(2)).join(", ")})`;
}

/** One run into a server that has nothing else to do. */
async function measure(side: Side, kind: Kind, url: string, dir: string): Promise<Cost> {
  await settle(url);
  const before = await serverCpu(url);
  const { seconds, cpu } = await runOnce(side, kind, url, dir);
  return { seconds, clientCpu: cpu, serverCpu: await serverCpu(url) - before };
}

async function runOnce(side: Side, kind: Kind, url: string, dir: string) {
  const mapping = join(dir, `${INDEX}.mapping`);
  await Deno.copyFile(join(ROOT, `mappings/${kind}/images.knn.mapping`), mapping);
  const [records, vectors] = [join(dir, "records"), join(dir, "vectors")];
  const [command, args] = side === "python"
    ? [python, [
      join(ROOT, "bench/ingest_baseline.py"),
      kind,
      url,
      INDEX,
      mapping,
      records,
      vectors,
    ]]
    : [
      Deno.execPath(),
      ["task", "--quiet", "ingest", "--url", url, "--mapping", mapping, "--recreate-index"]
        .concat("--records-dir", records, "--vectors-dir", vectors, "--json", ...more)
        .concat("--index-dir", join(dir, "state")),
    ];
  const result = await timed(command, args);
  const { stored } = JSON.parse(result.text);
  const { count } = await (await fetch(`${url}/${INDEX}/_count`)).json();
  const expected = dir.endsWith("one") ? 1 : documents;
  if (stored !== expected || count !== expected) throw new Error(`${side}: ${stored}, ${count}`);
  return result;
}

/** Runs a command; the shell tells the CPU time of all its processes at the end. */
async function timed(command: string, args: string[]) {
  const start = performance.now();
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", '"$@" || exit; times', "sh", command, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0) throw new Error(`${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  const cpu = [...lines.at(-1)!.matchAll(/(\d+)m([\d.]+)s/g)]
    .reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0);
  return { seconds, cpu, text: lines[0]! };
}

/** Seconds of CPU that the server's process has taken. */
async function serverCpu(url: string): Promise<number> {
  const path = "/_nodes/stats/process?filter_path=nodes.*.process.cpu.total_in_millis";
  const { nodes } = await (await fetch(url + path)).json();
  const stats = Object.values(nodes) as { process: { cpu: { total_in_millis: number } } }[];
  return stats.reduce((sum, { process }) => sum + process.cpu.total_in_millis, 0) / 1000;
}

/** Takes the index away, and waits until the server takes hardly any CPU. */
async function settle(url: string): Promise<void> {
  await (await fetch(`${url}/${INDEX}`, { method: "DELETE" })).body?.cancel();
  for (let calm = 0; calm < 2;) {
    const before = await serverCpu(url);
    await new Promise((resolve) => setTimeout(resolve, 500));
    calm = await serverCpu(url) - before < 0.05 ? calm + 1 : 0;
  }
}

/** Passes connections on to a server, and counts the bytes that go there. */
function relayTo(url: string) {
  const { hostname, port } = new URL(url);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  let sent = 0;
  const pass = async (client: Deno.TcpConn) => {
    const server = await Deno.connect({ hostname, port: Number(port) });
    for (const connection of [client, server]) open.add(connection);
    const counter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        sent += chunk.length;
        controller.enqueue(chunk);
      },
    });
    await Promise.allSettled([
      client.readable.pipeThrough(counter).pipeTo(server.writable),
      server.readable.pipeTo(client.writable),
    ]);
  };
  const accepting = (async () => {
    for await (const client of listener) void pass(client);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    sent: () => sent,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of open) {
        try {
          connection.close();
        } catch {
          // It was closed by its other side.
        }
      }
    },
  };
}

/** Records as the catalogue gives them, in three folders, and their vectors. */
async function writeItems(dir: string, n: number, vectors: Float32Array): Promise<void> {
  const catalogue = JSON.parse(await Deno.readTextFile(join(ROOT, "demo/catalogue.json")));
  const templates = catalogue.slice(0, -2) as Record<string, unknown>[]; // the last have no picture
  for (const folder of ["everywhere", "norway", "nb"]) {
    for (const part of ["records", "vectors"]) {
      await Deno.mkdir(join(dir, part, folder), { recursive: true });
    }
  }
  for (let i = 0; i < n; i++) {
    const id = Math.imul(i, 0x9e3779b1).toString(16).replace("-", "f").padStart(8, "0") + i;
    const folder = ["everywhere", "norway", "nb"][i % 3]!;
    const template = templates[i % templates.length]!;
    const text = JSON.stringify(template).replaceAll(String(template.id), id);
    const start = i * DIMS % vectors.length;
    await Deno.writeTextFile(join(dir, "records", folder, `${id}.json`), text);
    await Deno.writeFile(
      join(dir, "vectors", folder, `${id}.npy`),
      encodeNpy(vectors.subarray(start, start + DIMS)),
    );
  }
}

async function vectorsOf(file: string | undefined): Promise<Float32Array> {
  if (file === undefined) {
    return Float32Array.from({ length: 1000 * DIMS }, () => Math.max(0, Math.random() - 0.3));
  }
  const { buffer, byteLength } = await Deno.readFile(file);
  return new Float32Array(buffer, 0, Math.floor(byteLength / 4 / DIMS) * DIMS);
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}

function print(text: string): void {
  // deno-lint-ignore no-console -- its result
  console.log(text);
}

await main();
