/** Opens an index, wherever it is; no run loads the modules of both kinds. */
import { fileReason, SetupError } from "../shared/errors.ts";
import { type Mapping, readMapping } from "./server/mapping.ts";
import type { ServerIndexOptions } from "./server/open_server.ts";
import type { IndexPlace, ServerPlace } from "./place.ts";
import type { Indexes, VectorIndex } from "./types.ts";

/** How an index is opened; most of it is for servers alone. */
export type OpenOptions = Pick<
  ServerIndexOptions,
  | "mode"
  | "mapping"
  | "recreate"
  | "updateMapping"
  | "concurrency"
  | "sent"
  | "standardDims"
  | "timeoutMs"
  | "retries"
  | "signal"
  | "onNotice"
  | "onRetry"
>;

/**
 * Opens an index.
 *
 * @throws {SetupError} in one line if that cannot be done
 */
export async function openIndex(
  place: IndexPlace,
  name: string,
  options: OpenOptions,
): Promise<VectorIndex> {
  if (place.kind === "embedded") {
    const { mode, recreate, onNotice } = options;
    const { EmbeddedIndex } = await import("./embedded/embedded_index.ts");
    return await EmbeddedIndex.open({ dir: place.dir, name, mode, recreate, onNotice });
  }
  const { openServerIndex } = await import("./server/open_server.ts");
  return await openServerIndex({ ...options, ...await credentialsOf(place), index: name });
}

/**
 * All indexes of a place, to be read.
 *
 * @throws {SetupError} if the certificate cannot be used
 */
export async function openIndexes(
  place: IndexPlace,
  options: Pick<OpenOptions, "timeoutMs" | "retries" | "signal" | "onNotice">,
): Promise<Indexes> {
  if (place.kind === "embedded") {
    const { IndexFolder } = await import("./embedded/index_folder.ts");
    return new IndexFolder(place.dir);
  }
  const { Cluster } = await import("./server/cluster.ts");
  return new Cluster({ ...options, ...await credentialsOf(place) });
}

async function credentialsOf({ urls, user, password, apiKey, ca }: ServerPlace) {
  const text = ca === undefined ? undefined : await readCertificate(ca);
  return { urls, user, password, apiKey, ca: text };
}

async function readCertificate(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new SetupError(`Cannot read certificate "${path}": ${fileReason(error)}`, {
      cause: error,
    });
  }
}

/** The mapping file, if one was named and the index is on a server. */
export async function readMappingOf(
  { place, mappingFile }: { place: IndexPlace; mappingFile: string | undefined },
): Promise<Mapping | undefined> {
  const isWanted = place.kind === "server" && mappingFile !== undefined;
  return isWanted ? await readMapping(mappingFile) : undefined;
}
