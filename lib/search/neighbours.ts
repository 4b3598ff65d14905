/** The part of an index's neighbours that is asked for. */
import type { Filters, Hit, VectorIndex } from "../index/types.ts";

/** Which neighbours are wanted. */
export interface NeighbourOptions {
  readonly size: number;
  /** Neighbours to pass over. */
  readonly offset?: number;
  /** Candidates, raised where they are fewer than what is wanted. */
  readonly k?: number;
  readonly filters?: Filters;
  /** Id of a document that is left out: the one that is asked about. */
  readonly without?: string | undefined;
}

/** The nearest documents of a vector, best first. */
export async function neighbours(
  index: VectorIndex,
  vector: Float32Array,
  { size, offset = 0, k = 0, filters = {}, without }: NeighbourOptions,
): Promise<Hit[]> {
  const hits = await index.nearest(vector, Math.max(k, offset + size + 1), filters);
  return hits.filter(({ document }) => document.id !== without).slice(offset, offset + size);
}
