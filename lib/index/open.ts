/** Opens an index, wherever it is. */
import { SetupError } from "../shared/errors.ts";
import { fileReason } from "../shared/files.ts";
import { EmbeddedIndex } from "./embedded_index.ts";
import { type Mapping, readMapping } from "./mapping.ts";
import { openServerIndex, type ServerIndexOptions } from "./open_server.ts";
import type { IndexPlace } from "./options.ts";
import type { VectorIndex } from "./types.ts";

/** How an index is opened; most of it is for servers alone. */
export type OpenOptions = Pick<
  ServerIndexOptions,
  | "mode"
  | "mapping"
  | "recreate"
  | "concurrency"
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
    const { mode, recreate } = options;
    return await EmbeddedIndex.open({ dir: place.dir, name, mode, recreate });
  }
  const { urls, user, password, apiKey, ca } = place;
  return await openServerIndex({
    ...options,
    urls,
    user,
    password,
    apiKey,
    ca: ca === undefined ? undefined : await readCertificate(ca),
    index: name,
  });
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
