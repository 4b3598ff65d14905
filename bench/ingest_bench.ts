/** `deno task bench ingest`: documents a second into Elasticsearch and OpenSearch. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { choice, integer } from "../lib/shared/args.ts";
import { SetupError } from "../lib/shared/errors.ts";
import { PROGRAM_DIR } from "../lib/shared/program.ts";
import { servers } from "../tests/helpers/cluster.ts";
import { tempDir } from "../tests/helpers/temp_dir.ts";
import { benchCommand, vectorsOption } from "./bench.ts";
import { DIMS, randomVectors, readVectors, repeated, writeRecords } from "./material.ts";
import { type Cost, inTurns, measure, measureTask, median, ratiosOf } from "./measure.ts";
import type { Figure } from "./results.ts";

const INDEX = "ingest_bench";
const KINDS = ["elasticsearch", "opensearch"] as const;
type Kind = typeof KINDS[number];

export const command = benchCommand("ingest", {
  summary: "Documents a second to Elasticsearch and OpenSearch, against a Python script",
  measures: "Runs `deno task ingest` and a script that does what the original tool did " +
    "(streaming_bulk, 500 documents a request), in turn. Both make the index anew by the same " +
    "mapping, read the same files, and end when every document can be searched; the tool turns " +
    "refreshing off while it loads. A first run of each, through a relay that counts the bytes, is " +
    "not timed. CPU is that of the whole process tree for 1,000 documents; past start-up is " +
    "without what a run on one document takes.",
  needs: "bash; the servers that tests/servers.sh has started; Python with numpy, elasticsearch " +
    'and opensearch-py, unless --python "" leaves the script out',
})
  .argument("[options...]", "options of ingest, after --")
  .option("--python <command>", "Python that runs the script", "python3")
  .addOption(vectorsOption("random numbers"))
  .option("--documents <number>", "documents of a run", integer(1), 5000)
  .option("--rounds <number>", "runs of each side; the medians count", integer(1), 3)
  .option("--server <name>", "elasticsearch or opensearch (default: both)", choice(KINDS));

/** A way into a server. */
interface Side {
  readonly name: string;
  /** Loads what is in a folder, and prints how many documents it stored. */
  readonly run: (url: string, dir: string) => Promise<Cost>;
}

/** What one run took, with the CPU seconds of the server. */
interface Load extends Cost {
  readonly serverCpu: number;
}

/** Documents on disk. */
interface Documents {
  readonly dir: string;
  readonly count: number;
}

export async function* figures(): AsyncGenerator<Figure> {
  const { vectors: file, documents, server, rounds, python } = command.opts();
  const [more] = command.processedArgs;
  await using dir = await tempDir();
  const all = { dir: join(dir.path, "all"), count: documents };
  const one = { dir: join(dir.path, "one"), count: 1 };
  const vectors = repeated(file === undefined ? randomVectors(1000) : await readVectors(file));
  for (const { dir, count } of [all, one]) await writeRecords(dir, count, vectors);
  for (const kind of server === undefined ? KINDS : [server]) {
    const url = (await servers()).get(kind)?.url;
    if (url === undefined) {
      throw new SetupError(`Cannot measure ${kind}: start it with "tests/servers.sh DIR"`);
    }
    const mapping = join(dir.path, `${INDEX}.mapping`); // its name is that of the index
    await Deno.copyFile(join(PROGRAM_DIR, `mappings/${kind}/images.knn.mapping`), mapping);
    const sides = [tool(mapping, more), ...(python === "" ? [] : [script(kind, mapping, python)])];
    const work = `ingest ${kind} ${documents} documents x ${DIMS}, ${rounds} rounds`;
    yield* compare(work, sides, url, all, one);
  }
}

async function* compare(
  work: string,
  sides: readonly Side[],
  url: string,
  all: Documents,
  one: Documents,
): AsyncGenerator<Figure> {
  const sent = new Map<Side, number>();
  for (const side of sides) sent.set(side, await bytesSent(side, url, all));
  const once = (side: Side) => async () => ({
    start: await load(side, url, one),
    whole: await load(side, url, all),
  });
  const costs = await inTurns(
    command.opts().rounds,
    Object.fromEntries(sides.map((side) => [side.name, once(side)])),
  );
  const ratesOf = (side: Side) => costs[side.name]!.map(({ whole }) => all.count / whole.seconds);
  for (const side of sides) {
    const other = sides[0] === side ? sides[1] : undefined;
    const ratio = other && { against: other.name, ratios: ratiosOf(ratesOf(side), ratesOf(other)) };
    const name = `${work}, ${side.name}`;
    yield { work: name, figure: median(ratesOf(side)), unit: "documents/s", ...ratio };

    const runs = costs[side.name]!;
    const thousands = all.count / 1000;
    const cpu = median(runs.map(({ whole }) => whole.cpu));
    const serverCpu = median(runs.map(({ whole }) => whole.serverCpu));
    const startCpu = median(runs.map(({ start }) => start.cpu));
    const startSeconds = median(runs.map(({ start }) => start.seconds));
    const perThousand = "s/1000 documents";
    yield { work: `${name}, CPU`, figure: cpu / thousands, unit: perThousand };
    const pastStart = (cpu - startCpu) / thousands;
    yield { work: `${name}, CPU past start-up`, figure: pastStart, unit: perThousand };
    yield { work: `${name}, CPU of start-up`, figure: startCpu, unit: "s" };
    yield { work: `${name}, start-up`, figure: startSeconds, unit: "s" };
    yield { work: `${name}, CPU of the server`, figure: serverCpu / thousands, unit: perThousand };
    const kilobytes = sent.get(side)! / all.count / 1000;
    yield { work: `${name}, sent`, figure: kilobytes, unit: "kB/document" };
  }
}

/** `deno task ingest`, with more options. */
function tool(mapping: string, more: readonly string[]): Side {
  return {
    name: "Maken",
    run: (url, dir) =>
      measureTask(
        ["ingest", "--url", url, "--mapping", mapping, "--recreate-index", "--json"]
          .concat("--records-dir", join(dir, "records"), "--vectors-dir", join(dir, "vectors"))
          .concat("--index-dir", join(dir, "state"), more),
      ),
  };
}

/** What it replaces. */
function script(kind: Kind, mapping: string, python: string): Side {
  const path = join(import.meta.dirname!, "ingest_baseline.py");
  return {
    name: "Python",
    run: (url, dir) =>
      measure(
        python,
        [path, kind, url, INDEX, mapping, join(dir, "records"), join(dir, "vectors")],
      ),
  };
}

/** One run into a server that has nothing else to do. */
async function load(side: Side, url: string, { dir, count }: Documents): Promise<Load> {
  await settle(url);
  const before = await serverCpu(url);
  const cost = await side.run(url, dir);
  const after = await serverCpu(url);
  const { stored } = JSON.parse(cost.stdout);
  const found = (await (await fetch(`${url}/${INDEX}/_count`)).json()).count;
  if (stored !== count || found !== count) {
    throw new Error(`${side.name} stored ${stored} of ${count}, of which ${found} are found`);
  }
  return { ...cost, serverCpu: after - before };
}

/** Bytes that go to the server in a run. */
async function bytesSent(side: Side, url: string, { dir }: Documents): Promise<number> {
  await using relay = relayTo(url);
  await side.run(relay.url, dir);
  return relay.sent();
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
    await sleep(500);
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
