import assert from "node:assert/strict";
import { HttpError } from "../../lib/shared/errors.ts";
import { politeClient } from "../../lib/shared/http.ts";
import { closedPort } from "../helpers/closed_port.ts";
import { client, failure, noAnswer, serve } from "../helpers/http_server.ts";
import { rawServer } from "../helpers/raw_server.ts";

const again = { "retry-after": "0" };

Deno.test("HttpClient.get() sends the headers and gives the whole answer", async () => {
  await using server = serve(({ headers }) => Response.json([...headers.entries()]));
  const { http } = client(server.host);
  const { url, body } = await http.get(`${server.url}a?b=1`, { accept: "text/x" });
  assert.equal(url, `${server.url}a?b=1`);
  const sent = new Map<string, string>(JSON.parse(new TextDecoder().decode(body)));
  assert.deepEqual([sent.get("accept"), sent.get("user-agent")], ["text/x", "maken/test"]);
});

for (const status of [408, 429, 500, 503]) {
  Deno.test(`HttpClient.get() tries again after status ${status}`, async () => {
    await using server = serve((_, n) =>
      n <= 2 ? new Response("busy", { status, headers: again }) : new Response("done")
    );
    const { http, waits } = client(server.host);
    assert.equal(new TextDecoder().decode((await http.get(server.url)).body), "done");
    assert.deepEqual([server.requests.length, waits.length], [3, 2]);

    await using broken = serve(() => new Response("busy", { status, headers: again }));
    const error = await failure(client(broken.host, { retries: 2 }).http.get(broken.url));
    assert.deepEqual([error.code, error.info.status, error.info.body], [
      `http_${status}`,
      status,
      "busy",
    ]);
    assert.equal(broken.requests.length, 3);
  });
}

Deno.test("HttpClient.get() asks once where another try cannot help", async () => {
  for (const status of [400, 401, 403, 404, 410, 204]) {
    await using server = serve(() =>
      new Response(status === 204 ? null : "no", { status, headers: again })
    );
    const error = await failure(client(server.host).http.get(`${server.url}x`));
    assert.equal(error.code, `http_${status}`);
    assert.ok(error.message.startsWith(`Cannot get ${server.url}x: status ${status}`));
    assert.equal(server.requests.length, 1, `${status}`);
  }
});

Deno.test("HttpClient.get() takes status 203 as 200", async () => {
  await using server = serve(() => new Response("done", { status: 203 }));
  const { status, body } = await client(server.host).http.get(server.url);
  assert.deepEqual([status, new TextDecoder().decode(body)], [200, "done"]);
});

Deno.test("HttpClient.get() tells a status whatever its body is", async () => {
  const bodies = [
    "content-encoding: gzip\r\ncontent-length: 10\r\n\r\nno gzip at",
    "content-encoding: zstd\r\ncontent-length: 3\r\n\r\nabc",
    `content-length: 2000000\r\n\r\n`,
    "content-length: 10\r\n\r\ncut",
  ];
  for (const body of bodies) {
    await using server = await rawServer((socket) =>
      socket.end(`HTTP/1.1 404 Not Found\r\nconnection: close\r\n${body}`)
    );
    const error = await failure(client(server.host).http.get(server.url));
    assert.equal(error.message, `Cannot get ${server.url}: status 404 (not found)`);
  }
});

Deno.test("HttpClient.get() waits as long as Retry-After says, 60 s at most", async () => {
  // A date has whole seconds, so what it leaves of one second is between 0 and 1 s.
  const inOneSecond = () => new Date(Date.now() + 1000).toUTCString();
  const cases: [() => string, number, number][] = [
    [() => "0", 0, 0],
    [inOneSecond, 0, 1000],
    [() => "Fri, 01 Jan 2016 00:00:00 GMT", 0, 0],
    [() => "59", 59_000, 59_000],
    [() => "3600", 60_000, 60_000],
    [() => "Fri, 31 Dec 2100 00:00:00 GMT", 60_000, 60_000],
    [() => "soon", 250, 500], // not understood: the first back-off
  ];
  for (const [header, least, most] of cases) {
    const headers = () => ({ "retry-after": header() });
    await using server = serve((_, n) =>
      n === 1 ? new Response("", { status: 503, headers: headers() }) : new Response("done")
    );
    const abort = new AbortController();
    const { http, waits } = client(server.host, {
      signal: abort.signal,
      onRetry: (_, waitMs) => {
        waits.push(waitMs);
        if (waitMs > 1000) abort.abort(); // not worth the time of a test
      },
    });
    const result = await http.get(server.url).then(() => "done", (error) => error.name);
    const [waitMs = -1] = waits;
    assert.ok(least <= waitMs && waitMs <= most, `${header()}: ${waitMs}`);
    assert.equal(result, waitMs > 1000 ? "AbortError" : "done");
    if (result !== "done") continue;
    const [first, second] = server.times;
    assert.ok(second! - first! >= waitMs - 1, "timers count whole milliseconds");
  }
});

