/** How the nodes of a cluster are asked, by nodes that need no search server behind them. */
import assert from "node:assert/strict";
import { z } from "zod";
import { type ClientOptions, ServerClient } from "../../../lib/index/server/client.ts";
import { SetupError } from "../../../lib/shared/errors.ts";
import { closedPort } from "../../helpers/closed_port.ts";
import { failure, serve } from "../../helpers/http_server.ts";
import { rawServer } from "../../helpers/raw_server.ts";

/** A client of nodes, and what it told before it tried again. */
function clientOf(nodes: readonly { url: string }[], options: Partial<ClientOptions> = {}) {
  const told: string[] = [];
  const client = new ServerClient({
    urls: nodes.map(({ url }) => new URL(url)),
    timeoutMs: 5000,
    retries: 2,
    signal: new AbortController().signal,
    onRetry: ({ message }) => void told.push(message),
    ...options,
  });
  return { client, told };
}

const get = { method: "GET", path: "/x" } as const;
const soon = { "retry-after": "0" };
const busy = (status = 503) => new Response("busy", { status, headers: soon });

Deno.test("ServerClient.send() tries again as often as it may, and tells when it was too much", async () => {
  await using server = serve(() => busy(429));
  const { client, told } = clientOf([server]);
  let slowed = 0;
  const request = { ...get, onBusy: () => void slowed++ };
  const error = await failure(client.send("read it", request));
  const origin = new URL(server.url).origin;
  assert.equal(error.message, `Cannot read it: ${origin}: status 429`);
  assert.deepEqual([server.requests.length, slowed, told], [3, 3, [error.message, error.message]]);
});

Deno.test("ServerClient.send() takes another node at once, and each again after a wait", async () => {
  await using good = serve((_, n) => n === 1 ? new Response("{}") : busy());
  const gone = { url: `http://127.0.0.1:${closedPort()}` };
  const { client, told } = clientOf([good, gone], { retries: 1 });
  await client.send("read it", get);
  const { body } = await client.send("read it", get).catch((error) => ({ body: error }));
  assert.equal(body.code, "http_503");
  // The node that is gone is passed over without a wait; a wait is told of the busy one.
  assert.deepEqual([good.requests.length, told.length], [3, 1]);
  assert.match(told[0]!, /status 503$/);
});

Deno.test("ServerClient.send() waits for a node that answered once, and not for others", async () => {
  const server = serve(() => new Response("{}"));
  const { client, told } = clientOf([server], { retries: 1 });
  await client.send("read it", get);
  await server[Symbol.asyncDispose]();
  const origin = new URL(server.url).origin;
  const error = await failure(client.send("read it", get));
  assert.equal(error.message, `Cannot read it: ${origin}: connection refused`);
  assert.deepEqual(told, [error.message]);

  const never = clientOf([server]);
  const message = `Cannot use ${origin}: connection refused`;
  await assert.rejects(never.client.send("read it", get), new SetupError(message));
  assert.deepEqual(never.told, []);
});

Deno.test("ServerClient.send() tries again after answers that are lost, cut short or late", async () => {
  const whole = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
  let asked = 0;
  await using server = await rawServer((socket) => {
    asked++;
    if (asked === 1) socket.end(whole);
    if (asked === 2) socket.resetAndDestroy();
    if (asked === 3) socket.end(whole.slice(0, -1));
    if (asked === 5) socket.end(whole);
  });
  const { client, told } = clientOf([server], { retries: 3, timeoutMs: 1000 });
  await client.send("read it", get);
  let slowed = 0;
  await client.send("read it", { ...get, onBusy: () => void slowed++ });
  const reasons = ["connection lost", "its body was cut short", "no complete answer in 1 s"];
  const origin = new URL(server.url).origin;
  assert.deepEqual(told, reasons.map((reason) => `Cannot read it: ${origin}: ${reason}`));
  assert.deepEqual([asked, slowed], [5, 1], "only what was late tells of too much work");
});

Deno.test("ServerClient.send() sends what has to be put right after an interruption, too", async () => {
  await using server = serve((_, n) => n === 1 ? busy() : new Response('{"ok":true}'));
  const abort = new AbortController();
  abort.abort();
  const { client } = clientOf([server], { signal: abort.signal });
  await assert.rejects(client.send("read it", get), { name: "AbortError" });
  assert.deepEqual(server.requests, []);
  const { body } = await client.send("put it right", { ...get, always: true });
  assert.deepEqual([body, server.requests.length], [{ ok: true }, 2]);
});

Deno.test("ServerClient.ask() tells of an answer that is not as expected", async () => {
  await using server = serve(() => Response.json({ count: "many" }));
  const { client } = clientOf([server]);
  const asked = client.ask("count it", get, z.object({ count: z.number() }));
  const { code, message } = await failure(asked);
  assert.equal(code, "body");
  assert.match(message, /^Cannot count it: http:\S+: its answer is not as expected: count: /);
});
