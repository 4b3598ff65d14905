import assert from "node:assert/strict";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { HttpError } from "../../lib/shared/errors.ts";
import { client, failure, serve } from "../helpers/http_server.ts";

const TEXT = '{"title":"Ålesund"}'.repeat(20);
const HALF = Math.floor(TEXT.length / 2);
/** Two gzip files one after the other are one, as `cat` makes it. */
const MEMBERS = new Uint8Array([...gzipSync(TEXT.slice(0, HALF)), ...gzipSync(TEXT.slice(HALF))]);

/** Gives packed bodies by path, packed whatever the request accepts. */
function packedServer(bodies: Record<string, [packing: string, body: Uint8Array]>) {
  const accepted: (string | null)[] = [];
  const server = serve(({ url, headers }) => {
    accepted.push(headers.get("accept-encoding"));
    const [packing, body] = bodies[new URL(url).pathname.slice(1)]!;
    return new Response(new Uint8Array(body), { headers: { "content-encoding": packing } });
  });
  return { ...server, accepted };
}

/** Takes the text alone, as a reader of JSON takes no part of it. */
function whole({ url, body }: { url: string; body: Uint8Array }): string {
  const text = new TextDecoder().decode(body);
  if (text === TEXT) return text;
  throw new HttpError(`Cannot read ${url}`, { code: "body", url, retry: true });
}

Deno.test("HttpClient.get() unpacks a body of several gzip files, at the second try", async () => {
  await using server = packedServer({ members: ["gzip", MEMBERS] });
  const { http, waits } = client(server.host);
  assert.equal(await http.get(`${server.url}members`, {}, whole), TEXT);
  assert.equal(waits.length, 1);
  assert.deepEqual(server.accepted, ["gzip,br", "identity"]);
});

Deno.test("HttpClient.get() unpacks what fetch() does not", async () => {
  const packed = { gzip: gzipSync(TEXT), deflate: deflateSync(TEXT), br: brotliCompressSync(TEXT) };
  for (const packing of ["gzip", "GZIP", "x-gzip", "deflate", "br", "identity"]) {
    const body = packing === "identity"
      ? new TextEncoder().encode(TEXT)
      : packed[packing.toLowerCase().replace("x-", "") as keyof typeof packed];
    await using server = packedServer({ a: [packing, body] });
    const { http, waits } = client(server.host);
    assert.equal(await http.get(`${server.url}a`, {}, whole), TEXT, packing);
    const asked = { "accept-encoding": "identity" };
    if (packing === "br") continue; // fetch() alone knows it
    assert.equal(await http.get(`${server.url}a`, asked, whole), TEXT, packing);
    assert.deepEqual(waits, [], packing);
  }
});

Deno.test("HttpClient.get() says what is wrong with a packed body", async () => {
  const plain = new TextEncoder().encode("<html>this is not packed at all, is it?");
  const random = crypto.getRandomValues(new Uint8Array(500));
  const cases: [packing: string, body: Uint8Array, reason: RegExp, tries: number][] = [
    ["gzip", plain, /its body cannot be unpacked: it is not whole gzip$/, 2],
    ["gzip", gzipSync(random).subarray(0, 400), /its body was cut short after \d+ bytes$|gzip$/, 2],
    ["br", plain, /its body cannot be unpacked: it is not whole br$/, 2],
    ["deflate", plain, /its body cannot be unpacked: it is not whole deflate$/, 2],
    ["zstd", plain, /its body is packed as "zstd", which was not asked for$/, 2],
    ["gzip, gzip", plain, /its body is packed as "gzip, gzip", which was not asked for$/, 2],
  ];
  for (const [packing, body, reason, tries] of cases) {
    await using server = packedServer({ a: [packing, body] });
    const error = await failure(client(server.host, { retries: 1 }).http.get(`${server.url}a`));
    assert.match(error.message, reason, packing);
    assert.deepEqual([error.code, server.requests.length], ["body", tries], packing);
  }
});

Deno.test("HttpClient.get() tries twice, not more, what is packed as nobody asked", async () => {
  await using server = packedServer({ a: ["zstd", new Uint8Array(9)] });
  await failure(client(server.host, { retries: 8 }).http.get(`${server.url}a`));
  assert.equal(server.requests.length, 2);
});

Deno.test("HttpClient.get() unpacks no more than it may take", async () => {
  const bomb = gzipSync(new Uint8Array(10_000_000));
  await using server = packedServer({ a: ["gzip", bomb], b: ["x-gzip", bomb] });
  const { http } = client(server.host, { maxBytes: 100_000 });
  for (const path of ["a", "b"]) {
    const error = await failure(http.get(server.url + path));
    assert.deepEqual([error.code, error.message.endsWith("more than 0 MB")], ["too_large", true]);
  }
});
