/** Elasticsearch's own ways: SMILE in, `dense_vector`, top-level `knn`. */
import { type BulkWriter, type Dialect, isAtLeast } from "./dialect.ts";
import { SmileWriter } from "./wire/smile.ts";
import type { DocumentPlace } from "./identity.ts";

/** Elasticsearch 8 and later. */
export const ELASTICSEARCH: Dialect = {
  kind: "elasticsearch",
  oldest: 8,
  bulkType: "application/smile",
  bulkWriter: () => new SmileBulk(1 << 16),
  knn: (vector, candidates, filter, isShortened, version) => ({
    knn: {
      field: "vector",
      query_vector: Array.from(vector),
      k: candidates,
      num_candidates: candidates,
      filter,
      ...(isShortened && isAtLeast(version, 8, 18) ? { rescore_vector: { oversample: 1 } } : {}),
    },
  }),
  // Since 9.2, vectors are left out of documents unless they are asked for.
  vectorQuery: (version) => isAtLeast(version, 9, 2) ? "_source_exclude_vectors=false" : "",
  vectorFields: { docvalue_fields: ["vector"] },
  newSettings: ["mapping.exclude_source_vectors"],
  warmup: (index, vector) => ({
    method: "POST",
    path: `/${index}/_search`,
    body: {
      size: 0,
      knn: { field: "vector", query_vector: Array.from(vector), k: 1000, num_candidates: 10_000 },
    },
  }),
  limitSetting: undefined,
};

/** Parsing numbers as text is what Elasticsearch would spend most of its time on. */
class SmileBulk extends SmileWriter implements BulkWriter {
  add(place: DocumentPlace, source: object, vector: Float32Array): void {
    this.document({ index: { ...place } });
    this.document({ ...source, vector });
  }
}
