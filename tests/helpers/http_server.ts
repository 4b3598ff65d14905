/** A server that counts its requests, and clients of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { HttpError } from "../../lib/shared/errors.ts";
import { HttpClient, type HttpOptions } from "../../lib/shared/http.ts";

/** A server on loopback that keeps the path and the time of each request. */
export function serve(handler: (request: Request, n: number) => Response | Promise<Response>) {
  const requests: string[] = [];
  const times: number[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    times.push(performance.now());
    return handler(request, requests.push(new URL(request.url).pathname));
  });
  const host = `127.0.0.1:${server.addr.port}`;
  const close = () => server.shutdown();
  return { host, url: `http://${host}/`, requests, times, [Symbol.asyncDispose]: close };
}

/** An answer that does not come: none before the client has gone. */
export async function noAnswer({ signal }: Request): Promise<Response> {
  if (!signal.aborted) await once(signal, "abort");
  return new Response();
}

/** A client of `host`, and the waits before its new tries. */
export function client(host: string, options: Partial<HttpOptions> = {}) {
  const waits: number[] = [];
  const http = new HttpClient({
    signal: new AbortController().signal,
    timeoutMs: 5000,
    retries: 3,
    delayMs: 0,
    hosts: [host],
    maxBytes: 1000,
    userAgent: "maken/test",
    onRetry: (_error, waitMs) => void waits.push(waitMs),
    ...options,
  });
  return { http, waits };
}

/** The error that a request ended with. */
export async function failure(work: Promise<unknown>): Promise<HttpError> {
  const error = await work.then(() => undefined, (error) => error);
  assert.ok(error instanceof HttpError, String(error));
  return error;
}
