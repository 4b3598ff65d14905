/** OpenSearch's own ways: JSON lines in, `knn_vector`, the `knn` query, the k-NN plugin. */
import { JsonLinesWriter } from "./wire/json_lines.ts";
import type { BulkWriter, Dialect } from "./dialect.ts";
import type { IndexItem } from "../types.ts";

/** OpenSearch 2 and later, with the k-NN plugin. */
export const OPENSEARCH: Dialect = {
  kind: "opensearch",
  oldest: 2,
  bulkType: "application/x-ndjson",
  bulkWriter: () => new JsonBulk(1 << 16),
  knn: (vector, candidates, filter) => ({
    query: {
      knn: {
        vector: {
          vector: Array.from(vector),
          k: candidates,
          ...(filter.length > 0 ? { filter: { bool: { filter } } } : {}),
        },
      },
    },
  }),
  vectorQuery: () => "",
  newSettings: [],
  warmup: (index) => ({ method: "GET", path: `/_plugins/_knn/warmup/${index}` }),
  limitSetting: "knn.memory.circuit_breaker.limit",
};

class JsonBulk extends JsonLinesWriter implements BulkWriter {
  add({ document, vector }: IndexItem): void {
    this.line({ index: { _id: document.id } });
    this.line(document, { name: "vector", vector });
  }
}
