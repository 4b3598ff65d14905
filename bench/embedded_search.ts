/**
 * Searches the index in a folder, in a process of its own, so that its memory is the search's alone;
 * prints a {@linkcode SearchCost}.
 */
import { join } from "node:path";
import process from "node:process";
import { EmbeddedIndex } from "../lib/index/embedded/embedded_index.ts";
import { printResult } from "../lib/shared/log.ts";
import { tempDir } from "../tests/helpers/temp_dir.ts";
import { idOf, itemOf } from "./material.ts";
import { quantile } from "./measure.ts";

/** Name of the index that is searched. */
export const INDEX = "bench";

/** The name of the work, rows that are asked for, and the nearest rows of each, beside the index. */
export const ASKED_FILE = "asked.json";

/** Neighbours that are asked for. */
export const K = 20;

const ROUNDS = 3;

/** Searches of the whole index, of most of it and of a seventh. */
const KINDS: readonly [name: string, filters?: { readonly access: string }][] = [
  ["query"],
  ["query access=everywhere", { access: "everywhere" }],
  ["query access=nb", { access: "nb" }],
];

/** What the searches took. */
export interface SearchCost {
  /** As in figures. */
  readonly work: string;
  /** Milliseconds of a search of each kind. */
  readonly times: readonly { readonly kind: string; readonly p50: number; readonly p99: number }[];
  /** Milliseconds of the first search. */
  readonly firstMs: number;
  /** CPU milliseconds of a search. */
  readonly cpuMs: number;
  /** Part of the nearest rows that was found, 0 to 1. */
  readonly recall: number;
  /** Memory that the searches took, in bytes a vector. */
  readonly bytes: number;
}

async function search(dir: string): Promise<SearchCost> {
  const { work, asked, truth } = JSON.parse(await Deno.readTextFile(join(dir, ASKED_FILE)));
  await using index = await EmbeddedIndex.open({ dir, name: INDEX, mode: "read" });
  const queries: Float32Array[] = [];
  for (const row of asked) queries.push((await index.get("id", idOf(row)))!.vector);
  const rows = await index.count();
  await warmUp(queries);

  const memory = Deno.memoryUsage().rss;
  const start = performance.now();
  await index.nearest(queries[0]!, K);
  const firstMs = performance.now() - start;
  const times = KINDS.map((): number[] => []);
  let found = 0;
  const before = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, query] of queries.entries()) {
      for (const [kind, [, filters]] of KINDS.entries()) {
        const begin = performance.now();
        const hits = await index.nearest(query, K, filters);
        times[kind]!.push(performance.now() - begin);
        if (round > 0 || filters !== undefined) continue;
        const ids = new Set<string>(truth[i].map(idOf));
        found += hits.filter(({ document }) => ids.has(document.id)).length;
      }
    }
  }
  const { user, system } = process.cpuUsage(before);
  return {
    work,
    times: KINDS.map(([kind], i) => ({
      kind,
      p50: quantile(times[i]!, 0.5),
      p99: quantile(times[i]!, 0.99),
    })),
    firstMs,
    cpuMs: (user + system) / 1000 / times.flat().length,
    recall: found / (queries.length * K),
    bytes: (Deno.memoryUsage().rss - memory) / rows,
  };
}

/** Searches a small index first, so that what any search takes is not counted as its vectors'. */
async function warmUp(queries: readonly Float32Array[]): Promise<void> {
  await using dir = await tempDir();
  await using index = await EmbeddedIndex.open({ dir: dir.path, name: "small", mode: "write" });
  await index.bulk(queries.map((vector, row) => itemOf(row, vector)));
  for (let round = 0; round < 5; round++) {
    for (const query of queries) {
      await index.nearest(query, K);
      await index.nearest(query, K, { access: "everywhere" });
    }
  }
}

if (import.meta.main) printResult(JSON.stringify(await search(Deno.args[0]!)));
