/** `deno task bench pipeline`: what the stream takes, against vectorize alone. */
import { join } from "node:path";
import { integer } from "../lib/shared/args.ts";
import { startStandIn } from "../demo/stand_in.ts";
import { PROGRAM_DIR } from "../lib/shared/program.ts";
import { tempDir } from "../tests/helpers/temp_dir.ts";
import { benchCommand } from "./bench.ts";
import { inTurns, measureTask, median, ratiosOf } from "./measure.ts";
import type { Figure } from "./results.ts";

export const command = benchCommand("pipeline", {
  summary: "The pipeline against vectorize alone, which is the slowest of its stages",
  measures:
    "Runs `deno task pipeline` into a new folder, and `deno task vectorize` on the same records, " +
    "which are on disk already; both fetch the same pictures from a stand-in on loopback. The " +
    "ratios are those of the runs of one round.",
  needs: "bash",
})
  .option("--model <name>", "model or ONNX file", "demo")
  .option("--jobs <number>", "workers", integer(1), 2)
  .option("--pictures <number>", "pictures of a run", integer(1), 1000)
  .option("--rounds <number>", "runs of each side; the medians count", integer(1), 3);

/** Records with a picture each; the bundled pictures, in turn. */
function catalogue(count: number) {
  const read = (name: string) => JSON.parse(Deno.readTextFileSync(join(PROGRAM_DIR, "demo", name)));
  const pictures: Record<string, string> = read("pictures.json");
  const files = Object.values(pictures);
  const [like] = read("catalogue.json");
  const urns = Array.from({ length: count }, (_, i) => `URN:NBN:no-nb_digifoto_${i}`);
  const records = urns.map((urn, i) => ({
    ...like,
    id: `id${i}`,
    accessInfo: { accessAllowedFrom: "EVERYWHERE" },
    metadata: { ...like.metadata, identifiers: { ...like.metadata.identifiers, urn } },
    _links: {
      thumbnail_custom: {
        href: `/services/image/resolver/${urn}/full/{width},{height}/0/native.jpg`,
      },
    },
  }));
  const byUrn = Object.fromEntries(urns.map((urn, i) => [urn, files[i % files.length]!]));
  return { records, pictures: byUrn, picturesDir: join(PROGRAM_DIR, "demo/pictures") };
}

export async function* figures(): AsyncGenerator<Figure> {
  const { model, jobs, pictures, rounds } = command.opts();
  await using dir = await tempDir();
  await using standIn = startStandIn(catalogue(pictures));
  const polite = ["--delay", "0", "--base-url", standIn.url];
  const making = ["--model", model, "--jobs", String(jobs)];
  const records = join(dir.path, "records");
  await measureTask(["download", "-o", records, "--size", "100", ...polite]);
  let run = 0;
  const next = () => join(dir.path, String(run++));
  const costs = await inTurns(rounds, {
    pipeline: () =>
      measureTask(["pipeline", "--data", next(), "--size", "100", ...polite, ...making]),
    vectorize: () =>
      measureTask(
        ["vectorize", "--records-dir", records, "--vectors-dir", next(), "--download-images"]
          .concat(polite, making),
      ),
  });
  const work = `pipeline ${pictures} pictures, ${jobs} jobs, ${rounds} rounds`;
  for (const what of ["cpu", "seconds"] as const) {
    const ratios = ratiosOf(
      costs.pipeline.map((cost) => cost[what]),
      costs.vectorize.map((cost) => cost[what]),
    );
    const name = what === "cpu" ? "CPU" : "time";
    yield { work: `${work}, ${name} against vectorize alone`, figure: median(ratios), unit: "x" };
  }
  const rate = median(costs.pipeline.map(({ seconds }) => pictures / seconds));
  yield { work: `${work}, with start-up`, figure: rate, unit: "pictures/s" };
}
