/** The API's description, made of the same schemas that check its requests. */
import { z } from "zod";
import { VERSION } from "../shared/args.ts";
import { errorBody } from "./response_schemas.ts";
import type { Route } from "./route.ts";

/** A part of the document. */
export type Json = { readonly [key: string]: unknown };

/** A parameter of a request. */
export interface ApiParameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required: boolean;
  readonly description?: string | undefined;
  readonly schema: Json;
}

/** One method of one path. */
export interface ApiOperation {
  readonly summary: string;
  readonly parameters: readonly ApiParameter[];
  readonly requestBody?: Json;
  readonly responses: Json;
}

/** An OpenAPI document, as far as Maken makes one. */
export interface ApiDocument {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  readonly components: { readonly schemas: Json };
}

/** Why a request may fail, by status. */
const FAILURES: Readonly<Record<number, string>> = {
  404: "There is no such index or item",
  413: "The body is too large",
  415: "The body is of a type that cannot be read",
  422: "The request cannot be understood",
  503: "The index cannot be reached, too much is waiting, or there is no model",
  504: "It took too long",
};

/** The description of the routes that are part of the API. */
export function openApi(routes: readonly Route[]): ApiDocument {
  const schemas: Record<string, Json> = {};
  schemaOf(errorBody, schemas);
  const paths: Record<string, Record<string, ApiOperation>> = {};
  for (const route of routes) {
    if (route.response === undefined) continue;
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route, schemas);
  }
  const description = "Pictures that are similar: nearest neighbours of vectors by cosine.";
  return {
    openapi: "3.1.0",
    info: { title: "Maken", version: VERSION, description },
    paths,
    components: { schemas },
  };
}

function operation(route: Route, schemas: Record<string, Json>): ApiOperation {
  const { summary, response, body } = route;
  const content = typeof response === "string"
    ? { [response]: {} }
    : { "application/json": { schema: schemaOf(response!, schemas) } };
  const hasBody = body !== undefined;
  const hasPath = route.path.includes("{");
  const statuses = [...(hasPath ? [404] : []), ...(hasBody ? [413, 415] : [])]
    .concat(hasPath ? [422, 503, 504] : []);
  const error = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };
  const failures = statuses.map((status) => [
    String(status),
    { description: FAILURES[status], content: error },
  ]);
  return {
    summary,
    parameters: [...pathParameters(route.path), ...queryParameters(route, schemas)],
    ...(hasBody ? { requestBody: { required: true, content: bodyContent(body, schemas) } } : {}),
    responses: { 200: { description: "The answer", content }, ...Object.fromEntries(failures) },
  };
}

function pathParameters(path: string): ApiParameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name: name!,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters({ query }: Route, schemas: Record<string, Json>): ApiParameter[] {
  const { properties = {}, required = [] } = schemaOf(query, schemas) as {
    properties?: Record<string, Json & { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: required.includes(name) && schema.type !== "object",
    ...(description === undefined ? {} : { description }),
    ...(schema.type === "object"
      ? { schema: { type: "array", items: { type: "string", pattern: "=" } } }
      : { schema, ...(schema.type === "array" ? { explode: false } : {}) }),
  }));
}

function bodyContent(body: z.ZodType | "picture", schemas: Record<string, Json>): Json {
  if (body !== "picture") return { "application/json": { schema: schemaOf(body, schemas) } };
  const file = { type: "string", format: "binary" };
  return {
    "image/*": { schema: file },
    "multipart/form-data": { schema: { type: "object", properties: { image: file } } },
  };
}

/** A schema as JSON Schema; parts with a name go to `schemas`. */
function schemaOf(schema: z.ZodType, schemas: Record<string, Json>): Json {
  const { $schema: _, $defs, ...made } = z.toJSONSchema(schema, {
    io: "output",
    unrepresentable: "any",
    override: ({ jsonSchema: { required, properties = {} }, jsonSchema }) => {
      // As input, what has a default can be left out.
      const needed = required?.filter((name) => !hasDefault(properties[name]));
      if (needed !== undefined) jsonSchema.required = needed;
    },
  }) as Json & { $defs?: Record<string, Json> };
  for (const [name, definition] of Object.entries($defs ?? {})) schemas[name] = definition;
  return JSON.parse(JSON.stringify(made).replaceAll("#/$defs/", "#/components/schemas/"));
}

function hasDefault(schema: unknown): boolean {
  return typeof schema === "object" && schema !== null && "default" in schema;
}
