import assert from "node:assert/strict";
import { get } from "node:https";
import { get as getPlain } from "node:http";
import { join } from "node:path";
import { connectionFault } from "../../lib/shared/connection_faults.ts";
import { closedPort } from "../helpers/closed_port.ts";
import { serve } from "../helpers/http_server.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { ROOT } from "../helpers/run_task.ts";

/** What a client of HTTP throws at an address; it trusts `ca`. */
type Thrown = (url: string, ca?: string) => Promise<unknown>;

/** By `fetch()`, with a time limit. */
const fetched: Thrown = async (url, ca) => {
  using client = Deno.createHttpClient(ca === undefined ? {} : { caCerts: [ca] });
  const request = fetch(url, { client, signal: AbortSignal.timeout(timeoutOf(url)) });
  return await request.then(async (response) => {
    await response.text();
    return undefined;
  }).catch((error) => error);
};

/** By Node's own client, without one. */
const gotByNode: Thrown = (url, ca) =>
  new Promise((resolve) => {
    const options = { agent: false as const, ...(ca === undefined ? {} : { ca }) };
    const answered = () => resolve(undefined);
    const request = url.startsWith("https:")
      ? get(url, options, answered)
      : getPlain(url, options, answered);
    request.on("error", resolve);
  });

function timeoutOf(url: string): number {
  return url.endsWith("/late") ? 50 : 60_000;
}

/** The fault at an address, without what both clients share. */
async function faultAt(url: string, thrown: Thrown = fetched, ca?: string) {
  const error = await thrown(url, ca);
  assert.ok(error !== undefined, `${url} answered`);
  return connectionFault(error, { url: new URL(url), timeoutMs: timeoutOf(url) });
}

const network = { code: "network", passes: false } as const;
const lost = { kind: "lost", code: "network", reason: "connection lost", passes: true } as const;

for (const [name, thrown] of [["fetch()", fetched], ["node:http", gotByNode]] as const) {
  const test = `connectionFault() knows by what ${name} throws`;

  Deno.test(`${test} a port that is closed`, async () => {
    const fault = await faultAt(`http://127.0.0.1:${closedPort()}/`, thrown);
    assert.deepEqual(fault, { ...network, kind: "refused", reason: "connection refused" });
  });

  Deno.test(`${test} a host that is not there, whatever its name`, async () => {
    // A part that is too long is refused before any name server is asked.
    for (const name of ["a".repeat(64), `refused-certificate.${"a".repeat(64)}`]) {
      const fault = await faultAt(`http://${name}.invalid/`, thrown);
      assert.deepEqual(fault, { ...network, kind: "host", reason: "host not found" });
    }
  });

  Deno.test(`${test} a connection that is closed or reset without an answer`, async () => {
    await using closing = await rawServer((socket) => socket.end());
    await using resetting = await rawServer((socket) => socket.resetAndDestroy());
    assert.deepEqual(await faultAt(closing.url, thrown), lost);
    assert.deepEqual(await faultAt(resetting.url, thrown), lost);
    // No words in an address count.
    const url = `${closing.url}?dns%20error=refused&certificate=lookup`;
    assert.deepEqual(await faultAt(url, thrown), lost);
  });

  Deno.test(`${test} a server that speaks plain http`, async () => {
    await using server = serve(() => new Response());
    const fault = await faultAt(server.url.replace("http:", "https:"), thrown);
    const reason = "it speaks plain http, not https";
    assert.deepEqual(fault, { ...network, kind: "plain", reason });
  });

  Deno.test(`${test} a certificate that cannot be used`, async () => {
    const other = await secureServer("other_name");
    await using _ = other;
    assert.deepEqual(await faultAt(other.url, thrown), {
      ...network,
      kind: "untrusted",
      reason: "its certificate is of an authority that is not trusted",
    });
    assert.deepEqual(await faultAt(other.url, thrown, other.cert), {
      ...network,
      kind: "certificate",
      reason: 'its certificate is not for the name "127.0.0.1"',
    });
  });
}

