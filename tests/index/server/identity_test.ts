/** Documents that others put in are known by their id, however their index keeps it. */
import assert from "node:assert/strict";
import { openServerIndex } from "../../../lib/index/server/open_server.ts";
import { request, type Server, serverOptions } from "../../helpers/cluster.ts";
import { testBoth } from "../../helpers/server_tests.ts";
import { bodyWith, FOREIGN_DIMS, foreignIndex, sourceOf } from "../../helpers/foreign_index.ts";
import { documentOf, randomVectors } from "../contract.ts";

const THERE = 20, ALL = 30;

function itemsOf(ids: readonly string[]) {
  const vectors = randomVectors(ids.length, FOREIGN_DIMS);
  return ids.map((id, i) => ({ document: documentOf(id), vector: vectors[i]! }));
}

async function countOf(server: Server, index: string): Promise<number> {
  await request(server, "POST", `/${index}/_refresh`);
  return Number((await request(server, "GET", `/${index}/_count`)).count);
}

/** Loads all of the items twice; what a user was told meanwhile. */
async function loadTwice(server: Server, index: string, items: ReturnType<typeof itemsOf>) {
  const notices: string[] = [];
  for (let round = 0; round < 2; round++) {
    const onNotice = (text: string) => void notices.push(text);
    await using opened = await openServerIndex(serverOptions(server, { index, onNotice }));
    await opened.beginLoad();
    try {
      for (let start = 0; start < items.length; start += 10) {
        const results = await opened.bulk(items.slice(start, start + 10));
        for (const result of results) if ("error" in result) throw result.error;
      }
    } finally {
      await opened.endLoad();
    }
  }
  return notices;
}

const some = (make: (i: number) => string) => Array.from({ length: ALL }, (_, i) => make(i));
const HEX = some((i) => `${i}`.padStart(32, "4a"));
const DIGITS = some((i) => `${20190000 + i}`);
const UUIDS = some((i) => `00000000-0000-0000-0000-${`${i * 7919}`.padStart(12, "e")}`);
const STOP = [..."the a is not and or it to".split(" "), ...some((i) => `id${i}`)].slice(0, ALL);
const SLASHES = some((i) => `a/b?${i}&#%é 1`);
const CASES = some((i) => i % 2 === 0 ? `Ab${i >> 1}x` : `aB${i >> 1}X`);

for (
  const [title, id, ids] of [
    ["a text by letters alone, of digits", { type: "text", analyzer: "simple" }, DIGITS],
    ["a text by letters alone, of UUIDs", { type: "text", analyzer: "simple" }, UUIDS],
    ["a text without stop words", { type: "text", analyzer: "stop" }, STOP],
    [
      "a text that is asked for otherwise",
      { type: "text", analyzer: "keyword", search_analyzer: "simple" },
      HEX,
    ],
    ["a text without positions, of UUIDs", { type: "text", index_options: "docs" }, UUIDS],
    ["a text with frequencies alone", { type: "text", index_options: "freqs" }, SLASHES],
    ["a keyword in lower case", { type: "keyword", normalizer: "lowercase" }, CASES],
    [
      "a text with a short keyword",
      { type: "text", fields: { keyword: { type: "keyword", ignore_above: 16 } } },
      HEX,
    ],
  ] as const
) {
  testBoth(`nothing is there twice where the id is ${title}`, async (name, server) => {
    const items = itemsOf(ids);
    const body = bodyWith(name, { id, filename: id });
    await using made = await foreignIndex(server, body, items.slice(0, THERE).map(sourceOf));
    const notices = await loadTwice(server, made.name, items);
    assert.equal(await countOf(server, made.name), ALL);
    assert.match(notices.join("\n"), /"_id" is not their id/);
    const options = serverOptions(server, { index: made.name, mode: "read" });
    await using index = await openServerIndex(options);
    for (const { document } of items) {
      assert.equal((await index.get("id", document.id))?.document.id, document.id);
      const byName = await index.get("filename", document.filename);
      assert.equal(byName?.document.id, document.id, document.filename);
    }
  });
}

testBoth(
  "ids that the index cannot find are refused before they are doubled",
  async (name, server) => {
    const items = itemsOf(HEX);
    const body = bodyWith(name, { id: { type: "keyword", ignore_above: 16 } });
    {
      await using made = await foreignIndex(server, body, items.slice(0, THERE).map(sourceOf));
      await assert.rejects(loadTwice(server, made.name, items), {
        code: "setup",
        message: /document ".*" is not found by its field "id".*"ignore_above"/,
      });
      assert.equal(await countOf(server, made.name), THERE);
    }
    const [short] = itemsOf(["short"]);
    await using made = await foreignIndex(server, body, [sourceOf(short!)]);
    await using index = await openServerIndex(serverOptions(server, { index: made.name }));
    const results = await index.bulk([short!, ...items]);
    assert.ok("result" in results[0]!);
    for (const result of results.slice(1)) {
      assert.ok("error" in result);
      assert.match(result.error.message, /no id of more than 16 characters/);
    }
  },
);

