/** Mapping files: the bodies that indexes are created with on a server. */
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { fileReason, SetupError } from "../../shared/errors.ts";
import { unreadable } from "./layout.ts";
import { setting } from "./settings.ts";

/** Kinds of search servers. */
export type ServerKind = "elasticsearch" | "opensearch";
/** What each kind is called. */
export const PRODUCTS: Readonly<Record<ServerKind, string>> = {
  elasticsearch: "Elasticsearch",
  opensearch: "OpenSearch",
};

/** How an index holds its vectors. */
export interface VectorShape {
  readonly kind: ServerKind;
  /** Undefined where the first vector decides. */
  readonly dims: number | undefined;
  /** What nearness is: `cosine`, or another word of the server. */
  readonly similarity: string;
  /** What a number of a vector is: `float`, or another word of the server. */
  readonly element: string;
  /** Links of a point in the graph of neighbours. */
  readonly links: number;
}

/** A mapping file that was read. */
export interface Mapping extends VectorShape {
  readonly path: string;
  /** What the index is created with: `mappings` and `settings`. */
  readonly body: IndexBody;
}

/** What an index is created with. */
export interface IndexBody {
  readonly mappings: Record<string, unknown>;
  readonly settings?: unknown;
}

/** Servers take numbers and truths as texts too. */
const wholeNumber = z.coerce.number().int().positive();
const denseVector = z.object({
  type: z.literal("dense_vector"),
  dims: wholeNumber.optional(),
  similarity: z.string().nullish().transform((value) => value ?? "cosine"),
  element_type: z.string().nullish().transform((value) => value ?? "float"),
  index: z.union([z.boolean(), z.stringbool({ truthy: ["true"], falsy: ["false"] })]).default(true),
  index_options: z.object({ m: z.coerce.number().optional() }).optional(),
});
const method = z.object({
  space_type: z.string().optional(),
  parameters: z.object({ m: z.coerce.number().optional() }).optional(),
});
const knnVector = z.object({
  type: z.literal("knn_vector"),
  dimension: wholeNumber,
  data_type: z.string().default("float"),
  space_type: z.string().optional(),
  method: method.optional(),
});
const withVector = z.object({
  properties: z.object({ vector: z.discriminatedUnion("type", [denseVector, knnVector]) }),
});
const withFields = z.object({ properties: z.looseObject({ vector: z.looseObject({}) }) });
const indexBody = z.looseObject({ mappings: z.record(z.string(), z.unknown()) });

/**
 * How an index with such mappings holds its vectors; undefined if it has no field for them.
 *
 * @param settings which earlier versions of OpenSearch keep the measure of nearness in
 */
export function vectorShape(mappings: unknown, settings?: unknown): VectorShape | undefined {
  const parsed = withVector.safeParse(mappings);
  if (!parsed.success) return undefined;
  const { vector } = parsed.data.properties;
  if (vector.type === "dense_vector") {
    const { dims, index, similarity, element_type: element } = vector;
    const links = vector.index_options?.m ?? 16;
    return { kind: "elasticsearch", dims, similarity: index ? similarity : "none", element, links };
  }
  const space = vector.method?.space_type ?? vector.space_type ??
    setting(settings, "knn.space_type") ?? "l2";
  return {
    kind: "opensearch",
    dims: vector.dimension,
    similarity: space === "cosinesimil" ? "cosine" : space,
    element: vector.data_type.toLowerCase(),
    links: vector.method?.parameters?.m ?? 16,
  };
}

/**
 * Why the searches of Maken would fail in such an index; undefined if they do not.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const vector = { type: "knn_vector", dimension: 4, space_type: "cosinesimil" };
 * const mappings = { properties: { vector } };
 * assert.equal(unsearchable({ mappings, settings: { "index.knn": true } }), undefined);
 * assert.match(unsearchable({ mappings, settings: {} })!, /"index.knn" is not true/);
 * ```
 */
