/** FLOW: stand-in -> download -> vectorize -> ingest -> search -> serve. */
import { join, relative } from "node:path";
import config from "../deno.json" with { type: "json" };
import { EmbeddedIndex } from "../lib/index/embedded/embedded_index.ts";
import { DEFAULT_INDEX } from "../lib/index/place.ts";
import { PROGRAM_DIR } from "../lib/shared/program.ts";
import type { Report, Stage } from "../lib/shared/run.ts";
import { SetupError } from "../lib/shared/errors.ts";
import { exists, STATE_DIR } from "../lib/shared/files.ts";
import { logLine } from "../lib/shared/log.ts";
import { DEMO_DIR, type DemoOptions } from "./options.ts";
import { type StandInRecord, startStandIn } from "./stand_in.ts";

/** Title of the record that the demo searches for. */
const ASKED = "Portrait of the astronaut Eileen Collins";

type DemoRecord = StandInRecord & { id: string; metadata: { title: string } };

/** Runs the real tools against the stand-in, then searches. */
export async function demo(options: DemoOptions, run: Stage): Promise<Report> {
  const { once, json, dataDir, modelsDir, port } = options;
  const records: DemoRecord[] = await readJson("catalogue.json");
  const pictures: Record<string, string> = await readJson("pictures.json");
  await takeFolder(dataDir, run);
  await using api = startStandIn({ records, pictures, picturesDir: join(DEMO_DIR, "pictures") });
  logLine(`A stand-in of the catalogue and its image host answers at ${api.url}`);
  const folder = relative(Deno.cwd(), dataDir);
  const recordsDir = join(folder, "records");
  const vectorsDir = join(folder, "vectors");
  const indexDir = join(folder, "index");
  const model = ["--model", "demo", ...modelsDir === undefined ? [] : ["--models-dir", modelsDir]];
  const asked = records.find(({ metadata }) => metadata.title === ASKED)!.id;

  await tool(
    run,
    ["download", "-f", "mediatype:bilder", "--delay", "0", "-o", recordsDir]
      .concat("--base-url", api.url),
  );
  await tool(
    run,
    ["vectorize", ...model, "--records-dir", recordsDir, "--vectors-dir", vectorsDir]
      .concat("--download-images", "--delay", "0", "--jobs", "-1", "--base-url", api.url),
  );
  const data = ["--records-dir", recordsDir, "--vectors-dir", vectorsDir];
  await tool(run, ["ingest", ...data, "--index-dir", indexDir]);
  logLine(`\nNow the nearest pictures of "${ASKED}":`);
  const question = ["search", "--id", asked, "--index-dir", indexDir, "-k", "6"];
  await tool(run, question, json ? "null" : "inherit");

  const { pictures: n, nearest, both } = await variantsTogether(dataDir, records);
  logLine(
    "\nEach picture is bundled as the original, a detail and a scan. The nearest neighbour is",
  );
  logLine(
    `another variant of the same picture for ${nearest} of ${n}; for ${both}, the nearest two are.`,
  );
  run.stats.total = run.stats.stored = n;
  if (!once) {
    logLine("\nNow the page, until you press Ctrl-C. Look at it in a browser:");
    const place = ["--index-dir", indexDir, "--images", vectorsDir, ...model];
    await tool(run, ["serve", ...place, "--port", String(port), "--quiet"], "null");
  }
  return { summary: `${n} pictures in ${folder}`, json: { pictures: n, nearest, both } };
}

async function readJson<T>(name: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(join(DEMO_DIR, name)));
}

/** Takes the folder for this demo and empties it; one that holds something else is left alone. */
async function takeFolder(path: string, run: Stage): Promise<void> {
  const isDemos = exists(join(path, STATE_DIR, "demo.lock"));
  if (!isDemos && exists(path) && (await Array.fromAsync(Deno.readDir(path))).length > 0) {
    throw new SetupError(`Cannot use folder "${path}": it holds something else than a demo`);
  }
  await run.openOutput(path);
  for (const part of ["records", "vectors", "index"]) {
    if (exists(join(path, part))) await Deno.remove(join(path, part), { recursive: true });
  }
}

/** `run` and its flags, as in deno.json's tasks, and the launcher. */
const LAUNCH = config.tasks.demo.command.split(" ").slice(2, -2)
  .concat(join(PROGRAM_DIR, "tasks/launch.ts"));

/** Runs `deno task <args>` as a user would; failed items are part of the demo, other ends are not. */
async function tool(
  run: Stage,
  args: readonly string[],
  stdout: "inherit" | "null" = "inherit",
): Promise<void> {
  logLine(`\n$ deno task ${args.join(" ")}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: [...LAUNCH, ...args],
    stdout,
  }).spawn();
  const stop = () => child.kill("SIGINT");
  run.signal.addEventListener("abort", stop, { once: true });
  const { code } = await child.status;
  run.signal.removeEventListener("abort", stop);
  run.signal.throwIfAborted();
  if (code > 1) throw new SetupError(`Cannot go on: ${args[0]} ended with exit code ${code}`);
}

/** For how many pictures the nearest neighbour, or both nearest ones, are its own variants. */
async function variantsTogether(dataDir: string, records: readonly DemoRecord[]) {
  await using index = await EmbeddedIndex.open({
    dir: join(dataDir, "index"),
    name: DEFAULT_INDEX,
    mode: "read",
  });
  const subject = new Map(records.map((r) => [r.id, r.metadata.title.split(" : ")[0]]));
  const counts = { pictures: 0, nearest: 0, both: 0 };
  for (const id of subject.keys()) {
    const item = await index.get("id", id);
    if (item === undefined) continue;
    const hits = await index.nearest(item.vector, 3);
    const near = hits.filter(({ document }) => document.id !== id);
    const [first, second] = near.map(({ document }) =>
      subject.get(document.id) === subject.get(id)
    );
    counts.pictures++;
    if (first) counts.nearest++;
    if (first && second) counts.both++;
  }
  return counts;
}
