import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import { type Asked, testApi, told } from "../helpers/api.ts";
import { DIMS, fillIndex, smallItems } from "../helpers/small_index.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { cosine, randomVectors } from "../index/contract.ts";

const ITEMS = smallItems(40);
const NAME = "images.knn";
const SIMILAR = `/similarity/${NAME}`;

/** The API over one index of 40 items. */
async function open(options: Parameters<typeof testApi>[1] = {}) {
  const dir = await tempDir();
  await fillIndex(dir.path, NAME, ITEMS);
  const api = testApi(dir.path, options);
  return {
    ...api,
    dir: dir.path,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** Ids and similarities of the nearest by plain arithmetic, without one of them. */
function exact(vector: Float32Array, without = "") {
  return ITEMS.filter(({ document }) => document.id !== without)
    .map((item) => ({ id: item.document.id, similarity: cosine(vector, item.vector) }))
    .sort((a, b) => b.similarity - a.similarity);
}

const ids = (entries: { _id: string }[]) => entries.map(({ _id }) => _id);

Deno.test("the browser extension gets what it reads, from another origin", async () => {
  await using api = await open();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => api.api.handle(request),
  );
  const path = `${SIMILAR}/id?size=12&offset=0&fields=filename,id`;
  const url = `http://127.0.0.1:${server.addr.port}${path}`;
  const origin = "https://www.nb.no";
  const preflight = await fetch(url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    },
  });
  await preflight.body?.cancel();
  assert.ok(preflight.ok);
  assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
  assert.match(preflight.headers.get("access-control-allow-methods")!, /POST/);
  assert.match(preflight.headers.get("access-control-allow-headers")!, /content-type/i);
  const response = await fetch(url, {
    method: "POST",
    headers: { origin, "content-type": "application/json" },
    body: JSON.stringify({ value: "id7", scale_from: [0.1, 1], scale_to: [0, 10] }),
  });
  const { status, headers, json } = await told(response);
  assert.equal(status, 200);
  assert.equal(headers.get("access-control-allow-origin"), "*");
  const expected = exact(ITEMS[7]!.vector, "id7").slice(0, 12);
  assert.deepEqual(ids(json), expected.map(({ id }) => id));
  for (const [i, { _index, _score, fields }] of json.entries()) {
    const { id, similarity } = expected[i]!;
    assert.deepEqual(Object.keys(fields), ["similarity", "scaled", "filename", "id"]);
    assert.equal(_index, NAME);
    assert.equal(fields.filename[0], `digifoto_${id}`);
    assert.equal(fields.id[0], id);
    assert.ok(Math.abs(fields.similarity[0] - similarity) < 1e-6);
    assert.ok(Math.abs(_score - (1 + similarity) / 2) < 1e-6);
    const clipped = Math.max(0.1, similarity);
    assert.equal(fields.scaled[0], Math.round(10 * (clipped - 0.1) / 0.9));
  }
});

Deno.test("pages follow each other without gaps, whatever k is", async () => {
  await using api = await open();
  const body = { value: "id3" };
  const all = ids((await api.ask(`${SIMILAR}/id`, { body })).json);
  assert.equal(all.length, 39);
  const pages = [];
  for (let offset = 0; offset < 39; offset += 10) {
    const page = await api.ask(`${SIMILAR}/id?size=10&offset=${offset}&k=1`, { body });
    pages.push(...ids(page.json));
  }
  assert.deepEqual(pages, all);
  assert.deepEqual((await api.ask(`${SIMILAR}/id?offset=39`, { body })).json, []);
});

Deno.test("a file name finds as the id does; a vector finds the item itself first", async () => {
  await using api = await open();
  const byId = await api.ask(`${SIMILAR}/id?size=5`, { body: { value: "id9" } });
  const byName = await api.ask(`${SIMILAR}/filename?size=5`, { body: { value: "digifoto_id9" } });
  assert.deepEqual(byName.json, byId.json);
  const [vector] = randomVectors(1, DIMS, 77);
  for (const asked of [ITEMS[9]!.vector, vector!]) {
    const body = { value: Array.from(asked) };
    const { json } = await api.ask(`${SIMILAR}/vector?size=5`, { body });
    assert.deepEqual(ids(json), exact(asked).slice(0, 5).map(({ id }) => id));
  }
});

