/** The table of what can be asked: it routes requests, checks them and describes itself. */
import type { z } from "zod";
import * as answers from "./answers.ts";
import { docsResponse } from "./docs_page.ts";
import { METRICS_TYPE } from "./metrics.ts";
import { type ApiDocument, openApi } from "./openapi.ts";
import { pageFile, pageResponse } from "./page.ts";
import * as parameters from "./parameters.ts";
import * as questions from "./questions.ts";
import { json, respond } from "./responses.ts";
import type { Call } from "./service.ts";

/** Something that can be asked. */
export interface Route {
  readonly method: "GET" | "POST";
  /** Parts in braces stand for any text. */
  readonly path: string;
  readonly summary: string;
  /** Undefined for what is no part of the API: the page and its like. */
  readonly answer?: z.ZodType | string;
  readonly query: z.ZodObject;
  /** A schema for JSON; `picture` for an upload. */
  readonly body?: z.ZodType | "picture";
  readonly handle: (call: Call<never>) => Promise<Response>;
}

/** Ties a handler's query to its schema. */
function route<S extends z.ZodObject>(
  route: Omit<Route, "query" | "handle"> & {
    readonly query?: S;
    readonly handle: (call: Call<z.infer<S>>) => Promise<Response> | Response;
  },
): Route {
  const { handle, query = parameters.noQuery, ...rest } = route;
  return { ...rest, query, handle: async (call) => await handle(call) };
}

/** Everything that can be asked. */
export const ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/health",
    summary: "Whether the indexes can be reached; 503 if not",
    answer: answers.health,
    handle: questions.health,
  }),
  route({
    method: "GET",
    path: "/indexes",
    summary: "The indexes, and whether each can be searched by a picture",
    answer: answers.indexSummary.array(),
    handle: questions.indexes,
  }),
  ...(["id", "filename"] as const).map((field) =>
    route({
      method: "POST",
      path: `/similarity/{index}/${field}`,
      summary: `The nearest to the item with this ${field === "id" ? "id" : "file name"}, ` +
        "best first, without itself",
      query: parameters.similarityQuery,
      body: parameters.textValueBody,
      answer: answers.entries,
      handle: (call) => questions.similarToItem(field, call),
    })
  ),
  route({
    method: "POST",
    path: "/similarity/{index}/vector",
    summary: "The nearest to a vector, best first",
    query: parameters.similarityQuery,
    body: parameters.vectorBody,
    answer: answers.entries,
    handle: questions.similarToVector,
  }),
  route({
    method: "POST",
    path: "/similarity/{index}/image",
    summary: "The nearest to a picture, best first",
    query: parameters.imageQuery,
    body: "picture",
    answer: answers.entries,
    handle: questions.similarToImage,
  }),
  route({
    method: "GET",
    path: "/random/{index}",
    summary: "Some documents, others each time",
    query: parameters.randomQuery,
    answer: answers.entries,
    handle: questions.random,
  }),
  route({
    method: "GET",
    path: "/text/{index}",
    summary: "Documents with these words, best first; X-Total-Count tells how many there are",
    query: parameters.textQuery,
    answer: answers.entries,
    handle: questions.text,
  }),
  route({
    method: "GET",
    path: "/items/{index}/{id}",
    summary: "One document",
    query: parameters.itemQuery,
    answer: answers.entry,
    handle: questions.item,
  }),
  route({
    method: "GET",
    path: "/facets/{index}",
    summary: "How many documents there are of each access, most first",
    answer: answers.facets,
    handle: questions.facets,
  }),
  route({
    method: "GET",
    path: "/pictures/{index}/{id}",
    summary: "The picture of a document, or a redirect to where it is",
    answer: "image/*",
    handle: questions.picture,
  }),
  route({
    method: "GET",
    path: "/metrics",
    summary: "Figures for Prometheus",
    answer: "text/plain",
    handle: async ({ service, running }) =>
      respond(
        await service.metrics.text(running, await questions.documentCounts(service)),
        METRICS_TYPE,
      ),
  }),
  route({
    method: "GET",
    path: "/openapi.json",
    summary: "This description, as OpenAPI 3.1",
    answer: "application/json",
    handle: () => json(description(), { headers: { "cache-control": "no-cache" } }),
  }),
  route({
    method: "GET",
    path: "/docs",
    summary: "This description, as a page",
    answer: "text/html",
    handle: () => docsResponse(description()),
  }),
  route({
    method: "GET",
    path: "/",
    summary: "The web page",
    handle: ({ service }) => pageResponse(service.imageOrigins),
  }),
  route({
    method: "GET",
    path: "/page/{file}",
    summary: "A file of the web page",
    handle: ({ path }) => pageFile(path.file!) ?? questions.notFound(),
  }),
];

let described: ApiDocument | undefined;

function description(): ApiDocument {
  return described ??= openApi(ROUTES);
}
