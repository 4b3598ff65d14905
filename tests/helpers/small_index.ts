/** Small embedded indexes. */
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import type { IndexItem } from "../../lib/index/types.ts";
import { documentOf, randomVectors } from "../index/contract.ts";

/** Numbers of a vector. */
export const DIMS = 16;

/** Items `id0`, `id1`, …; every third is for Norway, every fourth has no title and no creators. */
export function smallItems(n: number, seed = 1): IndexItem[] {
  return randomVectors(n, DIMS, seed).map((vector, i) => {
    const id = `id${i}`;
    const access = i % 3 === 2 ? "norway" : "everywhere";
    const bare = i % 4 === 3 ? { title: "", creators: [] } : {};
    return { document: documentOf(id, { access, ...bare }), vector };
  });
}

/** Puts items into `<dir>/<name>.sqlite`, which is made if it is not there. */
export async function fillIndex(
  dir: string,
  name: string,
  items: readonly IndexItem[],
  model?: string,
): Promise<void> {
  await using index = await EmbeddedIndex.open({ dir, name, mode: "write" });
  for (const result of await index.bulk(items)) {
    if ("error" in result) throw result.error;
  }
  if (model !== undefined) await index.setModel({ name: model });
}
