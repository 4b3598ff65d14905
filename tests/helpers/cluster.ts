/** The real search servers that `tests/servers.sh` has started. */
import { join } from "node:path";
import { z } from "zod";
import { parseMapping } from "../../lib/index/server/mapping.ts";
import { openServerIndex, type ServerIndexOptions } from "../../lib/index/server/open_server.ts";
import type { ServerIndex } from "../../lib/index/server/server_index.ts";
import { ROOT } from "./run_task.ts";
import type { Reason } from "./skip.ts";

const server = z.object({
  url: z.string(),
  user: z.string().optional(),
  password: z.string().optional(),
  ca: z.string().optional(),
});
/** How a server is reached. */
export type Server = z.infer<typeof server>;

const state = z.object({ dir: z.string(), servers: z.record(z.string(), server) });
const STATE = join(ROOT, "tests/servers.json");

/** What runs, by name: `elasticsearch`, `elasticsearch-secure`, `opensearch`, `cluster-1` to `-3`. */
export async function servers(): Promise<ReadonlyMap<string, Server>> {
  return new Map(Object.entries((await readState())?.servers ?? {}));
}

/** Why tests are skipped that need these servers, of those that run; undefined if all do. */
export function missing(
  running: ReadonlyMap<string, Server>,
  ...names: readonly string[]
): Reason | undefined {
  if (names.every((name) => running.has(name))) return undefined;
  return running.size === 0
    ? "no search servers are running"
    : "not all search servers are running";
}

async function readState(): Promise<z.infer<typeof state> | undefined> {
  try {
    return state.parse(JSON.parse(await Deno.readTextFile(STATE)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Folder of the servers; the list of them goes when the last one is killed. */
let dir: string | undefined;

/** Runs `tests/servers.sh <dir> <command> <names>`. */
export async function control(command: "start" | "stop" | "kill", name: string): Promise<void> {
  dir ??= (await readState())!.dir;
  const { code, stderr } = await new Deno.Command(join(ROOT, "tests/servers.sh"), {
    args: [dir, command, name],
    stdin: "null",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
}

/** How an index is opened, where a test does not say otherwise. */
export function serverOptions(
  { url, user, password, ca }: Server,
  options: Partial<ServerIndexOptions> = {},
): ServerIndexOptions {
  return {
    urls: [new URL(url)],
    user,
    password,
    ca,
    index: `test_${crypto.randomUUID()}`,
    mode: "write",
    timeoutMs: 60_000,
    retries: 8,
    signal: new AbortController().signal,
    concurrency: 4,
    onNotice: () => {},
    ...options,
  };
}

/** The project's mapping for images, with vectors of another length. */
export async function imageMapping(kind: "elasticsearch" | "opensearch", dims: number) {
  const path = `mappings/${kind}/images.knn.mapping`;
  const text = await Deno.readTextFile(join(ROOT, path));
  return parseMapping(text.replace(/"(dims|dimension)": \d+/, `"$1": ${dims}`), path);
}

/** A new index of vectors of `dims` numbers, which is deleted at the end. */
export async function newIndex(
  name: string,
  dims: number,
  options: Partial<ServerIndexOptions> = {},
): Promise<{ index: ServerIndex; options: ServerIndexOptions } & AsyncDisposable> {
  const found = (await servers()).get(name)!;
  const kind = name.startsWith("elasticsearch") ? "elasticsearch" : "opensearch";
  const mapping = await imageMapping(kind, dims);
  const all = serverOptions(found, { mapping, ...options });
  const index = await openServerIndex(all);
  return {
    index,
    options: all,
    async [Symbol.asyncDispose]() {
      await index[Symbol.asyncDispose]();
      await request(found, "DELETE", `/${all.index}`);
    },
  };
}

/** Asks a server directly, past the code under test. */
export async function request(
  { url, user, password, ca }: Server,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  using client = ca === undefined ? undefined : Deno.createHttpClient({ caCerts: [ca] });
  const response = await fetch(url + path, {
    method,
    headers: {
      "content-type": "application/json",
      ...(user === undefined ? {} : { authorization: `Basic ${btoa(`${user}:${password}`)}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(client === undefined ? {} : { client }),
  });
  return await response.json();
}