testBoth("documents are found where a routing or a list of ids has them", async (name, server) => {
  const items = itemsOf(HEX);
  for (
    const [place, id] of [
      [(i: number) => `_doc/${HEX[i]}?routing=r${i % 4}`, (id: string) => id],
      [(i: number) => `_doc?routing=r${i % 4}`, (id: string) => id],
      [() => "_doc", (id: string) => [id]],
      [() => "_doc", (id: string) => [id, `other-${id}`]],
    ] as const
  ) {
    await using made = await foreignIndex(server, bodyWith(name, {}), []);
    for (const [i, item] of items.slice(0, THERE).entries()) {
      const path = place(i);
      const source = { ...sourceOf(item), id: id(item.document.id) };
      const method = path.startsWith("_doc/") ? "PUT" : "POST";
      const put = await request(server, method, `/${made.name}/${path}`, source);
      assert.equal(put.error, undefined);
    }
    await request(server, "POST", `/${made.name}/_refresh`);
    const notices = await loadTwice(server, made.name, items);
    assert.equal(await countOf(server, made.name), ALL);
    assert.equal(notices.filter((text) => /"_id" is not their id/.test(text)).length, 2);
  }
});

testBoth("ids that are long numbers keep all of their digits", async (name, server) => {
  const ids = some((i) => `${9007199254740993n + 2n * BigInt(i)}`);
  const items = itemsOf(ids);
  await using made = await foreignIndex(server, bodyWith(name, {}), []);
  const lines = items.slice(0, THERE).map((item) => {
    const source = JSON.stringify(sourceOf(item)).replace(/"id":"(\d+)"/, '"id":$1');
    return `{"index":{}}\n${source}\n`;
  });
  const response = await fetch(`${server.url}/${made.name}/_bulk?refresh=true`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: lines.join(""),
  });
  assert.equal((await response.json()).errors, false);
  {
    const options = serverOptions(server, { index: made.name, mode: "read" });
    await using index = await openServerIndex(options);
    assert.equal((await index.get("id", ids[3]!))?.document.id, ids[3]);
  }
  await loadTwice(server, made.name, items);
  assert.equal(await countOf(server, made.name), ALL);
});

testBoth("an index with small limits is carried on within them", async (name, server) => {
  const items = itemsOf(HEX);
  for (const limits of [{ max_result_window: 12 }, { max_terms_count: 4 }]) {
    const body = bodyWith(name, {}, limits);
    await using made = await foreignIndex(server, body, items.slice(0, THERE).map(sourceOf));
    await loadTwice(server, made.name, items);
    assert.equal(await countOf(server, made.name), ALL);
    await using index = await openServerIndex(
      serverOptions(server, { index: made.name, mode: "read" }),
    );
    assert.equal((await index.nearest(items[3]!.vector, 3))[0]?.document.id, HEX[3]);
    assert.equal((await index.random(5)).length, 5);
    assert.equal((await index.text("tittel", { size: 5, offset: 20 })).documents.length, 0);
  }
});

testBoth("an alias that hides documents is not written through", async (name, server) => {
  const items = itemsOf(HEX);
  await using made = await foreignIndex(
    server,
    bodyWith(name, {}),
    items.slice(0, THERE).map(sourceOf),
  );
  for (
    const [part, reason] of [
      [{ filter: { term: { access: "everywhere" } } }, /alias with a filter.*own name/],
      [{ routing: "x" }, /alias with a routing.*own name/],
    ] as const
  ) {
    const alias = `test_${crypto.randomUUID()}`;
    await request(server, "POST", "/_aliases", {
      actions: [{ add: { index: made.name, alias, ...part } }],
    });
    await assert.rejects(loadTwice(server, alias, items), { code: "setup", message: reason });
  }
  assert.equal(await countOf(server, made.name), THERE);
});

testBoth("a few documents of others among many are found too", async (name, server) => {
  const ids = Array.from({ length: 2500 }, (_, i) => `own${i}`);
  const [one] = itemsOf(["x"]);
  const put = async (index: string, some: readonly string[], isOwn: boolean) => {
    const lines = some.map((id) =>
      `${JSON.stringify({ index: isOwn ? { _id: id } : {} })}\n` +
      `${JSON.stringify({ ...sourceOf(one!), id })}\n`
    );
    const response = await fetch(`${server.url}/${index}/_bulk?refresh=true`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: lines.join(""),
    });
    assert.equal((await response.json()).errors, false);
  };
  await using made = await foreignIndex(server, bodyWith(name, {}), []);
  await put(made.name, ids.slice(0, 1200), true);
  await put(made.name, ["foreign0", "foreign1", "foreign2"], false);
  await put(made.name, ids.slice(1200), true);
  const items = itemsOf(["foreign0", "foreign1", "own7", "new"]);
  const notices = await loadTwice(server, made.name, items);
  assert.equal(await countOf(server, made.name), 2504);
  assert.match(notices.join("\n"), /"_id" is not their id/);
});
