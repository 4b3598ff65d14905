/** OpenSearch's own ways: JSON lines in, `knn_vector`, the `knn` query, the k-NN plugin. */
import { JsonLinesWriter } from "./wire/json_lines.ts";
import { type BulkWriter, type Dialect, isAtLeast } from "./dialect.ts";
import type { DocumentPlace } from "./identity.ts";

/** OpenSearch 2 and later, with the k-NN plugin. */
export const OPENSEARCH: Dialect = {
  kind: "opensearch",
  oldest: 2,
  bulkType: "application/x-ndjson",
  bulkWriter: () => new JsonBulk(1 << 16),
  knn: (vector, candidates, filter, isShortened, version) => ({
    query: {
      knn: {
        vector: {
          vector: Array.from(vector),
          k: candidates,
          ...(isShortened && isAtLeast(version, 2, 17)
            ? { rescore: { oversample_factor: 1 } }
            : {}),
          ...(filter.length > 0 ? { filter: { bool: { filter } } } : {}),
        },
      },
    },
  }),
  vectorQuery: () => "",
  vectorFields: { script_fields: { vector: { script: { source: "doc['vector'].value" } } } },
  // Gone since version 3; the field itself says how vectors are compared then.
  newSettings: ["knn.space_type", "knn.algo_param.m", "knn.algo_param.ef_construction"],
  warmup: (index) => ({ method: "GET", path: `/_plugins/_knn/warmup/${index}` }),
  limitSetting: "knn.memory.circuit_breaker.limit",
};

class JsonBulk extends JsonLinesWriter implements BulkWriter {
  add(place: DocumentPlace, source: object, vector: Float32Array): void {
    this.line({ index: place });
    this.line(source, { name: "vector", vector });
  }
}
