/** The handlers of the API's routes. */
import type { z } from "zod";
import type { Filters, IndexItem, VectorIndex } from "../index/types.ts";
import { errorMessage, RequestError, SetupError, VectorError } from "../shared/errors.ts";
import { mapConcurrent } from "../shared/streams.ts";
import { checkVector } from "../vectors/vector_store.ts";
import { normalizeFilters } from "../search/filters.ts";
import { neighbours } from "../search/neighbours.ts";
import { documentEntry, hitEntries } from "./entries.ts";
import { METRICS_TYPE } from "./metrics.ts";
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
import type { IndexSummary } from "./response_schemas.ts";
import { json, respond } from "./responses.ts";
import type { RequestContext } from "./route.ts";
import type { Service } from "./service.ts";

/** Indexes that are looked at at a time. */
const CONCURRENCY = 4;
/** How long the indexes may take to say that they are there. */
const MAX_HEALTH_MS = 5000;

/** Works with the index that the path names. */
function withIndex(
  { service, path }: RequestContext,
  work: (index: VectorIndex) => Promise<Response>,
): Promise<Response> {
  return service.indexes.use(indexName(path.index!), work);
}

/** `GET /health` */
export async function health({ service }: RequestContext): Promise<Response> {
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
export async function indexes({ service }: RequestContext): Promise<Response> {
  const { uploads } = service;
  const summaries = await eachIndex(service, async (index): Promise<IndexSummary> => {
    const documents = await index.count();
    const { name, dims = null, kind } = index;
    const model = index.model?.name ?? null;
    const refusal = uploads.refusal(index);
    return {
      ...{ name, documents, dims, model, kind },
      uploads: refusal === undefined,
      uploadsReason: refusal?.message ?? null,
    };
  });
  return json(summaries);
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
  context: RequestContext<typeof similarityQuery>,
): Promise<Response> {
  const body = checkBody(await readJson(context.request, context.signal), textValueBody);
  return await withIndex(context, async (index) => {
    const { document, vector } = await getItem(index, field, body.value);
    const filters = normalizeFilters(body.filters);
    const without = document.id;
    return await nearestResponse(index, vector, context.query, { scale: body, filters, without });
  });
}

/** `POST /similarity/{index}/vector` */
export async function similarToVector(
  context: RequestContext<typeof similarityQuery>,
): Promise<Response> {
  const body = checkBody(await readJson(context.request, context.signal), vectorBody);
  return await withIndex(context, async (index) => {
    const vector = Float32Array.from(body.value);
    checkQueryVector(vector, index);
    const filters = normalizeFilters(body.filters);
    return await nearestResponse(index, vector, context.query, { scale: body, filters });
  });
}

/** `POST /similarity/{index}/image` */
export async function similarToImage(
  context: RequestContext<typeof imageQuery>,
): Promise<Response> {
  const { service: { uploads }, query, request, signal } = context;
  return await withIndex(context, async (index) => {
    await index.generation(); // its model is known as it is now
    const refusal = uploads.refusal(index);
    if (refusal !== undefined) throw refusal;
    const vector = await uploads.embed(() => readPicture(request, signal), signal);
    checkQueryVector(vector, index);
    return await nearestResponse(index, vector, query, { scale: query, filters: query.filter });
  });
}

/** `GET /random/{index}` */
export async function random(context: RequestContext<typeof randomQuery>): Promise<Response> {
  const { size, filter, fields } = context.query;
  return await withIndex(context, async (index) => {
    const documents = await index.random(size, filter);
    return json(documents.map((document) => documentEntry(index.name, document, fields)));
  });
}

/** `GET /text/{index}` */
export async function text(context: RequestContext<typeof textQuery>): Promise<Response> {
  const { q, size, offset, filter, fields } = context.query;
  return await withIndex(context, async (index) => {
    const { total, documents } = await index.text(q, { size, offset, filters: filter });
    const entries = documents.map((document) => documentEntry(index.name, document, fields));
    return json(entries, { headers: { "x-total-count": String(total) } });
  });
}

/** `GET /items/{index}/{id}` */
export async function item(context: RequestContext<typeof itemQuery>): Promise<Response> {
  const id = documentId(context.path.id!);
  return await withIndex(context, async (index) => {
    const { document } = await getItem(index, "id", id);
    return json(documentEntry(index.name, document, context.query.fields));
  });
}

/** `GET /facets/{index}` */
export async function facets(context: RequestContext): Promise<Response> {
  return await withIndex(context, async (index) => {
    const counts = await index.facet("access");
    return json({ access: [...counts].map(([value, count]) => ({ value, count })) });
  });
}

/** `GET /pictures/{index}/{id}` */
export async function picture(context: RequestContext): Promise<Response> {
  const id = documentId(context.path.id!);
  return await withIndex(context, async (index) => {
    const { document } = await getItem(index, "id", id);
    return await context.service.pictures.respond(document, context.request);
  });
}

/** `GET /metrics` */
export async function metrics({ service, running }: RequestContext): Promise<Response> {
  const text = await service.metrics.text(running, await documentCounts(service));
  return respond(text, METRICS_TYPE);
}

/** Documents of each index; undefined if they cannot be reached. */
async function documentCounts(
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

/** The nearest to a vector as entries. */
async function nearestResponse(
  index: VectorIndex,
  vector: Float32Array,
  query: z.infer<typeof similarityQuery>,
  { scale, ...documents }: { scale: Scale; filters: Filters; without?: string },
): Promise<Response> {
  const hits = await neighbours(index, vector, { ...query, ...documents });
  return json(hitEntries(index.name, hits, query.fields, scale));
}

/** @throws {RequestError} 404 if there is no such item */
async function getItem(
  index: VectorIndex,
  field: "id" | "filename",
  value: string,
): Promise<IndexItem> {
  const item = await index.get(field, value);
  if (item !== undefined) return item;
  const what = field === "id" ? "id" : "file name";
  throw new RequestError(404, `There is no item with ${what} "${value}" in index "${index.name}"`);
}

function checkQueryVector(vector: Float32Array, { dims = vector.length }: VectorIndex): void {
  try {
    checkVector(vector, dims);
  } catch (error) {
    if (!(error instanceof VectorError)) throw error;
    throw new RequestError(422, `Cannot search by this vector: ${error.message}`);
  }
}
