/** What a pipeline run would take: `--plan` says it, without doing it. */
import { join } from "node:path";
import { type CatalogClient, pageUrl } from "../catalog/client.ts";
import { catalogClient } from "../catalog/download.ts";
import type { DownloadOptions } from "../catalog/options.ts";
import { type Model, openModel } from "../inference/models/model.ts";
import { modelFolders } from "../inference/native.ts";
import { WorkerPool } from "../inference/workers/worker_pool.ts";
import { vectorMemory } from "../index/server/memory.ts";
import { namesIn } from "../shared/files.ts";
import { count, durationText } from "../shared/progress.ts";
import type { Report, Run } from "../shared/run.ts";
import { tableText } from "../shared/table.ts";
import type { PipelineOptions } from "./options.ts";
import { SAMPLES_DIR } from "./samples.ts";
import { optionsOf } from "./open_window.ts";
import type { Window } from "./windows.ts";

/** Pictures by which the machine's pace is measured. */
const SAMPLES = 16;

/** What a record takes on disk, and its picture of 600 × 600 pixels, in bytes: rough means. */
const RECORD_BYTES = 10_000, PICTURE_BYTES = 80_000;
/** Links of a point in the graph of the mappings that come with Maken, which keep one replica. */
const LINKS = 16;
/** What an embedded index has in memory of a vector besides one bit for each of its numbers, in bytes. */
const EMBEDDED_BYTES = 85;

/** Says what the run would take. */
export async function planPipeline(
  windows: readonly Window[],
  options: PipelineOptions,
  run: Run,
): Promise<Report> {
  const { download, vectorize, place } = options;
  const model = await openModel(vectorize.model, modelFolders(vectorize.modelsDir));
  const records = await recordsOf(windows, options, catalogClient(download, run));
  const requests = windows.length + Math.ceil(records / download.size);
  const dims = model.output.size;
  const perSecond = await pace(model, options, run);
  const plan = {
    windows: windows.length,
    records,
    requests,
    requestSeconds: requests * download.delaySeconds,
    pictureSeconds: records * vectorize.delaySeconds,
    vectorSeconds: Math.round(records / perSecond),
    diskBytes: records * (RECORD_BYTES + PICTURE_BYTES + 8 * dims),
    indexBytes: place.kind === "server"
      ? Math.round(vectorMemory({ documents: records, dims, links: LINKS, replicas: 1 }))
      : Math.round(records * (dims / 8 + EMBEDDED_BYTES)),
  };
  const row = (what: string, value: string) => [what, value];
  const text = tableText([{ head: "" }, { head: "", align: "right" }], [
    row("windows", count(plan.windows)),
    row("records", count(records)),
    row(
      "requests to the catalogue",
      `${count(requests)}, ${durationText(plan.requestSeconds)} at --delay`,
    ),
    row(
      "pictures to fetch, at most",
      `${count(records)}, ${durationText(plan.pictureSeconds)} at --delay`,
    ),
    row(
      "vectors on this machine",
      `${durationText(plan.vectorSeconds)} at ${perSecond.toFixed(1)}/s`,
    ),
    row("disk", bytesText(plan.diskBytes)),
    row("memory of the index", bytesText(plan.indexBytes)),
  ]);
  run.stats.total = records;
  return { json: { plan }, text, summary: "nothing was done (--plan)" };
}

/** How many records the windows have, as the service tells. */
async function recordsOf(
  windows: readonly Window[],
  options: PipelineOptions,
  client: CatalogClient,
): Promise<number> {
  const [first, last] = [windows[0], windows.at(-1)];
  if (first === undefined || last === undefined) return 0;
  const days = first.days && last.days && { from: first.days.from, to: last.days.to };
  const query: DownloadOptions = optionsOf({ name: "", days }, options).download;
  const { totalElements } = await client.page(pageUrl({ ...query, scroll: false }, 0));
  return Math.min(query.max, totalElements);
}

/** Pictures a second that become vectors here. */
async function pace(
  model: Model,
  { vectorize: { engine, jobs: size } }: PipelineOptions,
  { signal }: Run,
): Promise<number> {
  using pool = await WorkerPool.start({ engine, model, size, signal });
  const names = namesIn(SAMPLES_DIR).filter((name) => name.endsWith(".jpg")).sort();
  const files = await Promise.all(
    names.slice(0, SAMPLES).map((name) => Deno.readFile(join(SAMPLES_DIR, name))),
  );
  await pool.embed(files[0]!); // the first one takes longer
  const begin = performance.now();
  await Promise.all(files.map((file) => pool.embed(file)));
  return 1000 * files.length / (performance.now() - begin);
}

function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(value < 10 && power > 0 ? 1 : 0)} ${units[power]}`;
}
