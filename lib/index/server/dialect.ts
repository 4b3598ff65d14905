/** What Elasticsearch and OpenSearch do each in its own way. */
import type { DocumentPlace } from "./identity.ts";
import type { ServerKind } from "./mapping.ts";
import type { WireRequest } from "./wire/fetch_wire.ts";

/** Writes the body of a bulk request, action by action, into memory that it uses again. */
export interface BulkWriter {
  /** Adds a document that takes the place of the one that is there. */
  add(place: DocumentPlace, source: object, vector: Float32Array): void;
  /** Length of what was added since the last `clear()`, in bytes. */
  readonly length: number;
  /** What was added; good until the next call. */
  bytes(): Uint8Array<ArrayBuffer>;
  clear(): void;
}

/** One kind of server. */
export interface Dialect {
  readonly kind: ServerKind;
  /** First main version that is known to work. */
  readonly oldest: number;
  /** Media type of a bulk request's body. */
  readonly bulkType: string;
  bulkWriter(): BulkWriter;
  /**
   * The part of a search's body that finds neighbours.
   *
   * @param candidates how many each shard looks at
   * @param filter clauses that all have to match
   * @param isShortened the index finds neighbours by shortened numbers: the candidates are compared
   *   by their own, if this version can
   */
  knn(
    vector: Float32Array,
    candidates: number,
    filter: readonly object[],
    isShortened: boolean,
    version: string,
  ): object;
  /** Parameters of a request that has vectors come along with their documents. */
  vectorQuery(version: string): string;
  /** The part of a search's body that has vectors come along which documents do not hold. */
  readonly vectorFields: object;
  /** Settings that only some versions know: an index is created without them where they are not. */
  readonly newSettings: readonly string[];
  /** A request that loads the vectors into memory. */
  warmup(index: string, vector: Float32Array): WireRequest;
  /** Where a cluster tells the limit for vectors in memory; undefined if there is none. */
  readonly limitSetting: string | undefined;
}

/** Whether a version such as `9.2.0` is this one or a later one. */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split(".").map(Number);
  return a > major || (a === major && b >= minor);
}