Deno.test("filters hold for neighbours, words and chance; access in any case", async () => {
  await using api = await open();
  const norway = ITEMS.filter(({ document }) => document.access === "norway")
    .map(({ document }) => document.id).sort();
  const body = { value: "id0", filters: { access: "NORWAY" } };
  assert.deepEqual(ids((await api.ask(`${SIMILAR}/id`, { body })).json).sort(), norway);
  for (const path of [`/random/${NAME}?size=50`, `/text/${NAME}?size=50&q=ski`]) {
    const { json } = await api.ask(`${path}&filter=access=norway&filter=license=publicdomain`);
    assert.deepEqual(ids(json).sort(), norway);
    assert.deepEqual((await api.ask(`${path}&filter=license=none`)).json, []);
  }
});

Deno.test("similarities are clipped and scaled as asked", async () => {
  await using api = await open();
  const ask = async (options: object) => {
    const body = { value: "id1", ...options };
    const { json } = await api.ask(`${SIMILAR}/id?size=6`, { body });
    return json.map(({ fields }: { fields: { scaled?: number[] } }) => fields.scaled?.[0]);
  };
  const [best, ...others] = exact(ITEMS[1]!.vector, "id1").slice(0, 6);
  const worst = others.at(-1)!;
  assert.deepEqual(await ask({}), Array(6).fill(undefined));
  const spread = await ask({ scale_from: ["min", "max"], scale_to: [0, 1000] });
  assert.deepEqual([spread[0], spread[5]], [1000, 0]);
  assert.ok(spread.every(Number.isInteger));
  const falling = await ask({ scale_to: [1.5, -0.5] });
  assert.deepEqual([falling[0], falling[5]], [-0.5, 1.5]);
  const middle = (best!.similarity + worst.similarity) / 2;
  const upper = await ask({ scale_from: [middle, "max"], scale_to: [0, 7] });
  assert.deepEqual([upper[0], upper[5]], [7, 0]);
  assert.deepEqual(await ask({ scale_from: [0.999, 1], scale_to: [0, 7] }), Array(6).fill(0));
  assert.deepEqual(await ask({ scale_from: [-1, -1], scale_to: [0, 7] }), Array(6).fill(7));
  assert.deepEqual(await ask({ scale_from: [0.999, "max"], scale_to: [0, 7] }), Array(6).fill(0));
  assert.deepEqual(await ask({ scale_from: ["min", -0.999], scale_to: [0, 7] }), Array(6).fill(7));
  const wide = await ask({ scale_to: [-1.5e308, 1.5e308] });
  assert.deepEqual([wide[0], wide[5]], [1.5e308, -1.5e308]);
});

Deno.test("every field can be asked for; what has no value is an empty list", async () => {
  await using api = await open();
  const fields = "title,creators,subject,access,license,date,thumbnail,id,filename";
  const { document } = ITEMS[3]!;
  const { json } = await api.ask(`/items/${NAME}/id3?fields=${fields}`);
  assert.deepEqual(json, {
    _index: NAME,
    _id: "id3",
    _score: null,
    fields: {
      title: [],
      creators: [],
      subject: document.subject,
      access: ["everywhere"],
      license: ["publicdomain"],
      date: ["1905"],
      thumbnail: [document.thumbnail],
      id: ["id3"],
      filename: ["digifoto_id3"],
    },
  });
  const { json: [first] } = await api.ask(`/random/${NAME}?size=1`);
  assert.deepEqual(Object.keys(first.fields), ["id", "filename"]);
});

Deno.test("words tell how many there are, and come page by page", async () => {
  await using api = await open();
  const all = await api.ask(`/text/${NAME}?q=picture&size=100`);
  assert.equal(all.json.length, 30);
  assert.equal(all.headers.get("x-total-count"), "30");
  assert.match(all.headers.get("access-control-expose-headers")!, /X-Total-Count/);
  const page = await api.ask(`/text/${NAME}?q=PICTURE&size=7&offset=7`);
  assert.equal(page.headers.get("x-total-count"), "30");
  assert.deepEqual(page.json, all.json.slice(7, 14));
  assert.deepEqual((await api.ask(`/text/${NAME}?q=%2A%22%27`)).json, []);
  const { json } = await api.ask(`/facets/${NAME}`);
  assert.deepEqual(json, {
    access: [{ value: "everywhere", count: 27 }, { value: "norway", count: 13 }],
  });
});

