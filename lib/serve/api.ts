/** Handles requests: finds the route, keeps the limits, turns errors into responses, logs. */
import {
  AbsentIndexError,
  HttpError,
  RequestError,
  SetupError,
  UnfitIndexError,
  WorkerError,
} from "../shared/errors.ts";
import { accessLine } from "./access_log.ts";
import { readQuery } from "./parameters.ts";
import { errorResponse, notFoundResponse } from "./responses.ts";
import { findRoute, type RouteMatch } from "./router.ts";
import { ROUTES } from "./routes.ts";
import type { Service } from "./service.ts";

/** Requests that are handled at a time; what holds up one of them must not pile up more. */
const MAX_RUNNING = 200;

/** Methods that metrics tell apart. */
const KNOWN_METHODS = ["GET", "HEAD", "POST", "OPTIONS"];

/** Status in the log of a request whose client has gone, as nginx has it. */
const CLIENT_GONE = 499;

/** Any page may ask; no request carries anything that signs in. */
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "X-Total-Count, Retry-After",
};

/** A response, and the status that it has in log and metrics. */
interface Outcome {
  readonly response: Response;
  readonly status: number;
}

/** Handles the requests of one server. */
export class Api {
  #running = 0;
  /** Called when no request is left; undefined while the server is not told to stop. */
  #onIdle: (() => void) | undefined;

  constructor(private readonly service: Service) {}

  /** The response to a request; never throws. */
  async handle(request: Request): Promise<Response> {
    const { service } = this;
    const start = performance.now();
    this.#running++;
    const match = findRoute(request, ROUTES);
    const { response, status } = this.#onIdle === undefined
      ? await outcomeOf(service, request, match, this.#running)
      : whileStopping();
    this.#running--;
    const ms = performance.now() - start;
    const method = KNOWN_METHODS.includes(request.method) ? request.method : "other";
    service.metrics.request(match.label, method, status, ms / 1000);
    service.onResponse(accessLine(request, response, status, ms));
    if (this.#running === 0) this.#onIdle?.();
    return response;
  }

  /** Refuses further requests, and waits until those that have begun are answered. */
  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    if (this.#running > 0) await promise;
  }
}

function whileStopping(): Outcome {
  const headers = { connection: "close", "retry-after": "5" };
  const response = errorResponse(503, "The server is being stopped", headers);
  return { response, status: response.status };
}

async function outcomeOf(
  service: Service,
  request: Request,
  match: RouteMatch,
  running: number,
): Promise<Outcome> {
  let response: Response;
  try {
    response = match.kind === "found"
      ? await handleWithinLimits(service, request, match, running)
      : unroutedResponse(request, match);
  } catch (error) {
    if (request.signal.aborted) {
      return { response: errorResponse(400, "The request was given up"), status: CLIENT_GONE };
    }
    response = failureResponse(error, service);
  }
  for (const [name, value] of Object.entries(CORS)) response.headers.set(name, value);
  if (request.method === "HEAD") response = new Response(null, response);
  return { response, status: response.status };
}

/** The handler's response, unless it takes too long or nobody waits for it any more. */
async function handleWithinLimits(
  service: Service,
  request: Request,
  { route, path, url }: Extract<RouteMatch, { kind: "found" }>,
  running: number,
): Promise<Response> {
  if (running > MAX_RUNNING) {
    throw new RequestError(503, "Too many requests are waiting: try again later", {
      "retry-after": "1",
    });
  }
  const query = readQuery(url, route.query) as never;
  const abort = new AbortController();
  const { signal } = abort;
  const seconds = service.timeoutMs / 1000;
  const timer = setTimeout(
    () => abort.abort(new RequestError(504, `There was no answer within ${seconds} s`)),
    service.timeoutMs,
  );
  const giveUp = () => abort.abort(new RequestError(400, "The request was given up"));
  request.signal.addEventListener("abort", giveUp);
  const aborted = new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason))
  );
  try {
    return await Promise.race([
      route.handle({ service, request, path, query, signal, running }),
      aborted,
    ]);
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener("abort", giveUp);
  }
}

/** The response to a request that no route takes. */
function unroutedResponse(
  request: Request,
  match: Exclude<RouteMatch, { kind: "found" }>,
): Response {
  if (match.kind === "not found") return notFoundResponse();
  const allow = [...match.allow, "OPTIONS"].join(", ");
  if (request.method !== "OPTIONS") {
    return errorResponse(405, `This address takes ${allow} only`, { allow });
  }
  const headers = new Headers({
    allow,
    "access-control-allow-methods": match.allow.join(", "),
    "access-control-allow-headers": "Content-Type",
    "access-control-max-age": "86400",
  });
  if (request.headers.get("access-control-request-private-network") === "true") {
    headers.set("access-control-allow-private-network", "true");
  }
  return new Response(null, { status: 204, headers });
}

function failureResponse(error: unknown, { onProblem }: Service): Response {
  if (error instanceof RequestError) {
    return errorResponse(error.status, error.message, error.headers);
  }
  if (error instanceof AbsentIndexError) {
    return errorResponse(404, "There is no index of that name");
  }
  if (error instanceof UnfitIndexError) {
    onProblem(error.message);
    return errorResponse(503, error.message);
  }
  if (error instanceof SetupError) {
    // What it says of paths and hosts is for the operator alone.
    onProblem(error.message);
    const isSlow = error.cause instanceof HttpError && error.cause.code === "timeout";
    if (isSlow) return errorResponse(504, "The index did not answer in time");
    return errorResponse(503, "The index cannot be read now", { "retry-after": "5" });
  }
  if (error instanceof WorkerError) {
    onProblem(error.message);
    return errorResponse(503, "This picture cannot be searched by now");
  }
  const stack = error instanceof Error ? error.stack ?? error.message : String(error);
  onProblem(`internal error, please report it: ${stack}`);
  return errorResponse(500, "The server has a fault; its log tells more");
}
