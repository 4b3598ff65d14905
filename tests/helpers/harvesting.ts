/** Harvests of a stand-in of the catalogue, without anything being stored. */
import { CatalogClient } from "../../lib/catalog/client.ts";
import { harvest as steps } from "../../lib/catalog/harvest/harvest.ts";
import type { HarvestPosition, Step } from "../../lib/catalog/harvest/step.ts";
import { parseDownloadOptions } from "../../lib/catalog/options.ts";
import type { StandIn } from "../../demo/stand_in.ts";

/** What a harvest gave. */
export interface Harvest {
  readonly all: readonly Step[];
  /** Ids of the records that count, and of all that were given. */
  readonly ids: readonly string[];
  readonly allIds: readonly string[];
  /** Number, records and code of each page that was lost. */
  readonly lost: readonly (readonly [number: number, records: number, code: string])[];
  /** What is said to be missing: how many and why. */
  readonly doubts: readonly (readonly [records: number, why: string])[];
  readonly notices: readonly string[];
  readonly retried: number;
}

/** All steps that a stand-in gives for `deno task download <argv>`, from a position on. */
export async function harvest(
  standIn: StandIn,
  argv: readonly string[] = [],
  start?: HarvestPosition,
  onStep: (step: Step) => void = () => {},
): Promise<Harvest> {
  const args = ["--base-url", standIn.url, "--size", "5", "--retries", "1", "--delay", "0"];
  const options = parseDownloadOptions([...args, ...argv]);
  let retried = 0;
  const client = new CatalogClient(options, {
    signal: new AbortController().signal,
    onRetry: () => void retried++,
  });
  const from = start ?? { mode: options.scroll ? "scroll" as const : "pages", page: options.page };
  const all: Step[] = [];
  for await (const step of steps(options, client, from)) {
    all.push(step);
    onStep(step);
  }
  const idsOf = (wanted: readonly Step[]) =>
    wanted.flatMap(({ page }) => page?.items ?? []).map((item) => (item as { id: string }).id);
  const fresh = all.filter(({ repeated }) => !repeated);
  const done = fresh.reduce((sum, { records }) => sum + records, 0);
  return {
    all,
    ids: idsOf(fresh),
    allIds: idsOf(all),
    lost: fresh.filter(({ error }) => error !== undefined)
      .map(({ number, records, error }) => [number, records, error!.code]),
    doubts: all.flatMap(({ records, total = 0, doubt }) => {
      const missing = records === Infinity ? total - done : records;
      return doubt === undefined || missing <= 0 ? [] : [[missing, doubt] as const];
    }),
    notices: all.flatMap(({ notice }) => notice ?? []),
    retried,
  };
}

/** Numbered records, all of one day. */
export function numbered(n: number, prefix = "r"): { id: string }[] {
  return Array.from({ length: n }, (_, i) => ({ id: `${prefix}${i}` }));
}

/** Records on as many days as are given, `each` on a day. */
export function dated(days: number, each: number, prefix = "r") {
  return Array.from({ length: days * each }, (_, n) => ({
    id: `${prefix}${n}`,
    metadata: {
      originInfo: {
        firstDigitalContentTime: new Date(Date.UTC(2021, 0, 1 + Math.floor(n / each), 12))
          .toISOString(),
      },
    },
  }));
}
