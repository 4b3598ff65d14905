/** The table of routes: it finds the handlers of requests, checks queries and describes itself. */
import { docsResponse } from "./docs_page.ts";
import * as handlers from "./handlers.ts";
import { type ApiDocument, openApi } from "./openapi.ts";
import { pageFile, pageResponse } from "./page.ts";
import * as parameters from "./parameters.ts";
import * as schemas from "./response_schemas.ts";
import { json, notFoundResponse } from "./responses.ts";
import { type Route, route } from "./route.ts";

/** All routes. */
export const ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/health",
    summary: "Whether the indexes can be reached; 503 if not",
    response: schemas.health,
    handle: handlers.health,
  }),
  route({
    method: "GET",
    path: "/indexes",
    summary: "The indexes, and whether each can be searched by a picture",
    response: schemas.indexSummary.array(),
    handle: handlers.indexes,
  }),
  ...(["id", "filename"] as const).map((field) =>
    route({
      method: "POST",
      path: `/similarity/{index}/${field}`,
      summary: `The nearest to the item with this ${field === "id" ? "id" : "file name"}, ` +
        "best first, without itself",
      query: parameters.similarityQuery,
      body: parameters.textValueBody,
      response: schemas.entries,
      handle: (context) => handlers.similarToItem(field, context),
    })
  ),
  route({
    method: "POST",
    path: "/similarity/{index}/vector",
    summary: "The nearest to a vector, best first",
    query: parameters.similarityQuery,
    body: parameters.vectorBody,
    response: schemas.entries,
    handle: handlers.similarToVector,
  }),
  route({
    method: "POST",
    path: "/similarity/{index}/image",
    summary: "The nearest to a picture, best first",
    query: parameters.imageQuery,
    body: "picture",
    response: schemas.entries,
    handle: handlers.similarToImage,
  }),
  route({
    method: "GET",
    path: "/random/{index}",
    summary: "Some documents, others each time",
    query: parameters.randomQuery,
    response: schemas.entries,
    handle: handlers.random,
  }),
  route({
    method: "GET",
    path: "/text/{index}",
    summary: "Documents with these words, best first; X-Total-Count tells how many there are",
    query: parameters.textQuery,
    response: schemas.entries,
    handle: handlers.text,
  }),
  route({
    method: "GET",
    path: "/items/{index}/{id}",
    summary: "One document",
    query: parameters.itemQuery,
    response: schemas.entry,
    handle: handlers.item,
  }),
  route({
    method: "GET",
    path: "/facets/{index}",
    summary: "How many documents there are of each access, most first",
    response: schemas.facets,
    handle: handlers.facets,
  }),
  route({
    method: "GET",
    path: "/pictures/{index}/{id}",
    summary: "The picture of a document, or a redirect to where it is",
    response: "image/*",
    handle: handlers.picture,
  }),
  route({
    method: "GET",
    path: "/metrics",
    summary: "Figures for Prometheus",
    response: "text/plain",
    handle: handlers.metrics,
  }),
  route({
    method: "GET",
    path: "/openapi.json",
    summary: "This description, as OpenAPI 3.1",
    response: "application/json",
    handle: () => json(description(), { headers: { "cache-control": "no-cache" } }),
  }),
  route({
    method: "GET",
    path: "/docs",
    summary: "This description, as a page",
    response: "text/html",
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
    handle: ({ path }) => pageFile(path.file!) ?? notFoundResponse(),
  }),
];

let described: ApiDocument | undefined;

function description(): ApiDocument {
  return described ??= openApi(ROUTES);
}
