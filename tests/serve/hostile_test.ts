/** Thousands of requests that no well-meaning client sends: none may break the server or its bounds. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { importEncoder } from "../helpers/encoder.ts";
import { ROOT } from "../helpers/run_task.ts";
import { type ServeTask, startServe } from "../helpers/serve_task.ts";
import { fillIndex } from "../helpers/small_index.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { documentOf, randomVectors } from "../index/contract.ts";

const REQUESTS = 10_000;
const CLIENTS = 8;
/** Length of the small encoder's vectors. */
const DIMS = 12;
/** In files that lie beside the folders; no answer may hold it. */
const CANARY = "canary-7f3a91";

/** Numbers that are the same on every run. */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** From 0 to `n - 1`. */
  roll(n: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor(this.#state / 2 ** 32 * n);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.roll(list.length)]!;
  }
  bytes(n: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: n }, () => this.roll(256));
  }
}

const NASTY = [
  "..",
  "../..",
  "../secret",
  "..%2f..%2fsecret.jpg",
  "%2e%2e/%2e%2e/etc/passwd",
  "/etc/passwd",
  "\\..\\..\\secret",
  "file:///etc/passwd",
  "secret.jpg\0.png",
  "%00",
  "*",
  "_all",
  "images.*",
  ".hidden",
  "-x",
  "a,b",
  "<images-{now/d}>",
  "pictures/_search",
  "x' OR '1'='1",
  '"; DROP TABLE document; --',
  'title:"a" NOT',
  "NEAR(a b)",
  "a* AND",
  "\u202e\u0000\ud800",
  "𝕳é漢".repeat(40),
  "x".repeat(3000),
  "__proto__",
  "constructor",
  "<script>alert(1)</script>",
  "${7*7}",
  "%n%s%x",
  "",
  " ",
  "NaN",
  "-1",
  "1e9",
  "99999999999999999999",
  "null",
  "0x10",
];
const ROUTES = [
  "/similarity/{i}/id",
  "/similarity/{i}/filename",
  "/similarity/{i}/vector",
  "/similarity/{i}/image",
  "/similarity/{i}/{n}",
  "/random/{i}",
  "/text/{i}",
  "/items/{i}/{n}",
  "/pictures/{i}/{n}",
  "/facets/{i}",
  "/page/{n}",
  "/{n}",
  "/{n}/{n}/{n}",
  "/health",
  "/indexes",
  "/metrics",
  "/docs",
  "/openapi.json",
  "/",
];
const PARAMETERS = [
  ["size", "offset", "k", "fields", "metric", "filter"],
  ["q", "scale_from", "scale_to", "__proto__", "constructor", "index"],
].flat();
const TYPES = [
  "application/json",
  "text/plain",
  "image/jpeg",
  "multipart/form-data",
  "multipart/form-data; boundary=b",
  'multipart/form-data; boundary=""',
  "text/xml",
  "x".repeat(500),
  "",
];

function pathOf(dice: Dice): string {
  const part = (nasty: boolean) => {
    const text = nasty ? dice.pick(NASTY) : "pictures";
    return dice.roll(3) === 0 ? text.toWellFormed() : encodeURIComponent(text.toWellFormed());
  };
  const path = dice.pick(ROUTES).replaceAll("{i}", () => part(dice.roll(4) === 0))
    .replaceAll("{n}", () => dice.roll(4) === 0 ? `id${dice.roll(30)}` : part(true));
  const query = Array.from({ length: dice.roll(5) }, () => {
    const value = dice.roll(3) === 0
      ? dice.pick(["5", "0", "id,filename", "access=everywhere", "0,1", "min,max", "picture"])
      : dice.pick(NASTY);
    return `${dice.pick(PARAMETERS)}=${encodeURIComponent(value.toWellFormed())}`;
  });
  return `${path}${query.length > 0 ? "?" : ""}${query.join("&")}`;
}

