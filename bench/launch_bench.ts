/** `deno task bench launch`: what the launcher adds to the start of a tool. */
import { join } from "node:path";
import { integer } from "../lib/shared/args.ts";
import { EXIT } from "../lib/shared/cli.ts";
import { PROGRAM_DIR } from "../lib/shared/program.ts";
import { tempDir } from "../tests/helpers/temp_dir.ts";
import { benchCommand } from "./bench.ts";
import { inTurns, measure, measureTask, median } from "./measure.ts";
import type { Figure } from "./results.ts";

export const command = benchCommand("launch", {
  summary: "What the launcher adds to the start of a tool",
  measures: "Runs download on a host that refuses, through the launcher and as the tool itself " +
    "with the same arguments and permissions, in turn.",
  needs: "bash",
})
  .option("--rounds <number>", "runs of each side; the medians count", integer(1), 15);

export async function* figures(): AsyncGenerator<Figure> {
  const { rounds } = command.opts();
  await using out = await tempDir();
  const args = ["-o", out.path, "--base-url", "http://127.0.0.1:1", "--retries", "0"];
  const flags = [
    "--quiet",
    "--node-modules-dir=manual",
    "--no-prompt",
    "--allow-env=BASE_URL",
    "--allow-net=127.0.0.1:1",
  ]
    .concat(`--allow-read=${out.path}`, `--allow-write=${out.path}`);
  const script = join(PROGRAM_DIR, "tasks/tool.ts");
  const refused = { code: EXIT.usage };
  const costs = await inTurns(rounds, {
    bare: () => measure(Deno.execPath(), ["run", ...flags, script, "download", ...args], refused),
    launched: () => measureTask(["download", ...args], refused),
  });
  const [bare, launched] = [costs.bare, costs.launched].map((runs) =>
    1000 * median(runs.map(({ seconds }) => seconds))
  ) as [number, number];
  const work = `launch, ${rounds} runs`;
  yield { work: `${work}, added by the launcher`, figure: launched - bare, unit: "ms" };
  yield { work: `${work}, the tool itself`, figure: bare, unit: "ms" };
}
