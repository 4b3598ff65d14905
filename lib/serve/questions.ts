/** Answers the questions of the API, one function each. */
import type { z } from "zod";
import type { Hit, VectorIndex } from "../index/types.ts";
import { errorMessage, RequestError, SetupError, VectorError } from "../shared/errors.ts";
import { mapConcurrent } from "../shared/streams.ts";
import { checkVector } from "../vectors/vector_store.ts";
import { documentEntry, hitEntries, type IndexSummary } from "./answers.ts";
import { asIndexed } from "../search/filters.ts";
import { neighbours } from "../search/neighbours.ts";
import {
  checkBody,
  documentId,
  type imageQuery,
  indexName,
  type itemQuery,
  type randomQuery,
  type Scale,
  type similarityQuery,
  type textQuery,
  textValueBody,
  vectorBody,
} from "./parameters.ts";
import { readJson, readPicture } from "./request_body.ts";
import { json } from "./responses.ts";
import type { Call, Service } from "./service.ts";

type Query<S extends z.ZodType> = Call<z.infer<S>>;

/** Indexes that are looked at at a time. */
const CONCURRENCY = 4;
/** How long the indexes may take to say that they are there. */
const MAX_HEALTH_MS = 5000;

/** Works with the index that the path names. */
function withIndex(
  { service, path }: Call<unknown>,
  work: (index: VectorIndex) => Promise<Response>,
): Promise<Response> {
  return service.indexes.use(indexName(path.index!), work);
}

/** `GET /health` */
export async function health({ service }: Call<unknown>): Promise<Response> {
  // Sooner than the time limit, which would be another status.
  const patienceMs = Math.min(MAX_HEALTH_MS, service.timeoutMs / 2);
  const late = new SetupError(`There was no answer of the indexes within ${patienceMs} ms`);
  const { promise: deadline, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late), patienceMs);
  try {
    await Promise.race([service.indexes.check(), deadline]);
    return json({ health: "OK" });
  } catch (error) {
    service.onProblem(errorMessage(error));
    return json({ health: "The indexes cannot be reached" }, { status: 503 });
  } finally {
    clearTimeout(timer);
  }
}

/** `GET /indexes` */
export async function indexes({ service }: Call<unknown>): Promise<Response> {
  const { uploads } = service;
  const summaries = await eachIndex(service, async (index): Promise<IndexSummary> => {
    const { name, dims = null, model = null, kind } = index;
    const refusal = uploads.refusal(index);
    return {
      ...{ name, documents: await index.count(), dims, model, kind },
      uploads: refusal === undefined,
      uploadsReason: refusal?.message ?? null,
    };
  });
  return json(summaries);
}

/** Documents of each index; undefined if they cannot be reached. */
export async function documentCounts(
  service: Service,
): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const counts = eachIndex(
      service,
      async (index) => [index.name, await index.count()] as const,
    );
    return new Map(await counts);
  } catch (error) {
    service.onProblem(errorMessage(error));
    return undefined;
  }
}

/** The result of each index that can be read. */
async function eachIndex<T>(
  { indexes, onProblem }: Service,
  work: (index: VectorIndex) => Promise<T>,
): Promise<T[]> {
  const results = mapConcurrent(CONCURRENCY, await indexes.names(), async (name) => {
    try {
      return [await indexes.use(name, work)];
    } catch (error) {
      onProblem(errorMessage(error));
      return [];
    }
  });
  return (await Array.fromAsync(results)).flat();
}

/** `POST /similarity/{index}/{id|filename}` */
export async function similarToItem(
  field: "id" | "filename",
  call: Query<typeof similarityQuery>,
): Promise<Response> {
  const body = checkBody(await readJson(call.request, call.signal), textValueBody);
  return await withIndex(call, async (index) => {
    const item = await index.get(field, body.value);
    if (item === undefined) throw unknownItem(field, body.value, index);
    const wanted = { ...call.query, filters: asIndexed(body.filters), without: item.document.id };
    const hits = await neighbours(index, item.vector, wanted);
    return hitsResponse(index, hits, call, body);
  });
}

