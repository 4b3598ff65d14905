/** Opens an index of a cluster: who answers, what is there, does it fit. */
import { z } from "zod";
import { AbsentIndexError, SetupError, UnfitIndexError } from "../../shared/errors.ts";
import { ELASTICSEARCH } from "./elasticsearch.ts";
import {
  type Mapping,
  mappingFor,
  PRODUCTS,
  unsearchable,
  type VectorShape,
  vectorShape,
} from "./mapping.ts";
import { OPENSEARCH } from "./opensearch.ts";
import { IndexAdmin, type IndexState } from "./admin.ts";
import { type ClientOptions, ServerClient } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { orSetupError } from "./errors.ts";
import { waitOf } from "./health.ts";
import { checkIdentity, completed, prepare, type WriteOptions } from "./prepare.ts";
import type { SentMemory } from "./fingerprints.ts";
import { standardMapping } from "./standard_mapping.ts";
import { ServerIndex } from "./server_index.ts";
import { commandLine } from "../../shared/program.ts";

/** Which index of which cluster is opened, and how. */
export interface ServerIndexOptions extends ClientOptions, WriteOptions {
  /** Name of the index, or of an alias of one. */
  readonly index: string;
  /** `write` makes the index if there is a mapping for it. */
  readonly mode: "read" | "write";
  /** What the index is made with, and has to fit; not if it will be cleared. */
  readonly mapping?: Mapping | undefined;
  /** Bulk requests at a time, as long as the server keeps up. */
  readonly concurrency: number;
  /** Length of vectors for which the index is made where there is neither it nor a mapping. */
  readonly standardDims?: number | undefined;
  /** Remembers what was sent, where the index itself cannot. */
  readonly sent?: SentMemory | undefined;
}

/**
 * Opens an index of an Elasticsearch or OpenSearch cluster. Needs net permission for its hosts.
 *
 * @throws {SetupError} in one line if that cannot be done
 */
export async function openServerIndex(options: ServerIndexOptions): Promise<ServerIndex> {
  const client = new ServerClient(options);
  try {
    checkName(options.index);
    return await orSetupError(openWith(client, options));
  } catch (error) {
    client[Symbol.dispose]();
    throw error;
  }
}

/**
 * Opens an index of the cluster that the client asks; the index disposes of the client.
 *
 * @throws {AbsentIndexError} if it is to be read and is not there
 * @throws {SetupError|HttpError} if it cannot be used or reached
 */
export async function openWith(
  client: ServerClient,
  options: Omit<ServerIndexOptions, keyof ClientOptions>,
): Promise<ServerIndex> {
  const { index: name, mode, concurrency, sent, onNotice } = options;
  const { dialect, version } = await askProduct(client);
  let mapping = options.mapping && completed(options.mapping, options);
  if (mapping !== undefined && mapping.kind !== dialect.kind) {
    throw new SetupError(
      `Cannot use mapping file "${mapping.path}": it is for ${PRODUCTS[mapping.kind]}, and ` +
        `${client.name} is ${PRODUCTS[dialect.kind]} ${version}; use ` +
        `"${mappingFor(dialect.kind, mapping.path)}"`,
    );
  }
  const admin = new IndexAdmin(client, dialect, name);
  let state = await admin.read();
  let created = false;
  if (state === undefined) {
    const where = `Cannot open index "${name}": it is not on ${client.name}`;
    if (mode === "read") {
      throw new AbsentIndexError(`${where}; "${commandLine("ingest")}" makes it`);
    }
    if (mapping === undefined && options.standardDims !== undefined) {
      mapping = await standardMapping(dialect.kind, options.standardDims);
    }
    if (mapping === undefined) {
      throw new SetupError(`${where}; a mapping file is needed to make it`);
    }
    checkIdentity(name, mapping.body.mappings);
    created = await admin.create(mapping.body);
    if (created) await checkPlaced(client, admin);
    state = await admin.read();
    if (state === undefined) throw new SetupError(where);
  }
  try {
    const shape = checkShape(name, state, mapping, options.recreate ?? false);
    const prepared = mode === "write"
      ? await prepare({ client, admin, state, mapping, created }, options)
      : { state, identity: "id" as const };
    const parts = { client, dialect, admin, version, shape, created, ...prepared };
    return new ServerIndex({ ...parts, mapping, concurrency, sent, onNotice });
  } catch (error) {
    if (created) await admin.deleteEmpty().catch(() => {}); // the first error says what to do
    throw error;
  }
}