/** A server with a certificate of the fixtures. */
async function secureServer(name: string) {
  const file = (file: string) => join(ROOT, "tests/fixtures/certificates", file);
  const key = await Deno.readTextFile(file("key.pem"));
  const cert = await Deno.readTextFile(file(`${name}.pem`));
  const options = { hostname: "127.0.0.1", port: 0, key, cert, onListen() {} };
  const server = Deno.serve(options, () => new Response());
  const url = `https://127.0.0.1:${server.addr.port}/`;
  return { url, cert, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("connectionFault() tells of a certificate that has expired", async () => {
  await using expired = await secureServer("expired");
  const { kind, reason } = await faultAt(expired.url, fetched, expired.cert);
  assert.deepEqual([kind, reason], ["certificate", "its certificate has expired"]);
});

Deno.test("connectionFault() tells of a body that is cut short", async () => {
  const bodies = [
    "content-length: 10\r\n\r\nshort",
    "transfer-encoding: chunked\r\n\r\n5\r\nab",
    "content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc",
  ];
  for (const body of bodies) {
    await using server = await rawServer((socket) => socket.end(`HTTP/1.1 200 OK\r\n${body}`));
    const reason = "its body was cut short";
    const fault = { kind: "cut", code: "body", reason, passes: true };
    assert.deepEqual(await faultAt(server.url), fault, body);
  }
});

Deno.test("connectionFault() tells of a server that does not answer in time", async () => {
  await using silent = await rawServer(() => {});
  await using slow = await rawServer((socket) =>
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na")
  );
  const reason = "no complete answer in 0.05 s";
  const fault = { kind: "timeout", code: "timeout", reason, passes: true };
  assert.deepEqual(await faultAt(`${silent.url}late`), fault);
  assert.deepEqual(await faultAt(`${slow.url}late`), fault);
});

Deno.test({
  name: "connectionFault() tells of a host that this run has no permission for",
  permissions: { net: ["127.0.0.1:9"] },
  async fn() {
    const fault = await faultAt("http://127.0.0.1:8/");
    const reason = "this run may not reach it";
    assert.deepEqual(fault, { ...network, kind: "permission", reason });
  },
});

Deno.test("connectionFault() names what it does not know", async () => {
  await using server = await rawServer((socket) => socket.end("no HTTP at all\r\n\r\n"));
  const { kind, reason, passes } = await faultAt(server.url);
  assert.deepEqual([kind, passes], ["lost", true]);
  assert.match(reason, /^connection lost \([^()]*HTTP[^()]*\)$/);
  await using closing = await rawServer((socket) => socket.end());
  const handshake = await faultAt(closing.url.replace("http:", "https:"));
  assert.equal(handshake.kind, "lost");
  assert.match(handshake.reason, /^(TLS failed: .*|connection lost)$/);
});

/** Paths and queries that hold what libraries say of every fault. */
const HOSTILE = [
  "refused/dns/lookup/certificate",
  "a)connection%20refused(ECONNREFUSED):%20tcp%20connect%20error",
  "dns)error:failed-to-lookup?getaddrinfo=ENOTFOUND",
  "x)certificate,expired;UnknownIssuer/self-signed",
  "InvalidContentType?q=(corrupt)reading-a-body",
  "?q='unexpected%20end%20of%20file'&reset=closed&tls=alert&timed=out",
  "invalid-HTTP-header)invalid-HTTP-version",
];

for (const [name, thrown] of [["fetch()", fetched], ["node:http", gotByNode]] as const) {
  Deno.test(`connectionFault() is told nothing by an address of ${name}`, async () => {
    await using closing = await rawServer((socket) => socket.end());
    await using web = serve(() => new Response());
    const secure = await secureServer("other_name");
    await using _ = secure;
    const cases: [url: string, kind: string][] = [
      [closing.url, "lost"],
      [`http://127.0.0.1:${closedPort()}/`, "refused"],
      [`http://refused-certificate.${"a".repeat(64)}.invalid/`, "host"],
      [web.url.replace("http:", "https:"), "plain"],
      [secure.url, "untrusted"],
    ];
    for (const [url, kind] of cases) {
      const plain = await faultAt(url, thrown);
      assert.equal(plain.kind, kind);
      for (const path of HOSTILE) assert.deepEqual(await faultAt(url + path, thrown), plain, path);
    }
  });
}

Deno.test("connectionFault() says what of an answer is not HTTP, and that it stays so", async () => {
  const cases: [answer: string, reason: RegExp][] = [
    ["HTTP/1.1 200 OK\r\nx: a;\r\n\tb\r\n\r\n", /header .* folded over several lines/],
    ["HTTP/1.1 200 OK\r\nno colon\r\n\r\n", /a header of its answer cannot be read/],
    [`HTTP/1.1 200 OK\r\n${"x: a\r\n".repeat(200)}\r\n`, /headers .* too many or too long/],
    ["HTTP/1.1 abc OK\r\n\r\n", /status of its answer cannot be read/],
    ["HTTP/1.1 200 OK\r\ncontent-length: no\r\n\r\n", /length/],
    ["ICY 200 OK\r\n\r\n", /its answer is not HTTP/],
    ["SSH-2.0-OpenSSH_9.2\r\n", /its answer is not HTTP/],
  ];
  for (const [answer, reason] of cases) {
    await using server = await rawServer((socket) => socket.end(answer));
    const fault = await faultAt(server.url);
    assert.match(fault.reason, reason);
    assert.doesNotMatch(fault.reason, /parsed|client error|invalid|SendRequest|message/, answer);
    assert.deepEqual([fault.code, fault.tries], ["network", 2], answer);
  }
});