Deno.test("what cannot be answered is told in one line, with its status", async () => {
  await using api = await open();
  const id = (body: unknown): Asked => ({ body });
  const ok = id({ value: "id1" });
  const cases: [path: string, asked: Asked, status: number, error: RegExp][] = [
    [`${SIMILAR}/id`, id({ value: "none" }), 404, /no item with id "none"/],
    [`${SIMILAR}/filename`, id({ value: "id1" }), 404, /no item with file name/],
    ["/similarity/none/id", ok, 404, /no index/],
    ["/similarity/none/image", { body: "x" }, 404, /no index/],
    ["/items/none/id1", {}, 404, /no index/],
    [`/items/${NAME}/${encodeURIComponent("../id1")}`, {}, 404, /no item/],
    [`/pictures/${NAME}/none`, {}, 404, /no item/],
    ["/nothing", {}, 404, /nothing/],
    [`${SIMILAR}/title`, ok, 404, /nothing/],
    ["/page/../../deno.json", {}, 404, /nothing/],
    ["/page/..%2fserve.ts", {}, 404, /nothing/],
    [`${SIMILAR}/id`, {}, 405, /POST/],
    ["/health", { method: "DELETE" }, 405, /GET/],
    [`${SIMILAR}/id`, { body: "{}", headers: { "content-type": "text/xml" } }, 415, /json/],
    [`${SIMILAR}/id`, { body: "{}", headers: { "content-encoding": "gzip" } }, 415, /compressed/],
    [`${SIMILAR}/id`, { body: "{" }, 422, /JSON/],
    [`${SIMILAR}/id`, { body: "" }, 422, /JSON/],
    [`${SIMILAR}/id`, { body: new Uint8Array([0x22, 0xff, 0x22]) }, 422, /JSON/],
    [`${SIMILAR}/id`, id(null), 422, /object/],
    [`${SIMILAR}/id`, id({}), 422, /"value"/],
    [`${SIMILAR}/id`, id({ value: 1 }), 422, /"value"/],
    [`${SIMILAR}/id`, id({ value: "x".repeat(600) }), 422, /too long/],
    [`${SIMILAR}/id`, { body: '{"value":"\\ud800"}' }, 422, /Unicode/],
    [`${SIMILAR}/id`, id({ value: "id1", filters: { id: "x" } }), 422, /filters/],
    [`${SIMILAR}/id`, { body: '{"value":"id1","filters":{"date":"\\ud800"}}' }, 422, /Unicode/],
    [`${SIMILAR}/filename`, id({ value: "" }), 422, /"value".*empty/],
    [`${SIMILAR}/id`, id({ value: "id1", scale_from: [1, 0] }), 422, /scale_from/],
    [`${SIMILAR}/id`, id({ value: "id1", scale_to: ["a", "b"] }), 422, /scale_to/],
    [`${SIMILAR}/id?size=1001`, ok, 422, /"size".*1 to 1000/],
    [`${SIMILAR}/id?size=x`, ok, 422, /"size"/],
    [`${SIMILAR}/id?size=1.5`, ok, 422, /"size"/],
    [`${SIMILAR}/id?size=5&size=6`, ok, 422, /"size".*once/],
    [`${SIMILAR}/id?offset=-1`, ok, 422, /"offset"/],
    [`${SIMILAR}/id?size=1000&offset=9500`, ok, 422, /10000/],
    [`${SIMILAR}/id?fields=id,secret`, ok, 422, /"fields"/],
    [`${SIMILAR}/id?metric=l2`, ok, 422, /cosine/],
    [`${SIMILAR}/vector`, id({ value: [1, 2, 3] }), 422, /3 numbers in place of 16/],
    [`${SIMILAR}/vector`, id({ value: Array(DIMS).fill(0) }), 422, /vector/],
    [`${SIMILAR}/vector`, { body: `{"value":[${Array(DIMS).fill("1e999")}]}` }, 422, /numbers/],
    [`${SIMILAR}/vector`, id({ value: Array(DIMS).fill(1e300) }), 422, /vector/],
    [`${SIMILAR}/vector`, { body: `{"value":[${"[],".repeat(1e5)}1]}` }, 422, /numbers/],
    [`${SIMILAR}/vector`, { body: `{"value":${"[".repeat(3e5)}${"]".repeat(3e5)}}` }, 422, /numb/],
    ["/random/a*", {}, 422, /name of the index/],
    ["/random/..%2fother", {}, 422, /name of the index/],
    ["/random/a%00b", {}, 422, /name of the index/],
    [`/random/${NAME}?filter=id=1`, {}, 422, /FIELD=VALUE/],
    [`/random/${NAME}?filter=access:`, {}, 422, /FIELD=VALUE/],
    [`/text/${NAME}`, {}, 422, /"q"/],
    [`/text/${NAME}?q=${"a+".repeat(400)}`, {}, 422, /too long/],
    [`${SIMILAR}/image`, { body: "x" }, 503, /there is no model/],
  ];
  for (const [path, asked, status, error] of cases) {
    const told = await api.ask(path, asked);
    assert.equal(told.status, status, `${path}: ${told.text}`);
    assert.deepEqual(Object.keys(told.json), ["error"]);
    assert.match(told.json.error, error, path);
    assert.doesNotMatch(told.json.error, /\n|maken_/);
    assert.equal(told.headers.get("access-control-allow-origin"), "*");
  }
  assert.equal(
    (await api.ask("/health", { method: "PUT" })).headers.get("allow"),
    "GET, HEAD, OPTIONS",
  );
  assert.deepEqual(api.problems, []);
});