function jsonValue(dice: Dice, depth = 0): unknown {
  const kinds = [
    () => dice.pick(NASTY),
    () => `id${dice.roll(30)}`,
    () => dice.pick([0, -1, 1e308, 1.5, 2 ** 53, 1e-320]),
    () => dice.pick([true, null]),
    () => Array.from({ length: DIMS }, () => dice.roll(3) - 1),
    () => Array.from({ length: dice.roll(4) }, () => depth > 3 ? 0 : jsonValue(dice, depth + 1)),
    () => ({ [dice.pick(NASTY)]: depth > 3 ? 0 : jsonValue(dice, depth + 1) }),
  ];
  return dice.pick(kinds)();
}

function bodyOf(dice: Dice, photo: Uint8Array<ArrayBuffer>): BodyInit {
  const spoiled = () => {
    const copy = photo.slice(0, dice.roll(photo.length));
    for (let i = 0; i < 5; i++) copy[dice.roll(copy.length)] = dice.roll(256);
    return copy;
  };
  const kinds: (() => BodyInit)[] = [
    () => JSON.stringify(jsonValue(dice)),
    () =>
      JSON.stringify({
        value: jsonValue(dice),
        scale_from: dice.pick([undefined, [0, 1], ["min", "max"], [1, 0], jsonValue(dice)]),
        scale_to: dice.pick([undefined, [0, 10], jsonValue(dice)]),
        filters: dice.pick([undefined, { access: "everywhere" }, jsonValue(dice)]),
      }),
    () => JSON.stringify({ value: jsonValue(dice) }).slice(0, -dice.roll(5)),
    () => dice.bytes(dice.roll(300)),
    () => dice.pick(NASTY).toWellFormed(),
    () => dice.roll(10) > 0 ? photo.slice(0, 2 + dice.roll(40)) : spoiled(),
    () =>
      dice.pick([
        "--b\r\n",
        "--b--",
        "\r\n--b",
        '--b\r\nContent-Disposition: form-data; name="image"; filename="../../x"\r\n\r\nx\r\n--b--',
        '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n',
      ]).repeat(1 + dice.roll(4)),
  ];
  return dice.pick(kinds)();
}

/** One random request: the status, and the text of the answer. */
async function attack(url: string, dice: Dice, photo: Uint8Array<ArrayBuffer>) {
  const path = pathOf(dice);
  const isBare = dice.roll(3) === 0;
  const method = isBare ? "GET" : dice.pick(["POST", "POST", "POST", "PUT", "DELETE", "OPTIONS"]);
  const response = await fetch(url + path, {
    method,
    redirect: "manual",
    headers: isBare ? {} : { "content-type": dice.pick(TYPES) },
    ...(isBare ? {} : { body: bodyOf(dice, photo) }),
  });
  return { what: `${method} ${path}`, status: response.status, text: await response.text() };
}

/** Sends bytes that need not be HTTP, and reads what comes back in a moment. */
async function sendRaw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(Uint8Array.from(text, (c) => c.charCodeAt(0)));
  await connection.closeWrite();
  const buffer = new Uint8Array(4096);
  const n = await connection.read(buffer).catch(() => null);
  return new TextDecoder().decode(buffer.subarray(0, n ?? 0));
}

const RAW = [
  "GET http://evil.example/health HTTP/1.1\r\nHost: x\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET //evil HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /pictures/pictures/../../secret.jpg HTTP/1.1\r\nHost: x\r\n\r\n",
  'GET / HTTP/1.1\r\nHost: a b"<\r\n\r\n',
  "GET / HTTP/1.1\r\n\r\n",
  "GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /%ff%c0%ae HTTP/1.1\r\nHost: x\r\n\r\n",
  "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
  "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET / HTTP/9.9\r\n\r\n",
  "POST /similarity/pictures/id HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
  "POST /similarity/pictures/id HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
  "POST /similarity/pictures/id HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  "POST /similarity/pictures/image HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
  `GET /?${"x".repeat(60_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\n${"A: b\r\n".repeat(5000)}\r\n`,
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
];

