import assert from "node:assert/strict";
import { told } from "../helpers/api.ts";
import { DIMS } from "../helpers/small_index.ts";
import { cosine, randomVectors } from "../index/contract.ts";
import { ITEMS, NAME, SIMILAR, smallApi } from "./small_api.ts";

/** Ids and similarities of the nearest by plain arithmetic, without one of them. */
function exact(vector: Float32Array, without = "") {
  return ITEMS.filter(({ document }) => document.id !== without)
    .map((item) => ({ id: item.document.id, similarity: cosine(vector, item.vector) }))
    .sort((a, b) => b.similarity - a.similarity);
}

const ids = (entries: { _id: string }[]) => entries.map(({ _id }) => _id);

Deno.test("the browser extension gets what it reads, from another origin", async () => {
  await using api = await smallApi();
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
  await using api = await smallApi();
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
  await using api = await smallApi();
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
  await using api = await smallApi();
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
  await using api = await smallApi();
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
  await using api = await smallApi();
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
  await using api = await smallApi();
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
