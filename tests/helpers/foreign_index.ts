/** Indexes as other programs make them, by plain requests. */
import type { IndexItem } from "../../lib/index/types.ts";
import { documentOf, randomVectors } from "../index/contract.ts";
import { request, type Server } from "./cluster.ts";

/** Length of the vectors. */
export const FOREIGN_DIMS = 32;

/** A field for vectors of a server. */
export function vectorField(name: string, more: object = {}): object {
  return name === "elasticsearch"
    ? { type: "dense_vector", dims: FOREIGN_DIMS, index: true, similarity: "cosine", ...more }
    : {
      type: "knn_vector",
      dimension: FOREIGN_DIMS,
      method: { name: "hnsw", engine: "lucene", space_type: "cosinesimil" },
      ...more,
    };
}

/** Mappings as the Python ingester was given them; `dynamic` has the server make most of them. */
export function pythonBody(name: string, kind: "explicit" | "dynamic"): object {
  const text = { type: "text" }, keyword = { type: "keyword" };
  const others = { id: keyword, filename: keyword, access: text, title: text, creators: text };
  const properties = {
    vector: vectorField(name),
    ...(kind === "explicit" ? { ...others, subject: text } : {}),
  };
  const settings = { number_of_shards: 2, number_of_replicas: 0 };
  return {
    settings: { index: name === "opensearch" ? { ...settings, knn: true } : settings },
    mappings: { properties },
  };
}

/** The same, with other fields or settings. */
export function bodyWith(name: string, fields: object, settings: object = {}) {
  const body = pythonBody(name, "explicit") as {
    settings: { index: object };
    mappings: { properties: object };
  };
  return {
    settings: { index: { ...body.settings.index, number_of_shards: 3, ...settings } },
    mappings: { properties: { ...body.mappings.properties, ...fields } },
  };
}

/** What the Python ingester would have sent of such an item. */
export function sourceOf({ document, vector }: IndexItem) {
  const { id, filename, access, title, creators, subject } = document;
  return { id, filename, access, title, creators, subject, vector: Array.from(vector) };
}

/** Documents as the Python ingester sent them. */
export function pythonDocuments(n: number) {
  return randomVectors(n, FOREIGN_DIMS).map((vector, i) => {
    const { id, filename, access, title, subject } = documentOf(`42ef${i}`, {
      access: i % 4 === 0 ? "nb" : "everywhere",
      title: `Kongen i Trondheim ${i}`,
    });
    return { id, filename, access, title, creators: "", subject, vector: Array.from(vector) };
  });
}

/** An index that is made by such a body, with documents whose `_id` the server chose. */
export async function foreignIndex(server: Server, body: object, documents: readonly object[]) {
  const name = `test_${crypto.randomUUID()}`;
  const made = await request(server, "PUT", `/${name}`, body);
  if (made.error !== undefined) throw new Error(JSON.stringify(made.error));
  for (const document of documents) {
    const put = await request(server, "POST", `/${name}/_doc`, document);
    if (put.error !== undefined) throw new Error(JSON.stringify(put.error));
  }
  await request(server, "POST", `/${name}/_refresh`);
  return {
    name,
    async [Symbol.asyncDispose]() {
      await request(server, "DELETE", `/${name}`);
    },
  };
}
