/**
 * What the launcher adds to a run: `deno task download` of a host that refuses, through the launcher,
 * against the same arguments given to the tool itself.
 *
 * Run: deno run --allow-run --allow-read bench/launch_bench.ts
 */
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname!, "..");
const RUNS = 15;

async function milliseconds(args: string[]): Promise<number> {
  const start = performance.now();
  await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null", cwd: root })
    .output();
  return performance.now() - start;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const tool = ["run", "--quiet", "--no-prompt", "--allow-env=BASE_URL"];
const out = Deno.makeTempDirSync();
const args = ["-o", out, "--base-url", "http://127.0.0.1:1", "--retries", "0"];
const flags = [`--allow-read=${out}`, `--allow-write=${out}`, "--allow-net=127.0.0.1:1"];
const bare: number[] = [];
const launched: number[] = [];
for (let i = 0; i < RUNS; i++) {
  bare.push(await milliseconds([...tool, ...flags, join(root, "tasks/download.ts"), ...args]));
  launched.push(await milliseconds(["task", "--quiet", "download", ...args]));
}
// deno-lint-ignore no-console -- its result
console.log(
  `bare ${median(bare).toFixed(0)} ms, launched ${median(launched).toFixed(0)} ms, ` +
    `the launcher adds ${(median(launched) - median(bare)).toFixed(0)} ms ` +
    `(medians of ${RUNS} runs each, in turn)`,
);
