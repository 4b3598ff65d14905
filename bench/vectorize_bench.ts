/** `deno task bench vectorize`: how fast pictures become vectors, and in how much memory. */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { join } from "node:path";
import sharp from "sharp";
import { integer, path } from "../lib/shared/args.ts";
import { PROGRAM_DIR } from "../lib/shared/program.ts";
import { tempDir } from "../tests/helpers/temp_dir.ts";
import { benchCommand } from "./bench.ts";
import { type Cost, inTurns, measure, measureTask, median, ratiosOf } from "./measure.ts";
import type { Figure } from "./results.ts";

const PHOTOS = join(PROGRAM_DIR, "tests/fixtures/photos");

/** Jobs and batch of a run. */
interface Way {
  readonly jobs: number;
  readonly batch: number;
}

const WAYS = ["2/8", "2/1", "2/32", "1/8", "1/1", "1/32"];

function wayOf(text: string, before: readonly Way[] = []): Way[] {
  const [, jobs, batch] = /^([1-9]\d*)\/([1-9]\d*)$/.exec(text) ?? [];
  if (jobs === undefined) throw new InvalidArgumentError("It must be as 2/8.");
  return [...before, { jobs: Number(jobs), batch: Number(batch) }];
}

export const command = benchCommand("vectorize", {
  summary: "Vectors a second of pictures on disk, against the bare engine and a Keras script",
  measures:
    "Runs `deno task vectorize` on JPEGs of 600 x 600; the bare engine on tensors that lie " +
    "ready, one session of one thread a job; and, with more than one job, a script that does what " +
    "the Python tools did; all in turn. The rates are those past the first batches. Memory is " +
    "that of all processes together.",
  needs: "bash; for the script Keras' InceptionV3 weights (random ones will do: see " +
    "tests/fixtures/keras/make_keras_weights.py) and Python with tensorflow and Pillow before 13",
})
  .argument("[ways...]", `jobs/batch (default: ${WAYS.join(" ")})`, wayOf)
  .option("--weights <file>", "Keras' weights, HDF5 with top; without them the demo model", path)
  .option("--python <command>", "Python that runs the script; without it the script is left out")
  .option("--pictures <number>", "pictures of a run", integer(2), 200)
  .option("--rounds <number>", "runs of each side; the medians count", integer(1), 3);

/** What one run of a side took. */
interface Pace extends Cost {
  /** Pictures a second past the first batches. */
  readonly rate: number;
  /** Seconds to the first vector. */
  readonly firstSeconds: number;
}

export async function* figures(): AsyncGenerator<Figure> {
  const [ways = WAYS.flatMap((text) => wayOf(text))] = command.processedArgs;
  const { weights, pictures } = command.opts();
  await using dir = await tempDir();
  await writePictures(dir.path, pictures);
  let model = "demo";
  if (weights !== undefined) {
    model = join(dir.path, "model.onnx");
    await measureTask(["model", "convert", weights, model]);
  }
  for (const way of ways) yield* compare(dir.path, model, way);
}

async function* compare(dir: string, model: string, way: Way): AsyncGenerator<Figure> {
  const { weights, python, pictures, rounds } = command.opts();
  // The script has no jobs: TensorFlow takes all cores.
  const hasScript = weights !== undefined && python !== undefined && way.jobs > 1;
  const costs = await inTurns(rounds, {
    maken: () => vectorize(dir, model, way),
    bare: () => bareRate(model, way, pictures),
    keras: async () => hasScript ? await keras(dir, python, weights, way.batch) : undefined,
  });
  const work =
    `vectorize ${pictures} pictures, ${way.jobs} jobs, batch ${way.batch}, ${rounds} rounds`;
  const scripts = costs.keras.filter((pace) => pace !== undefined);
  yield* rates(work, costs.maken, "the bare engine", costs.bare);
  if (hasScript) yield* rates(work, costs.maken, "Keras", scripts.map(({ rate }) => rate));
  const withStart = costs.maken.map(({ seconds }) => pictures / seconds);
  yield { work: `${work}, with start-up`, figure: median(withStart), unit: "pictures/s" };
  const first = median(costs.maken.map(({ firstSeconds }) => firstSeconds));
  yield { work: `${work}, first vector`, figure: first, unit: "s" };
  const [memory, scriptMemory] = [costs.maken, scripts].map((paces) =>
    paces.map(({ megabytes }) => megabytes)
  ) as [number[], number[]];
  const ratio = hasScript && { against: "Keras", ratios: ratiosOf(memory, scriptMemory) };
  yield { work: `${work}, memory`, figure: median(memory), unit: "MB", ...ratio };
  if (!hasScript) return;
  yield { work: `${work}, memory of Keras`, figure: median(scriptMemory), unit: "MB" };
}