Deno.test("a body is read no further than its limit, even when it does not tell its length", async () => {
  await using api = await open();
  let pulled = 0;
  const endless = () =>
    new ReadableStream({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(1e5));
      },
    });
  const { status, json } = await api.ask(`${SIMILAR}/id`, { body: endless() });
  assert.equal(status, 413);
  assert.match(json.error, /1 MB/);
  assert.ok(pulled < 20, String(pulled));
});

Deno.test("a request that takes too long is ended; one whose client is gone leaves no answer", async () => {
  await using api = await open({ timeoutMs: 50 });
  const stalled = () => new ReadableStream({ start: (c) => c.enqueue(new Uint8Array([0x7b])) });
  const { status, json } = await api.ask(`${SIMILAR}/id`, { body: stalled() });
  assert.equal(status, 504);
  assert.match(json.error, /0\.05 s/);
  const gone = new AbortController();
  const answer = api.api.handle(
    new Request(`http://localhost${SIMILAR}/id`, {
      method: "POST",
      body: stalled(),
      signal: gone.signal,
    }),
  );
  gone.abort();
  await (await answer).body?.cancel();
  assert.match(api.accessLog.at(-1)!, / status=499 /);
});

Deno.test("an index that is made, grows, is replaced or removed is seen as it is", async () => {
  await using api = await open();
  const count = async (name: string) => (await api.ask(`/random/${name}?size=1000`)).json.length;
  assert.equal(await count(NAME), 40);
  assert.equal((await api.ask("/random/later")).status, 404);
  await fillIndex(api.dir, "later", smallItems(3));
  assert.equal(await count("later"), 3);
  await fillIndex(api.dir, NAME, smallItems(60));
  assert.equal(await count(NAME), 60);
  const near = await api.ask(`${SIMILAR}/id`, { body: { value: "id59" } });
  assert.equal(near.json.length, 59);
  await fillIndex(join(api.dir, "elsewhere"), "x", smallItems(5, 9));
  await Deno.rename(join(api.dir, "elsewhere/x.sqlite"), join(api.dir, `${NAME}.sqlite`));
  assert.equal(await count(NAME), 5);
  const { json } = await api.ask("/indexes");
  assert.deepEqual(json.map(({ name }: { name: string }) => name), [NAME, "later"]);
  assert.deepEqual([json[0].documents, json[0].dims, json[0].uploads], [5, DIMS, false]);
  await Deno.remove(join(api.dir, "later.sqlite"));
  assert.equal((await api.ask("/random/later")).status, 404);
  await Deno.writeTextFile(join(api.dir, "later.sqlite"), "not an index");
  assert.equal((await api.ask("/random/later")).status, 503);
  assert.equal((await api.ask("/indexes")).json.length, 1);
  assert.match(api.problems[0]!, /later.*not an index|not a database/);
});

Deno.test("a writer's batches are found while it goes on", async () => {
  await using api = await open();
  const items = smallItems(200);
  await using index = await EmbeddedIndex.open({ dir: api.dir, name: NAME, mode: "write" });
  for (let end = 50; end <= 200; end += 50) {
    await index.bulk(items.slice(0, end));
    const asked = `id${end - 1}`;
    const { json } = await api.ask(`${SIMILAR}/id?size=1000`, { body: { value: asked } });
    assert.equal(json.length, end - 1);
  }
});

Deno.test("a locked index holds up its own requests, and no others", async () => {
  await using api = await open();
  await fillIndex(api.dir, "other", smallItems(3));
  const db = new DatabaseSync(join(api.dir, `${NAME}.sqlite`));
  db.exec("BEGIN EXCLUSIVE");
  const waiting = api.ask(`/random/${NAME}?size=5`);
  assert.equal((await api.ask("/random/other?size=5")).json.length, 3);
  db.exec("ROLLBACK");
  db.close();
  assert.equal((await waiting).json.length, 5);
});

