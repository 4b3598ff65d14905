/** Whether the cluster has the memory that fast searches want. */
import { z } from "zod";
import type { ServerClient } from "./client.ts";
import type { Dialect } from "./dialect.ts";

/** Vectors that are to be searched. */
export interface VectorLoad {
  readonly documents: number;
  readonly dims: number;
  /** Links of a point in the graph of neighbours. */
  readonly links: number;
  /** Copies of each document besides the first. */
  readonly replicas: number;
}

/** What the nodes that hold data have, all in all. */
export interface ClusterMemory {
  /** Memory outside the Java heaps, in bytes: where the vectors are cached. */
  readonly free: number;
  readonly heap: number;
  /** Limit of the k-NN plugin's own memory, as it is set; undefined where there is none. */
  readonly limit?: string | undefined;
}

/**
 * Memory that the vectors and their graph want, in bytes: 1.1 (4 d + 8 M) for each.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const load = { documents: 1e6, dims: 2048, links: 16, replicas: 0 };
 * assert.equal(Math.round(vectorMemory(load) / 1e9), 9);
 * ```
 */
export function vectorMemory({ documents, dims, links, replicas }: VectorLoad): number {
  return 1.1 * (4 * dims + 8 * links) * documents * (1 + replicas);
}

/**
 * A warning where the memory will not do; undefined where it will.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const load = { documents: 1e6, dims: 2048, links: 16, replicas: 1 };
 * assert.equal(memoryWarning(load, { free: 40e9, heap: 16e9 }), undefined);
 * assert.match(memoryWarning(load, { free: 8e9, heap: 8e9 })!, /18.3 GB .* 8.0 GB/);
 * ```
 */
export function memoryWarning(
  load: VectorLoad,
  { free, limit }: ClusterMemory,
): string | undefined {
  const need = vectorMemory(load);
  const copies = load.replicas > 0 ? ` in ${1 + load.replicas} copies` : "";
  const vectors = `${load.documents} vectors of ${load.dims} numbers${copies} want about ` +
    `${gigabytes(need)} of memory outside the Java heaps, and the cluster has ${gigabytes(free)}`;
  if (need > free) {
    return `${vectors}: searches will read from disk and be slow; more memory or nodes, smaller ` +
      "heaps, or fewer replicas help";
  }
  const share = limitBytes(limit, free);
  if (share === undefined || need <= share) return undefined;
  return `${vectors}, of which the k-NN circuit breaker (knn.memory.circuit_breaker.limit = ` +
    `${limit}) gives graphs of the faiss engine ${
      gigabytes(share)
    }: past that OpenSearch takes no ` +
    "more vectors for them; graphs of the lucene engine are not counted by it";
}

/** A limit such as `50%` or `10gb`, in bytes; undefined where it is none. */
function limitBytes(limit: string | undefined, free: number): number | undefined {
  const [, number, unit] = /^([\d.]+)(%|[kmgt]?b)$/i.exec(limit ?? "") ?? [];
  if (number === undefined) return undefined;
  if (unit === "%") return free * Number(number) / 100;
  return Number(number) * 1024 ** "bkmgt".indexOf(unit!.toLowerCase()[0]!);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

const node = z.object({
  roles: z.array(z.string()).optional(),
  os: z.object({ mem: z.object({ total_in_bytes: z.number() }) }),
  jvm: z.object({ mem: z.object({ heap_max_in_bytes: z.number() }) }),
});
const nodesAnswer = z.object({ nodes: z.record(z.string(), node) });
const settingsAnswer = z.record(z.string(), z.record(z.string(), z.string().nullable()));

/** Asks the cluster what memory it has. */
export async function clusterMemory(
  client: ServerClient,
  dialect: Dialect,
): Promise<ClusterMemory> {
  const what = "read the memory of the cluster";
  const fields = ["roles", "os.mem.total_in_bytes", "jvm.mem.heap_max_in_bytes"]
    .map((field) => `nodes.*.${field}`).join();
  const path = `/_nodes/stats/os,jvm?filter_path=${fields}`;
  const { nodes } = await client.ask(what, { method: "GET", path }, nodesAnswer);
  const holders = Object.values(nodes).filter(({ roles }) =>
    roles?.some((role) => role.startsWith("data")) ?? true
  );
  const sum = (part: (n: z.infer<typeof node>) => number) =>
    holders.reduce((total, n) => total + part(n), 0);
  const heap = sum((n) => n.jvm.mem.heap_max_in_bytes);
  const free = Math.max(0, sum((n) => n.os.mem.total_in_bytes) - heap);
  return { heap, free, limit: await knnLimit(client, dialect) };
}

/** The k-NN plugin's limit of memory, as it is set. */
async function knnLimit(client: ServerClient, dialect: Dialect): Promise<string | undefined> {
  const name = dialect.limitSetting;
  if (name === undefined) return undefined;
  const path = `/_cluster/settings?include_defaults=true&flat_settings=true&filter_path=*.${name}`;
  const what = "read the settings of the cluster";
  const settings = await client.ask(what, { method: "GET", path }, settingsAnswer);
  for (const level of ["transient", "persistent", "defaults"]) {
    const value = settings[level]?.[name];
    if (value) return value;
  }
  return undefined;
}