/** @throws {SetupError} if no node takes the new index, which is deleted again */
async function checkPlaced(client: ServerClient, admin: IndexAdmin): Promise<void> {
  const wait = await waitOf(client, admin.name);
  if (!wait?.isVain) return;
  await admin.delete(); // nothing can have been put in
  throw new SetupError(
    `Cannot create index "${admin.name}": ${wait.reason}; change its settings, or those of the ` +
      "cluster",
  );
}

function checkName(name: string): void {
  if (isServerName(name)) return;
  throw new SetupError(
    `Cannot use "${name}" as the name of an index: it must be of lower-case letters, digits, ` +
      `".", "-" and "_", and begin with a letter or digit`,
  );
}

/** Whether a server cannot take the name for more than one index, or for none. */
export function isServerName(name: string): boolean {
  return /^[^A-Z\\/*?"<>|\s,#:]+$/.test(name) && !/^([-_+.]|$)/.test(name);
}

/** How the index holds vectors, if that is as wanted. */
function checkShape(
  name: string,
  { mappings, settings }: IndexState,
  mapping: Mapping | undefined,
  recreate: boolean,
): VectorShape {
  if (recreate && mapping !== undefined) return mapping;
  const reason = unsearchable({ mappings, settings });
  if (reason !== undefined) throw new UnfitIndexError(`Cannot use index "${name}": ${reason}`);
  const shape = vectorShape(mappings, settings)!;
  if (mapping !== undefined && shape.dims !== undefined && mapping.dims !== shape.dims) {
    throw new SetupError(
      `Cannot use index "${name}": its vectors have ${shape.dims} numbers, and those of ` +
        `mapping file "${mapping.path}" have ${mapping.dims}; begin the index anew, or use another name`,
    );
  }
  return shape;
}

const rootAnswer = z.object({
  version: z.object({ number: z.string(), distribution: z.string().optional() }),
});
const nodesAnswer = z.object({
  nodes: z.record(z.string(), z.object({ version: z.string() })),
});

/**
 * Asks which product answers, and in which version.
 *
 * @throws {SetupError|HttpError} if it is none that is known, or cannot be reached
 */
export async function askProduct(
  client: ServerClient,
): Promise<{ dialect: Dialect; version: string }> {
  const what = "ask what the server is";
  const accept = [300, 301, 302, 303, 307, 308, 400, 404, 405, 406];
  const { headers, body } = await client.send(what, { method: "GET", path: "/", accept });
  const root = rootAnswer.safeParse(body).data?.version;
  const dialect = headers.get("x-elastic-product") === "Elasticsearch"
    ? ELASTICSEARCH
    : root?.distribution === "opensearch"
    ? OPENSEARCH
    : undefined;
  if (dialect === undefined) {
    throw new SetupError(
      `Cannot use ${client.name}: what answers is neither Elasticsearch nor OpenSearch`,
    );
  }
  const version = root?.number ?? await nodeVersion(client);
  const product = `${PRODUCTS[dialect.kind]} ${version}`;
  // OpenSearch may be set to call itself version 7 of its ancestor.
  const claims = dialect === OPENSEARCH && version.startsWith("7.");
  if (Number.parseInt(version) < dialect.oldest && !claims) {
    throw new SetupError(
      `Cannot use ${client.name}: it is ${product}; version ${dialect.oldest} or later is needed`,
    );
  }
  return { dialect, version };
}

/** The version of a server whose root does not tell it. */
async function nodeVersion(client: ServerClient): Promise<string> {
  const path = "/_nodes/_local?filter_path=nodes.*.version";
  const { nodes } = await client.ask("ask for the version", { method: "GET", path }, nodesAnswer);
  return Object.values(nodes)[0]?.version ?? "";
}
