/** `deno task bench download`: how fast records are stored, and in how much memory. */
import { join } from "node:path";
import { integer } from "../lib/shared/args.ts";
import { tempDir } from "../tests/helpers/temp_dir.ts";
import { benchCommand, wholeNumbers } from "./bench.ts";
import { PAGE_SIZE, startCatalogue } from "./catalogue.ts";
import { inTurns, measure, measureTask, median, ratiosOf } from "./measure.ts";
import type { Figure } from "./results.ts";

export const command = benchCommand("download", {
  summary: "Records stored a second, against a bare loop that writes the same files",
  measures: "Runs `deno task download` on a process that stands in for the catalogue, and a loop " +
    "that writes each record to a temporary file and renames it; both start anew. Memory is that " +
    "of the largest process.",
  needs: "bash",
})
  .argument("[records...]", "numbers of records (default: 10000 100000)", wholeNumbers)
  .option("--rounds <number>", "runs of each side, in turn; the medians count", integer(1), 1);

export async function* figures(): AsyncGenerator<Figure> {
  const [sizes = [10_000, 100_000]] = command.processedArgs;
  for (const records of sizes) yield* compare(records, command.opts().rounds);
}

async function* compare(records: number, rounds: number): AsyncGenerator<Figure> {
  await using catalogue = await startCatalogue(records);
  await using dir = await tempDir();
  const costs = await inTurns(rounds, {
    tool: async () => {
      const out = await Deno.makeTempDir({ dir: dir.path });
      const args = ["download", "--scroll", "--size", String(PAGE_SIZE), "--delay", "0"];
      return await measureTask([...args, "-o", out, "--base-url", catalogue.url], {
        memory: "largest",
      });
    },
    bare: async () => {
      const out = await Deno.makeTempDir({ dir: dir.path });
      const script = join(import.meta.dirname!, "bare_writer.ts");
      const args = ["run", "--quiet", `--allow-read=${out}`, `--allow-write=${out}`, script];
      return await measure(Deno.execPath(), [...args, String(records), out]);
    },
  });
  const [rates, bareRates] = [costs.tool, costs.bare].map((runs) =>
    runs.map(({ seconds }) => records / seconds)
  ) as [number[], number[]];
  const work = `download ${records} records`;
  yield {
    work,
    figure: median(rates),
    unit: "records/s",
    against: "a bare loop",
    ratios: ratiosOf(rates, bareRates),
  };
  yield { work: `${work}, bare loop`, figure: median(bareRates), unit: "records/s" };
  const megabytes = median(costs.tool.map((cost) => cost.megabytes));
  yield { work: `${work}, memory`, figure: megabytes, unit: "MB" };
}