Deno.test("HttpClient.get() tries again after a body that is cut short", async () => {
  const whole = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nwhole";
  for (const [cuts, code] of [[1, undefined], [2, /^(body|network)$/]] as const) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    let asked = 0;
    const serving = (async () => {
      for await (const connection of listener) {
        using _ = connection;
        await connection.read(new Uint8Array(4096));
        const text = ++asked <= cuts ? whole.slice(0, -2) : whole;
        await connection.write(new TextEncoder().encode(text));
        if (asked === 2) break;
      }
    })();
    const host = `127.0.0.1:${listener.addr.port}`;
    const { http, waits } = client(host, { retries: 1 });
    const result = http.get(`http://${host}/`);
    if (code === undefined) assert.equal((await result).body.length, 5);
    else assert.match((await failure(result)).code, code);
    await serving;
    assert.deepEqual([asked, waits.length], [2, 1]);
  }
});

Deno.test("HttpClient.get() tries again when a host that answered refuses, after a back-off", async () => {
  const server = serve(() => new Response("ok"));
  const { http, waits } = client(server.host, { retries: 1 });
  await http.get(server.url);
  await server[Symbol.asyncDispose]();
  assert.equal((await failure(http.get(server.url))).code, "network");
  assert.equal(waits.length, 1);
  assert.ok(waits[0]! >= 250 && waits[0]! <= 500, `${waits[0]}`);
});

Deno.test("HttpClient.get() tells at once of an address where nothing has ever answered", async () => {
  const host = `127.0.0.1:${closedPort()}`;
  const { http, waits } = client(host, { retries: 5 });
  assert.equal((await failure(http.get(`http://${host}/`))).code, "network");
  assert.deepEqual(waits, []);
});

Deno.test("HttpClient.get() tells at once of a scheme that is not the server's", async () => {
  await using server = serve(() => new Response("ok"));
  const { http, waits } = client(server.host);
  const url = server.url.replace("http:", "https:");
  const error = await failure(http.get(url));
  assert.equal(error.message, `Cannot get ${url}: it speaks plain http, not https`);
  assert.deepEqual([error.code, waits], ["network", []]);
});

Deno.test("HttpClient.get() says why there was no connection", async () => {
  const host = `127.0.0.1:${closedPort()}`;
  const error = await failure(client(host, { retries: 0 }).http.get(`http://${host}/`));
  assert.equal(error.message, `Cannot get http://${host}/: connection refused`);
});

Deno.test("HttpClient.get() says that the connection was lost", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = listener.accept().then(async (connection) => {
    await connection.read(new Uint8Array(4096));
    connection.close();
  });
  const host = `127.0.0.1:${listener.addr.port}`;
  const error = await failure(client(host, { retries: 0 }).http.get(`http://${host}/`));
  await closing;
  assert.equal(error.message, `Cannot get http://${host}/: connection lost`);
});

Deno.test("HttpClient.get() gives up on an answer that is late or stops half-way", async () => {
  await using server = serve((request) => {
    if (request.url.endsWith("/late")) return noAnswer(request);
    return new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(1)) }));
  });
  const { http } = client(server.host, { retries: 0, timeoutMs: 100 });
  for (const path of ["half", "late"]) {
    const error = await failure(http.get(server.url + path));
    assert.equal(error.code, "timeout");
    assert.equal(error.message, `Cannot get ${server.url}${path}: no complete answer in 0.1 s`);
  }
  assert.deepEqual(server.requests, ["/half", "/late"]);
});

Deno.test("HttpClient.get() tries again what its caller finds wrong", async () => {
  await using server = serve((_, n) => new Response(String(n)));
  const refuse = new HttpError("Cannot read", { code: "body", url: server.url, retry: true });
  const { http } = client(server.host);
  const n = await http.get(server.url, {}, ({ body }) => {
    if (new TextDecoder().decode(body) === "1") throw refuse;
    return server.requests.length;
  });
  assert.equal(n, 2);
});

Deno.test("HttpClient.get() refuses a body that is too large, told of or not", async () => {
  let sent = 0;
  const pull = (controller: ReadableStreamDefaultController) => {
    if (++sent > 1000) controller.close();
    else controller.enqueue(new Uint8Array(65_536));
  };
  await using server = serve(({ url }) =>
    new Response(
      url.endsWith("/chunked")
        ? new ReadableStream({ pull })
        : new Uint8Array(Number(new URL(url).pathname.slice(1))),
    )
  );
  const { http } = client(server.host);
  assert.equal((await http.get(`${server.url}1000`)).body.length, 1000);
  for (const path of ["1001", "chunked"]) {
    assert.equal((await failure(http.get(server.url + path))).code, "too_large");
  }
  assert.deepEqual(server.requests, ["/1000", "/1001", "/chunked"]);
  assert.ok(sent < 1000, "the rest of the body was read");
});

Deno.test("politeClient() says who asks, and takes times in seconds", async () => {
  const agents: (string | null)[] = [];
  await using server = serve((request) => {
    agents.push(request.headers.get("user-agent"));
    return request.url.endsWith("/late") ? noAnswer(request) : new Response("ok");
  });
  const limits = { hosts: [server.host], maxBytes: 10, signal: new AbortController().signal };
  await politeClient({ timeoutSeconds: 5, retries: 0 }, limits).get(server.url);
  const contact = "mailto:me@example.org";
  const hasty = politeClient({ timeoutSeconds: 0.1, retries: 0, contact }, limits);
  assert.equal((await failure(hasty.get(`${server.url}late`))).code, "timeout");
  const [nobody, me] = agents.map((agent) => agent!.replace(/\d+\.\d+\.\d+/, "N"));
  assert.equal(nobody, "maken/N (similar-image indexer)");
  assert.equal(me, "maken/N (similar-image indexer; mailto:me@example.org)");
});