/** Deno's record of permissions that were asked for. */
async function auditLines(audit: string): Promise<string[]> {
  return (await Deno.readTextFile(audit)).trim().split("\n");
}

/** Paths that were to be read. */
function pathsRead(lines: readonly string[]): Set<string> {
  const asked: { permission: string; value: string | null }[] = lines.map((line) =>
    JSON.parse(line)
  );
  assert.ok(asked.every(({ permission }) => !["write", "run"].includes(permission)));
  return new Set(
    asked.filter(({ permission, value }) => permission === "read" && value !== null)
      .map(({ value }) => value!),
  );
}

/** An index and pictures, with canaries beside them and within reach of `..`. */
async function stage(dir: string): Promise<string[]> {
  const items = randomVectors(30, DIMS).map((vector, i) => ({
    document: documentOf(i < 5 ? NASTY[i]! : `id${i}`, { title: NASTY[i]! }),
    vector,
  }));
  await fillIndex(join(dir, "in/index"), "pictures", items, "encoder");
  await Deno.mkdir(join(dir, "in/images/everywhere"), { recursive: true });
  const photo = await Deno.readFile(join(ROOT, "tests/fixtures/photos/ski_rocket.jpg"));
  await Deno.writeFile(join(dir, "in/images/everywhere/id7.jpg"), photo);
  const canary = new Uint8Array([...photo.subarray(0, 20), ...new TextEncoder().encode(CANARY)]);
  for (const file of ["secret.jpg", "in/secret.jpg", "in/secret", "in/index.sqlite"]) {
    await Deno.writeFile(join(dir, file), canary);
  }
  const model = await importEncoder(dir);
  return ["--index-dir", join(dir, "in/index"), "--images", join(dir, "in/images")]
    .concat("--model", model);
}

Deno.test(`${REQUESTS} hostile requests: no crash, no fault, nothing outside the folders`, async () => {
  await using dir = await tempDir();
  const args = await stage(dir.path);
  const audit = join(dir.path, "audit.jsonl");
  await using server: ServeTask = await startServe([...args, "--quiet"], {
    DENO_AUDIT_PERMISSIONS: audit,
  });
  const start = await auditLines(audit);
  const photo = await Deno.readFile(join(ROOT, "tests/fixtures/photos/ski_rocket.jpg"));
  const statuses = new Map<number, number>();
  await Promise.all(Array.from({ length: CLIENTS }, async (_, client) => {
    const dice = new Dice(client + 1);
    for (let i = 0; i < REQUESTS / CLIENTS; i++) {
      const { what, status, text } = await attack(server.url, dice, photo);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      assert.ok(status < 500, `${status} ${text} for ${what}`);
      assert.ok(!text.includes(CANARY), what);
      assert.ok(!text.includes(dir.path), `${what} tells where files are: ${text}`);
    }
  }));
  for (const text of RAW) {
    const answer = await sendRaw(server.url, text);
    assert.doesNotMatch(answer, /^HTTP\/1\.1 5/, text);
    assert.ok(!answer.includes(CANARY));
  }
  for (const status of [200, 404, 405, 415, 422]) {
    assert.ok(statuses.get(status)! > 50, `${status}: ${statuses.get(status)}`);
  }
  const picture = await fetch(`${server.url}/pictures/pictures/id7`);
  assert.equal((await picture.bytes()).length, photo.length, "it still works");
  const read = pathsRead((await auditLines(audit)).slice(start.length));
  const folders = [join(dir.path, "in/index"), join(dir.path, "in/images")];
  const isInside = (path: string) => folders.some((f) => path === f || path.startsWith(`${f}/`));
  assert.ok(read.has(join(folders[1]!, "everywhere/id7.jpg")), "it is written down what is read");
  assert.deepEqual([...read].filter((path) => !isInside(path)), []);
  const { code, log } = await server.stop();
  assert.equal(code, 130, log);
  assert.doesNotMatch(log, /internal error|panic|Uncaught/);
});