/** `POST /similarity/{index}/vector` */
export async function similarToVector(call: Query<typeof similarityQuery>): Promise<Response> {
  const body = checkBody(await readJson(call.request, call.signal), vectorBody);
  return await withIndex(call, async (index) => {
    const vector = Float32Array.from(body.value);
    check(vector, index);
    const wanted = { ...call.query, filters: asIndexed(body.filters) };
    const hits = await neighbours(index, vector, wanted);
    return hitsResponse(index, hits, call, body);
  });
}

/** `POST /similarity/{index}/image` */
export async function similarToImage(call: Query<typeof imageQuery>): Promise<Response> {
  const { service: { uploads }, query, request, signal } = call;
  return await withIndex(call, async (index) => {
    const refusal = uploads.refusal(index);
    if (refusal !== undefined) throw refusal;
    const vector = await uploads.embed(() => readPicture(request, signal), signal);
    check(vector, index);
    const hits = await neighbours(index, vector, { ...query, filters: query.filter });
    return hitsResponse(index, hits, call, query);
  });
}

/** `GET /random/{index}` */
export async function random(call: Query<typeof randomQuery>): Promise<Response> {
  const { size, filter, fields } = call.query;
  return await withIndex(call, async (index) => {
    const documents = await index.random(size, filter);
    return json(documents.map((document) => documentEntry(index.name, document, fields)));
  });
}

/** `GET /text/{index}` */
export async function text(call: Query<typeof textQuery>): Promise<Response> {
  const { q, size, offset, filter, fields } = call.query;
  return await withIndex(call, async (index) => {
    const { total, documents } = await index.text(q, { size, offset, filters: filter });
    const entries = documents.map((document) => documentEntry(index.name, document, fields));
    return json(entries, { headers: { "x-total-count": String(total) } });
  });
}

/** `GET /items/{index}/{id}` */
export async function item(call: Query<typeof itemQuery>): Promise<Response> {
  const id = documentId(call.path.id!);
  return await withIndex(call, async (index) => {
    const found = await index.get("id", id);
    if (found === undefined) throw unknownItem("id", id, index);
    return json(documentEntry(index.name, found.document, call.query.fields));
  });
}

/** `GET /facets/{index}` */
export async function facets(call: Call<unknown>): Promise<Response> {
  return await withIndex(call, async (index) => {
    const found = await index.facet("access");
    return json({ access: [...found].map(([value, count]) => ({ value, count })) });
  });
}

/** `GET /pictures/{index}/{id}` */
export async function picture(call: Call<unknown>): Promise<Response> {
  const id = documentId(call.path.id!);
  return await withIndex(call, async (index) => {
    const found = await index.get("id", id);
    if (found === undefined) throw unknownItem("id", id, index);
    return await call.service.pictures.respond(found.document, call.request);
  });
}

/** @throws {RequestError} 404, always */
export function notFound(): never {
  throw new RequestError(404, "There is nothing of that name here");
}

function hitsResponse(
  { name }: VectorIndex,
  hits: readonly Hit[],
  { query: { fields } }: Query<typeof similarityQuery>,
  scale: Scale,
): Response {
  return json(hitEntries(name, hits, fields, scale));
}

function unknownItem(field: "id" | "filename", value: string, { name }: VectorIndex): RequestError {
  const what = field === "id" ? "id" : "file name";
  return new RequestError(404, `There is no item with ${what} "${value}" in index "${name}"`);
}

function check(vector: Float32Array, { dims = vector.length }: VectorIndex): void {
  try {
    checkVector(vector, dims);
  } catch (error) {
    if (!(error instanceof VectorError)) throw error;
    throw new RequestError(422, `Cannot search by this vector: ${error.message}`);
  }
}
