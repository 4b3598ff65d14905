/** The stand-in of the catalogue with the bundled records and pictures. */
import { join } from "node:path";
import { type StandIn, type StandInOptions, startStandIn } from "../../demo/stand_in.ts";
import { ROOT } from "./run_task.ts";

const read = (name: string) => JSON.parse(Deno.readTextFileSync(join(ROOT, "demo", name)));

/** The bundled records. */
export const RECORDS = read("catalogue.json");

/** Starts the stand-in; what is given takes the place of the bundled data. */
export function demoApi(options: Partial<StandInOptions> = {}): StandIn {
  return startStandIn({
    records: RECORDS,
    pictures: read("pictures.json"),
    picturesDir: join(ROOT, "demo/pictures"),
    ...options,
  });
}
