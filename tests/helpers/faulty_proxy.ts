/** A proxy before a real server that can lose, refuse or change what passes. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What happens to one request. */
export type Fault =
  /** The connection breaks before the server has seen the request. */
  | "lose request"
  /** The connection breaks after the server has done what was asked. */
  | "lose answer"
  /** The proxy answers in the server's place. */
  | { readonly status: number; readonly body: string }
  /** The server's answer is changed. */
  | ((body: unknown) => unknown);

/** A request as it passes. */
export interface Passing {
  readonly method: string;
  readonly path: string;
  /** Length of its body in bytes. */
  readonly length: number;
  /** Which of the requests to `_bulk` this is, from 1; 0 for others. */
  readonly bulk: number;
  /** Requests to `_bulk` under way, this one too. */
  readonly together: number;
}

/** Starts a proxy on loopback; `fault` says what happens to a request, nothing if undefined. */
export async function faultyProxy(
  target: string,
  fault: (request: Passing) => Fault | undefined | Promise<Fault | undefined>,
) {
  const seen: Passing[] = [];
  let together = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url!;
    const sent = new Uint8Array(await buffer(request));
    const isBulk = path.includes("/_bulk");
    const bulk = isBulk ? 1 + seen.filter((other) => other.bulk > 0).length : 0;
    if (isBulk) together++;
    const passing = { method: request.method!, path, length: sent.length, bulk, together };
    seen.push(passing);
    try {
      const what = await fault(passing);
      if (what === "lose request") return void request.socket.destroy();
      if (typeof what === "object") return void response.writeHead(what.status).end(what.body);
      const real = await fetch(target + path, {
        method: request.method!,
        headers: {
          accept: request.headers.accept ?? "*/*",
          "content-type": request.headers["content-type"] ?? "application/json",
        },
        ...(sent.length > 0 ? { body: sent } : {}),
      });
      const text = await real.text();
      if (what === "lose answer") return void request.socket.destroy();
      const product = real.headers.get("x-elastic-product");
      if (product !== null) response.setHeader("x-elastic-product", product);
      response.setHeader("content-type", "application/json");
      response.writeHead(real.status);
      response.end(what === undefined ? text : JSON.stringify(what(JSON.parse(text))));
    } finally {
      if (isBulk) together--;
    }
  }

  const server = createServer((request, response) =>
    void answer(request, response).catch(() => request.socket.destroy())
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = async () => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen, stop, [Symbol.asyncDispose]: stop };
}
