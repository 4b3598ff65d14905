/**
 * How fast `deno task vectorize` makes vectors of 600 × 600 JPEGs on disk, and with how much memory,
 * against (a) the bare engine on ready tensors, one session of one thread for each job, and (b) a
 * Keras script that does what the Python tools did, all in turn in the same run.
 *
 * Run: deno run --allow-all bench/vectorize_bench.ts WEIGHTS.h5 [PYTHON] [PICTURES] [ROUNDS] [JOBS/BATCH …]
 *
 * WEIGHTS.h5 are Keras' InceptionV3 weights, with top (random ones will do: see
 * tests/fixtures/keras/make_keras_weights.py). PYTHON has tensorflow and Pillow; without it (b) is
 * left out ("" in its place). Default: 200 pictures, 3 rounds, of which the median counts; jobs 1 and
 * 2 with batches of 1, 8 and 32.
 */
import { join, resolve } from "node:path";
import sharp from "sharp";

const ROOT = resolve(import.meta.dirname!, "..");
const PHOTOS = join(ROOT, "tests/fixtures/photos");

interface Measure {
  /** Pictures a second, the start-up included. */
  readonly rate: number;
  /** Pictures a second once it runs. */
  readonly steady: number;
  readonly megabytes: number;
}

/** Records and JPEGs of 600 × 600, each a piece of another photo, with detail all over. */
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

