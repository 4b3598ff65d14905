/** The mapping that comes with the program, for an index that nobody gave another one. */
import { join } from "node:path";
import { PROGRAM_DIR } from "../../shared/program.ts";
import { type Mapping, readMapping, type ServerKind } from "./mapping.ts";

/** Folder of the mappings that come with the program. */
export const MAPPINGS_DIR: string = join(PROGRAM_DIR, "mappings");

/**
 * The mapping for images of that kind of server. Needs read permission for it.
 *
 * @param dims length of the vectors
 */
export async function standardMapping(kind: ServerKind, dims: number): Promise<Mapping> {
  const mapping = await readMapping(join(MAPPINGS_DIR, kind, "images.knn.mapping"));
  const { mappings } = mapping.body;
  const { properties } = mappings as { properties: Record<string, object> };
  const length = kind === "elasticsearch" ? { dims } : { dimension: dims };
  const vector = { ...properties.vector, ...length };
  const body = {
    ...mapping.body,
    mappings: { ...mappings, properties: { ...properties, vector } },
  };
  return { ...mapping, dims, body };
}