export function unsearchable({ mappings, settings }: IndexBody): string | undefined {
  const shape = vectorShape(mappings, settings);
  if (shape === undefined) {
    return 'it has no field "vector" of type dense_vector or knn_vector, with its size';
  }
  const { kind, element, similarity } = shape;
  if (!["float", "bfloat16"].includes(element)) {
    const option = kind === "elasticsearch" ? "element_type" : "data_type";
    return `its vectors are of type ${element}, and those that are loaded of float: take ` +
      `"${option}" out of the field "vector"`;
  }
  if (similarity === "none") {
    return 'its field "vector" has "index": false, so that no neighbours are found: take that out, ' +
      "and make the index anew";
  }
  if (similarity !== "cosine") return `its vectors are compared by ${similarity}, not by cosine`;
  if (kind === "opensearch" && setting(settings, "knn") !== "true") {
    return 'its setting "index.knn" is not true, without which OpenSearch finds no neighbours: ' +
      'put "knn": true into "index" of its settings, and make the index anew';
  }
  return unreadable(mappings, settings);
}

/**
 * Reads the text of a mapping file.
 *
 * @throws {SetupError} if it is not an index body with a field for vectors that cosines compare
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const vector = { type: "dense_vector", dims: 4 };
 * const text = JSON.stringify({ mappings: { properties: { vector } } });
 * const { kind, dims, similarity } = parseMapping(text, "x.mapping");
 * assert.deepEqual([kind, dims, similarity], ["elasticsearch", 4, "cosine"]);
 * ```
 */
export function parseMapping(text: string, path: string): Mapping {
  const fail = (reason: string) => new SetupError(`Cannot use mapping file "${path}": ${reason}`);
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    throw fail("it is not JSON");
  }
  const parsed = indexBody.safeParse(json);
  if (!parsed.success) throw fail(`it has no "mappings"${answerHint(json)}`);
  const type = olderType(parsed.data.mappings);
  if (type !== undefined) {
    throw fail(
      `its fields are in "mappings.${type}", as in servers before version 7: put what is in ` +
        `"${type}" directly into "mappings"`,
    );
  }
  const reason = unsearchable(parsed.data);
  if (reason !== undefined) throw fail(reason);
  const shape = vectorShape(parsed.data.mappings, parsed.data.settings)!;
  return { ...shape, path, body: withNumber(parsed.data, shape) };
}

/** The body with the size of vectors as a number: not every server takes a text for it. */
function withNumber(body: IndexBody, { kind, dims }: VectorShape): IndexBody {
  if (dims === undefined) return body;
  const { properties } = withFields.parse(body.mappings);
  const vector = { ...properties.vector, [kind === "elasticsearch" ? "dims" : "dimension"]: dims };
  return { ...body, mappings: { ...body.mappings, properties: { ...properties, vector } } };
}

/** What to do with the answer of a server about an index. */
function answerHint(json: unknown): string {
  const found = z.record(z.string(), indexBody).safeParse(json).data ?? {};
  const [name] = Object.keys(found);
  if (name === undefined) return "";
  return `: it is what a server tells of index "${name}"; take what is in "${name}", and of its ` +
    "settings only those that you have chosen";
}

/** The type of documents that has the fields in mappings of earlier servers. */
function olderType(mappings: Record<string, unknown>): string | undefined {
  if (mappings.properties !== undefined) return undefined;
  const [name, more] = Object.keys(mappings);
  const isOne = name !== undefined && more === undefined;
  const inner = z.looseObject({ properties: z.record(z.string(), z.unknown()) });
  return isOne && inner.safeParse(mappings[name]).success ? name : undefined;
}

/**
 * Reads a mapping file. Needs read permission for it.
 *
 * @throws {SetupError} if it is not there or cannot be used
 */
export async function readMapping(path: string): Promise<Mapping> {
  try {
    return parseMapping(await Deno.readTextFile(path), path);
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(`Cannot read mapping file "${path}": ${fileReason(error)}`, {
      cause: error,
    });
  }
}

/**
 * Where the same mapping is for the other kind of server.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const path = "mappings/opensearch/images.knn.mapping";
 * assert.equal(mappingFor("elasticsearch", path), "mappings/elasticsearch/images.knn.mapping");
 * ```
 */
export function mappingFor(kind: ServerKind, path: string): string {
  const folder = dirname(path);
  const isSorted = Object.hasOwn(PRODUCTS, basename(folder));
  return join(isSorted ? dirname(folder) : "mappings", kind, basename(path));
}
