/** A pipeline against the stand-in of the catalogue, whose records are of several weeks. */
import { join } from "node:path";
import type { StandIn } from "../../demo/stand_in.ts";
import { demoApi, RECORDS } from "./demo_api.ts";
import { importEncoder } from "./encoder.ts";
import { jsonOf, runTask, spawnTask } from "./run_task.ts";

type Options = Parameters<typeof demoApi>[0];

/** The bundled records that have a picture. */
const WITH_PICTURE: Record<string, { [key: string]: unknown }>[] = RECORDS.filter((
  record: { _links?: { thumbnail_custom?: unknown } },
) => record._links?.thumbnail_custom !== undefined);

/** So many records with pictures, evenly over weeks from Monday, January 1st 2024, on. */
export function recordsOfWeeks(count: number, weeks: number) {
  return Array.from({ length: count }, (_, i) => {
    const { id: _id, metadata, ...rest } = WITH_PICTURE[i % WITH_PICTURE.length]!;
    const time = Date.UTC(2024, 0, 1 + Math.floor(i * weeks * 7 / count));
    const day = new Date(time).toISOString().slice(0, 10);
    const originInfo = { firstDigitalContentTime: day };
    return {
      id: `id${String(i).padStart(5, "0")}`,
      ...rest,
      accessInfo: { accessAllowedFrom: "EVERYWHERE" }, // one request for each picture
      metadata: { ...metadata, originInfo },
    };
  });
}

/** A data folder, the stand-in, and how the pipeline is run. */
export async function pipelineIn(dir: string, options: Options) {
  const api: StandIn = demoApi(options);
  const model = await importEncoder(dir);
  const data = join(dir, "data");
  const argv = (more: readonly string[]) => [
    ...["pipeline", "--base-url", api.url, "--delay", "0", "--data", data, "--model", model],
    ...["--json", ...more],
  ];
  return {
    api,
    data,
    argv,
    spawn: (...more: string[]) => spawnTask(argv(more)),
    async run(...more: string[]) {
      const result = await runTask(argv(more));
      return { ...result, json: () => jsonOf(result) };
    },
    /** Files of pictures that were asked for, each as often as it was. */
    pictures: () => api.requests.filter((path) => path.startsWith("/services/")),
    /** Windows of days whose pages were asked for. */
    windows: () =>
      api.requests.flatMap((path) =>
        /firstDigitalContentTime:\[(\d+) TO (\d+)\]/.exec(
          decodeURIComponent(path.replaceAll("+", " ")),
        )?.slice(1, 3).join("-") ?? []
      ),
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}