Deno.test("health tells whether the indexes can be reached, and nothing of where they are", async () => {
  await using api = await open();
  assert.deepEqual((await api.ask("/health")).json, { health: "OK" });
  await using absent = testApi("/nonexistent/maken");
  const { status, text } = await absent.ask("/health");
  assert.equal(status, 503);
  assert.doesNotMatch(text, /nonexistent/);
  assert.match(absent.problems[0]!, /nonexistent/);
  assert.equal((await absent.ask("/metrics")).status, 200);
});

Deno.test("the log has one plain line for each request, without its query", async () => {
  await using api = await open();
  await api.ask("/health");
  await api.ask(`/text/${NAME}?q=secret`);
  await api.ask('/a%0Ab%1B[31m\u202e"=x');
  await api.ask("/" + "x".repeat(5000));
  const time = "time=\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z";
  const [first, second, third, fourth] = api.accessLog;
  assert.match(
    first!,
    new RegExp(`^${time} method=GET path=/health status=200 ms=[\\d.]+ bytes=15$`),
  );
  assert.match(second!, new RegExp(` path=/text/${NAME} status=200 `));
  assert.doesNotMatch(api.accessLog.join(), /secret/);
  // deno-lint-ignore no-control-regex -- what must not be there
  assert.doesNotMatch(third!, /[\x00-\x1f\x7f-\uffff"]/);
  assert.match(third!, / path=\S+ status=404 /);
  assert.ok(fourth!.length < 400);
});

Deno.test("metrics count requests by route and status, and tell the size of each index", async () => {
  await using api = await open();
  await api.ask("/health");
  await api.ask(`/items/${NAME}/id1`);
  await api.ask(`/items/${NAME}/none`);
  await api.ask("/no/such/thing");
  const { text, headers } = await api.ask("/metrics");
  assert.match(headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  const has = (line: string) => assert.ok(text.includes(`${line}\n`), `${line} in\n${text}`);
  has('maken_requests_total{route="/items/{index}/{id}",method="GET",status="200"} 1');
  has('maken_requests_total{route="/items/{index}/{id}",method="GET",status="404"} 1');
  has('maken_requests_total{route="none",method="GET",status="404"} 1');
  has('maken_request_seconds_count{route="/health"} 1');
  has(`maken_index_documents{index="${NAME}"} 40`);
  has("maken_requests_running 1");
});

Deno.test("the description fits what is answered, and its page loads nothing of other hosts", async () => {
  await using api = await open();
  const { json } = await api.ask("/openapi.json");
  assert.equal(json.openapi, "3.1.0");
  const similar = json.paths["/similarity/{index}/id"].post;
  const size = similar.parameters.find(({ name }: { name: string }) => name === "size");
  assert.deepEqual(size.schema, { default: 100, type: "integer", minimum: 1, maximum: 1000 });
  assert.deepEqual(similar.requestBody.content["application/json"].schema.required, ["value"]);
  const names = Object.keys(json.paths);
  for (const path of ["/health", "/text/{index}", "/pictures/{index}/{id}", "/metrics"]) {
    assert.ok(names.includes(path), path);
  }
  assert.doesNotMatch(JSON.stringify(json), /\$defs/);
  for (const [, name] of JSON.stringify(json).matchAll(/#\/components\/schemas\/(\w+)/g)) {
    assert.ok(json.components.schemas[name!].type !== undefined, name!);
  }
  const docs = await api.ask("/docs");
  assert.match(docs.headers.get("content-security-policy")!, /default-src 'none'/);
  assert.doesNotMatch(docs.text, /<script|https?:\/\/|<img/);
  for (const path of names) assert.ok(docs.text.includes(path), path);
});

Deno.test("the page and its files are served with a strict policy", async () => {
  await using api = await open();
  const page = await api.ask("/?index=images.knn&q=x");
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(
    page.headers.get("content-security-policy"),
    "default-src 'none'; script-src 'self'; style-src 'self'; " +
      "img-src 'self' blob: https://www.nb.no; connect-src 'self'; base-uri 'none'; " +
      "form-action 'none'; frame-ancestors 'none'",
  );
  assert.equal(page.headers.get("x-content-type-options"), "nosniff");
  assert.ok(page.headers.has("referrer-policy"));
  const script = await api.ask("/page/app.js");
  assert.deepEqual(
    [script.status, script.headers.get("content-type")],
    [200, "text/javascript; charset=utf-8"],
  );
  const head = await api.ask("/", { method: "HEAD" });
  assert.deepEqual([head.status, head.text], [200, ""]);
});
