/** The JSON of responses, as schemas: the API's description is made of them. */
import { z } from "zod";

const values = z.array(z.union([z.string(), z.number()]));

/** A document. */
export const entry = z.object({
  _index: z.string(),
  _id: z.string(),
  _score: z.number().nullable().describe("(1 + similarity) / 2; null where nothing is compared"),
  fields: z.record(z.string(), values).describe(
    "Each field as a list, empty where the document has no value; similarity is -1 to 1",
  ),
}).meta({ id: "Entry" });
/** See {@linkcode entry}. */
export type Entry = z.infer<typeof entry>;

/** Documents, best first. */
export const entries = z.array(entry);

/** An index. */
export const indexSummary = z.object({
  name: z.string(),
  documents: z.int(),
  dims: z.int().nullable().describe("Length of its vectors; null while it is empty"),
  model: z.string().nullable().describe("Model that made its vectors, where that is known"),
  kind: z.enum(["embedded", "elasticsearch", "opensearch"]),
  uploads: z.boolean().describe("Whether it can be searched by an uploaded picture"),
  uploadsReason: z.string().nullable().describe("Why it cannot"),
}).meta({ id: "Index" });
/** See {@linkcode indexSummary}. */
export type IndexSummary = z.infer<typeof indexSummary>;

/** Numbers of documents by access, most first. */
export const facets = z.object({
  access: z.array(z.object({ value: z.string(), count: z.int() })),
}).meta({ id: "Facets" });

/** Whether the service can answer. */
export const health = z.object({ health: z.string() }).meta({ id: "Health" });

/** Why a request failed. */
export const errorBody = z.object({ error: z.string() }).meta({ id: "Error" });