function* rates(
  work: string,
  paces: readonly Pace[],
  against: string,
  others: readonly number[],
): Generator<Figure> {
  const rates = paces.map(({ rate }) => rate);
  const unit = "pictures/s";
  yield { work, figure: median(rates), unit, against, ratios: ratiosOf(rates, others) };
  yield { work: `${work}, by ${against}`, figure: median(others), unit };
}

async function vectorize(dir: string, model: string, { jobs, batch }: Way): Promise<Pace> {
  const args = ["vectorize", join(dir, "records"), "*", join(dir, "vectors")]
    .concat("--model", model, "--jobs", String(jobs), "--batch", String(batch));
  return await paceOf(dir, batch, () => measureTask(args, { memory: "together" }));
}

async function keras(dir: string, python: string, weights: string, batch: number): Promise<Pace> {
  const script = join(import.meta.dirname!, "keras_baseline.py");
  const args = [script, join(dir, "records"), join(dir, "vectors"), weights, String(batch)];
  return await paceOf(dir, batch, () => measure(python, args, { memory: "together" }));
}

/** Pictures a second of the bare engine. */
async function bareRate(model: string, { jobs, batch }: Way, pictures: number): Promise<number> {
  const args = ["run", "--quiet", "--allow-all", join(import.meta.dirname!, "bare_engine.ts")]
    .concat(model, String(jobs), String(batch), String(pictures));
  return Number((await measure(Deno.execPath(), args)).stdout);
}

/** Runs a side, and sees from its files how it went on. */
async function paceOf(dir: string, batch: number, run: () => Promise<Cost>): Promise<Pace> {
  for (const path of await vectorsIn(dir)) await Deno.remove(path);
  const started = Date.now();
  const cost = await run();
  const stats = await Promise.all((await vectorsIn(dir)).map((path) => Deno.stat(path)));
  const times = stats.map(({ mtime }) => mtime!.getTime()).toSorted((a, b) => a - b);
  const { pictures } = command.opts();
  if (times.length !== pictures) throw new Error(`${times.length} vectors of ${pictures}`);
  // The first batches of all jobs end at about the same time: they start the clock.
  const from = Math.min(2 * batch, times.length >> 1);
  const seconds = (times.at(-1)! - times[from - 1]!) / 1000;
  return {
    ...cost,
    rate: (times.length - from) / seconds,
    firstSeconds: (times[0]! - started) / 1000,
  };
}

async function vectorsIn(dir: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(join(dir, "vectors")), ({ name }) => name);
  return names.filter((name) => name.endsWith(".npy")).map((name) => join(dir, "vectors", name));
}

/** Records and JPEGs of 600 x 600, each a piece of another photo, with detail all over. */
async function writePictures(dir: string, n: number): Promise<void> {
  await Deno.mkdir(join(dir, "records"));
  await Deno.mkdir(join(dir, "vectors"));
  const names = ["skl_china.jpg", "skl_flower.jpg", "ski_coffee.png", "ski_chelsea.png"];
  for (let i = 0; i < n; i++) {
    const id = String(i).padStart(6, "0");
    const side = 200 + (i * 37) % 50;
    const picture = await sharp(join(PHOTOS, names[i % names.length]!))
      .extract({ left: (i * 13) % 50, top: (i * 7) % 50, width: side, height: side })
      .resize(600, 600).sharpen({ sigma: 2 }).jpeg({ quality: 85 }).toBuffer();
    await Deno.writeFile(join(dir, "vectors", `${id}.jpg`), picture);
    await Deno.writeTextFile(join(dir, "records", `${id}.json`), JSON.stringify({ id }));
  }
}
