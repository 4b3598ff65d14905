/** `deno task bench pairs`: this checkout against another one, run by run. */
import { join } from "node:path";
import { integer, needed, path } from "../lib/shared/args.ts";
import { EXIT } from "../lib/shared/cli.ts";
import { errorMessage, UsageError } from "../lib/shared/errors.ts";
import { logLine } from "../lib/shared/log.ts";
import { PROGRAM_DIR } from "../lib/shared/program.ts";
import { demoApi, RECORDS } from "../tests/helpers/demo_api.ts";
import { tempDir } from "../tests/helpers/temp_dir.ts";
import { benchCommand } from "./bench.ts";
import { PAGE_SIZE, startCatalogue } from "./catalogue.ts";
import { idOf, randomVectors, repeated, writeRecords } from "./material.ts";
import { type Cost, inTurns, measureTask, median, ratiosOf } from "./measure.ts";
import { commitOf, type Figure } from "./results.ts";

const TOOLS = ["demo", "download", "vectorize", "ingest", "search", "serve", "model"];

/** Records of the longer run of download, documents of that of ingest. */
const RECORDS_STORED = 10_000;
const DOCUMENTS = 5000;

export const command = benchCommand("pairs", {
  summary: "This checkout against another one: start of each tool, download, vectorize, ingest",
  measures: "Runs the same `deno task` in both checkouts in turn, each run into a fresh folder, " +
    "and compares the time on the clock and the CPU time of each pair. A ratio is the other " +
    "checkout's time by this one's: above 1, this one is faster. Nothing outside this machine is " +
    "asked; the index is the embedded one, the model is demo.",
  needs: "bash, and another checkout with its packages installed",
})
  .option("--against <dir>", "the other checkout (needed)", path)
  .option(
    "--pairs <number>",
    "runs in each checkout; the median of the ratios counts",
    integer(1),
    7,
  )
  .option("--only <text>", "only the runs that have this in their name");

/** A task that is run in both checkouts. */
interface Step {
  readonly name: string;
  readonly args: (place: Place) => readonly string[];
  /** It runs until stderr matches this. */
  readonly until?: RegExp;
}

/** Folders of one run. */
interface Place {
  /** Empty. */
  readonly out: string;
  /** Holds a small index that the same checkout has made. */
  readonly index: string;
}

/** What is given to the tools of both checkouts. */
interface Given {
  /** Addresses of the bundled catalogue and of one with many records. */
  readonly bundled: string;
  readonly many: string;
  /** Folders with the bundled records, with one record and its vector, and with many. */
  readonly records: string;
  readonly one: string;
  readonly all: string;
}

export async function* figures(): AsyncGenerator<Figure> {
  const { pairs, only = "", ...options } = command.opts();
  const other = needed(options.against, "--against", "bench pairs");
  const against = await commitOf(other);
  await using bundled = demoApi();
  await using many = await startCatalogue(RECORDS_STORED);
  await using dir = await tempDir();
  const given: Given = {
    bundled: bundled.url,
    many: many.url,
    records: join(dir.path, "records"),
    one: join(dir.path, "one"),
    all: join(dir.path, "all"),
  };
  await prepare(given);
  const here = await checkout(PROGRAM_DIR, join(dir.path, "here"), given.one);
  const there = await checkout(other, join(dir.path, "there"), given.one);
  const steps = stepsOf(given).filter(({ name }) => name.includes(only));
  if (steps.length === 0) throw new UsageError(`No run has "${only}" in its name`);
  for (const step of steps) {
    try {
      for (const run of [there, here]) await run(step); // once unmeasured: it reads files anew
    } catch (error) {
      logLine(`bench pairs: left out "${step.name}": ${errorMessage(error)}`);
      Deno.exitCode = EXIT.itemsFailed;
      continue;
    }
    const costs = await inTurns(pairs, { there: () => there(step), here: () => here(step) });
    for (const [key, what] of [["seconds", "time"], ["cpu", "CPU time"]] as const) {
      const [before, now] = [costs.there, costs.here].map((runs) => runs.map((cost) => cost[key]));
      yield {
        work: `${step.name}, ${what}, median of ${pairs}`,
        figure: median(now!),
        unit: "s",
        against,
        ratios: ratiosOf(before!, now!),
      };
    }
  }
}

/** The start of each tool, a small run of each, and longer runs. */
function stepsOf({ bundled, many, records, one, all }: Given): Step[] {
  const download = (url: string) => ({ out }: Place) =>
    ["download", "--scroll", "--size", String(PAGE_SIZE), "--delay", "0"]
      .concat("-o", out, "--base-url", url);
  const vectorize = (glob: string) => ({ out }: Place) =>
    ["vectorize", "--records-dir", records, "--records-glob", glob, "--vectors-dir", out]
      .concat("--model", "demo", "--jobs", "-1")
      .concat("--download-images", "--delay", "0", "--base-url", bundled);
  const ingest = (dir: string) => ({ out }: Place) => ingestArgs(dir, out);
  const vector = join(one, "vectors", "everywhere", `${idOf(0)}.npy`);
  const search = ({ index }: Place) => ["search", "--index-dir", index, "--vector", vector];
  return [
    ...TOOLS.map((tool) => ({ name: `${tool} --help`, args: () => [tool, "--help"] })),
    { name: "model list", args: () => ["model", "list"] },
    { name: `download ${RECORDS.length} records`, args: download(bundled) },
    { name: "vectorize 1 picture", args: vectorize(`${RECORDS[0].id}.json`) },
    { name: "ingest 1 document", args: ingest(one) },
    { name: "search 1 document", args: search },
    {
      name: "serve until it answers",
      args: ({ index }) => ["serve", "--index-dir", index, "--port", "0", "--no-uploads"],
      until: /^Maken answers at/m,
    },
    { name: `vectorize ${RECORDS.length - 1} pictures`, args: vectorize("*") },
    { name: `ingest ${DOCUMENTS} documents`, args: ingest(all) },
    { name: `download ${RECORDS_STORED} records`, args: download(many) },
  ];
}

function ingestArgs(dir: string, index: string): string[] {
  const vectors = join(dir, "vectors");
  return ["ingest", "--records-dir", join(dir, "records"), "--vectors-dir", vectors]
    .concat("--index-dir", index);
}

/** Writes the records and vectors. */
async function prepare({ bundled, records, one, all }: Given): Promise<void> {
  await measureTask(["download", "--delay", "0", "-o", records, "--base-url", bundled]);
  await writeRecords(one, 1, repeated(randomVectors(1)));
  await writeRecords(all, DOCUMENTS, repeated(randomVectors(1000)));
}

/** Makes a small index with a checkout; gives the function that runs a step there. */
async function checkout(
  cwd: string,
  dir: string,
  one: string,
): Promise<(step: Step) => Promise<Cost>> {
  const index = join(dir, "index");
  await measureTask(ingestArgs(one, index), { cwd });
  return async ({ args, until }) => {
    const out = await Deno.makeTempDir({ dir });
    await new Deno.Command("sync").output(); // what the run before has left to write
    const options = until === undefined ? { cwd } : { cwd, until };
    const cost = await measureTask(args({ out, index }), options);
    await Deno.remove(out, { recursive: true });
    return cost;
  };
}