/** Runs a command; gives what it printed, its seconds and the peak of all its processes' memory. */
async function run(command: string, args: string[]) {
  const start = performance.now();
  const child = new Deno.Command(command, {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let peak = 0;
  const watch = setInterval(() => peak = Math.max(peak, memoryOfTree(child.pid)), 50);
  const { code, stdout, stderr } = await child.output();
  clearInterval(watch);
  const text = new TextDecoder().decode(stdout);
  if (code !== 0) throw new Error(`${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return { text, seconds: (performance.now() - start) / 1000, megabytes: peak / 1e6 };
}

/** Bytes of memory of the process and those below it; pages that several of them have count once. */
function memoryOfTree(pid: number): number {
  try {
    const rollup = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
    const own = 1024 * Number(/^Pss:\s+(\d+)/m.exec(rollup)![1]);
    const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
    const below = children === "" ? [] : children.split(" ").map(Number);
    return below.reduce((sum, child) => sum + memoryOfTree(child), own);
  } catch {
    return 0; // it has ended
  }
}

async function vectorsOf(dir: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(join(dir, "vectors")), ({ name }) => name);
  return names.filter((name) => name.endsWith(".npy")).map((name) => join(dir, "vectors", name));
}

/** Pictures a second between the first and the last file that was written, and seconds to the first. */
async function pace(dir: string, started: number, batch: number) {
  const times = await Promise.all(
    (await vectorsOf(dir)).map(async (path) => (await Deno.stat(path)).mtime!.getTime()),
  );
  times.sort((a, b) => a - b);
  // The first batches of all jobs end at about the same time: they start the clock.
  const from = Math.min(2 * batch, times.length >> 1);
  const seconds = (times.at(-1)! - times[from - 1]!) / 1000;
  return { steady: (times.length - from) / seconds, first: (times[0]! - started) / 1000 };
}

async function tool(dir: string, model: string, jobs: number, batch: number) {
  for (const path of await vectorsOf(dir)) await Deno.remove(path);
  const started = Date.now();
  const { text, seconds, megabytes } = await run(
    Deno.execPath(),
    ["task", "--quiet", "vectorize", join(dir, "records"), "*", join(dir, "vectors"), "--json"]
      .concat("--model", model, "--jobs", String(jobs), "--batch", String(batch)),
  );
  const { stored } = JSON.parse(text);
  return { rate: stored / seconds, megabytes, ...await pace(dir, started, batch) };
}

async function keras(dir: string, python: string, weights: string, batch: number, n: number) {
  for (const path of await vectorsOf(dir)) await Deno.remove(path);
  const started = Date.now();
  const script = join(ROOT, "bench/keras_baseline.py");
  const args = [script, join(dir, "records"), join(dir, "vectors"), weights, String(batch)];
  const { seconds, megabytes } = await run(python, args);
  return { rate: n / seconds, megabytes, ...await pace(dir, started, batch) };
}

/** One session of one thread in each of `jobs` workers, on tensors that lie ready: pictures a second. */
async function bare(model: string, jobs: number, batch: number, n: number): Promise<number> {
  const args = ["run", "--quiet", "--allow-all", import.meta.filename!, "bare", model];
  return Number((await run(Deno.execPath(), [...args, `${jobs}`, `${batch}`, `${n}`])).text);
}

/** The bare engine in this process; prints pictures a second. */
async function runBare(path: string, jobs: number, batch: number, n: number): Promise<void> {
  const workers = Array.from(
    { length: jobs },
    () => new Worker(new URL("./bare_engine.ts", import.meta.url), { type: "module" }),
  );
  const ask = (worker: Worker, message: unknown) =>
    new Promise((resolve) => {
      worker.onmessage = resolve;
      worker.postMessage(message);
    });
  await Promise.all(workers.map((worker) => ask(worker, { path, batch })));
  let left = Math.ceil(n / batch);
  const start = performance.now();
  await Promise.all(workers.map(async (worker) => {
    while (left-- > 0) await ask(worker, "run");
  }));
  const seconds = (performance.now() - start) / 1000;
  print(String(Math.ceil(n / batch) * batch / seconds));
  Deno.exit(0);
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

function print(text: string): void {
  // deno-lint-ignore no-console -- its result
  console.log(text);
}

async function compare(
  weights: string,
  python: string | undefined,
  n: number,
  rounds: number,
  ways: [jobs: number, batch: number][],
) {
  const dir = await Deno.makeTempDir({ prefix: "maken_" });
  try {
    await writePictures(dir, n);
    const model = join(dir, "model.onnx");
    await run(Deno.execPath(), ["task", "--quiet", "model", "convert", weights, model]);
    for (const [jobs, batch] of ways) {
      const tools: Measure[] = [], bares: number[] = [], scripts: Measure[] = [], firsts = [];
      for (let round = 0; round < rounds; round++) {
        const made = await tool(dir, model, jobs, batch);
        tools.push(made);
        firsts.push(made.first);
        bares.push(await bare(model, jobs, batch, n));
        // The script has no jobs: TensorFlow takes all cores.
        if (python !== undefined && jobs > 1) {
          scripts.push(await keras(dir, python, weights, batch, n));
        }
      }
      const ratios = tools.map(({ steady }, i) => steady / bares[i]!);
      const of = (list: Measure[], key: keyof Measure) => median(list.map((m) => m[key]));
      let text = `jobs ${jobs} batch ${batch}: vectorize ${of(tools, "steady").toFixed(1)}/s ` +
        `(${of(tools, "rate").toFixed(1)} with start-up, first vector after ` +
        `${median(firsts).toFixed(1)} s) ${of(tools, "megabytes").toFixed(0)} MB; ` +
        `bare engine ${median(bares).toFixed(1)}/s, ratio ${median(ratios).toFixed(2)}`;
      if (scripts.length > 0) {
        const faster = median(tools.map(({ steady }, i) => steady / scripts[i]!.steady));
        const memory = of(tools, "megabytes") / of(scripts, "megabytes");
        text += `; Keras ${of(scripts, "steady").toFixed(1)}/s ` +
          `${of(scripts, "megabytes").toFixed(0)} MB, ratio ${faster.toFixed(2)}, ` +
          `memory ${memory.toFixed(2)}`;
      }
      print(text);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const [first = "", second, n = "200", rounds = "3", ...given] = Deno.args;
const texts = given.length > 0 ? given : ["2/8", "2/1", "2/32", "1/8", "1/1", "1/32"];
const ways = texts.map((way) => way.split("/").map(Number) as [number, number]);
if (first === "bare") {
  const [jobs, batch, n] = Deno.args.slice(2).map(Number) as [number, number, number];
  await runBare(second!, jobs, batch, n);
} else await compare(resolve(first), second || undefined, Number(n), Number(rounds), ways);
