/** What describes a route: the request it takes, who handles it, and what comes back. */
import type { z } from "zod";
import { noQuery } from "./parameters.ts";
import type { Service } from "./service.ts";

/** One request to a route, with what its handler needs; `Query` is the schema of its query. */
export interface RequestContext<Query extends z.ZodType = z.ZodType> {
  readonly service: Service;
  readonly request: Request;
  /** The parts of the path that the route names in braces. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: z.infer<Query>;
  /** Aborted when the response is not wanted any more. */
  readonly signal: AbortSignal;
  /** Requests that are being answered. */
  readonly running: number;
}

/** A method and a path of the server. */
export interface Route {
  readonly method: "GET" | "POST";
  /** Parts in braces stand for any text. */
  readonly path: string;
  readonly summary: string;
  readonly query: z.ZodObject;
  /** A schema for JSON; `picture` for an upload. */
  readonly body?: z.ZodType | "picture";
  /** A schema for JSON, else a media type; undefined for what is no part of the API. */
  readonly response?: z.ZodType | string;
  readonly handle: (context: RequestContext<never>) => Promise<Response>;
}

/** A route whose handler gets the query as its schema gives it. */
export function route<Query extends z.ZodObject>(
  { handle, query, ...rest }: Omit<Route, "query" | "handle"> & {
    readonly query?: Query;
    readonly handle: (context: RequestContext<Query>) => Promise<Response> | Response;
  },
): Route {
  return { ...rest, query: query ?? noQuery, handle: async (context) => await handle(context) };
}
