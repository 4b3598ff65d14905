/** Indexes that other programs made are carried on. */
import assert from "node:assert/strict";
import type { IndexItem } from "../../../lib/index/types.ts";
import { openServerIndex } from "../../../lib/index/server/open_server.ts";
import { imageMapping, request, serverOptions } from "../../helpers/cluster.ts";
import { running, testBoth } from "../../helpers/server_tests.ts";
import { faultyProxy } from "../../helpers/faulty_proxy.ts";
import {
  FOREIGN_DIMS,
  foreignIndex,
  pythonBody,
  pythonDocuments,
  vectorField,
} from "../../helpers/foreign_index.ts";
import { documentOf, randomVectors, TITLES } from "../contract.ts";

/** The items that ingest would make of the documents, and more. */
function itemsOf(n: number): IndexItem[] {
  const access = (i: number) => i % 4 === 0 ? "nb" : "everywhere";
  return randomVectors(n, FOREIGN_DIMS).map((vector, i) => ({
    document: documentOf(`42ef${i}`, { access: access(i), title: `Kongen i Trondheim ${i}` }),
    vector,
  }));
}

/** A server that keeps vectors out of documents gives them back to about 1e-7 of their length. */
function assertNear(vector: Float32Array, expected: Float32Array): void {
  vector.forEach((x, i) => assert.ok(Math.abs(x - expected[i]!) < 1e-6));
}

async function sourcesOf(name: string, index: string) {
  const found = await request(running.get(name)!, "POST", `/${index}/_search`, {
    size: 1000,
    _source: { excludes: ["vector"] },
  }) as { hits: { hits: { _id: string; _source: Record<string, unknown> }[] } };
  return found.hits.hits;
}

for (const kind of ["explicit", "dynamic"] as const) {
  testBoth(`an index of the Python ingester is searched and carried on (${kind})`, async (name) => {
    const server = running.get(name)!;
    const documents = pythonDocuments(58);
    await using made = await foreignIndex(server, pythonBody(name, kind), documents);
    const notices: string[] = [];
    const options = serverOptions(server, {
      index: made.name,
      onNotice: (text) => void notices.push(text),
    });
    const items = itemsOf(60);
    const check = async (creators: string[], count: number) => {
      await using index = await openServerIndex({ ...options, mode: "read", onNotice: () => {} });
      assert.equal(await index.count(), count);
      for (const { document, vector } of items.slice(0, 20)) {
        const found = await index.get("id", document.id);
        assertNear(found!.vector, vector);
        assert.deepEqual(found!.document.creators, creators);
        const byName = await index.get("filename", document.filename);
        assert.equal(byName?.document.id, document.id);
      }
      assert.equal(await index.get("id", "42ef"), undefined);
      const hits = await index.nearest(items[7]!.vector, 5);
      assert.equal(hits[0]!.document.id, "42ef7");
      assert.ok(Math.abs(hits[0]!.similarity - 1) < 1e-6, "by its numbers, not their first bytes");
      assert.equal((await index.nearest(items[7]!.vector, 5, { access: "nb" })).length, 5);
      const nb = await index.count({ access: "nb" });
      assert.equal(nb, 15);
      assert.deepEqual(
        [...await index.facet("access")],
        [["everywhere", count - nb], ["nb", nb]],
      );
      assert.equal((await index.random(9)).length, 9);
      assert.ok((await index.random(9)).every(({ id }) => /^42ef\d+$/.test(id)));
      assert.equal((await index.text("kongen trond", { size: 5 })).total, count);
      await index.warmup();
    };
    await check([], 58);

    for (let round = 0; round < 2; round++) {
      await using index = await openServerIndex(options);
      await index.beginLoad();
      const results = await index.bulk(items);
      assert.deepEqual(results.filter((r) => "error" in r), []);
      const created = results.filter((r) => "result" in r && r.result === "created").length;
      assert.equal(created, round === 0 ? 2 : 0);
      await index.endLoad();
    }
    await check(["Wilse, Anders Beer"], 60);
    assert.equal(notices.filter((text) => /"_id" is not their id/.test(text)).length, 2);
    assert.match(notices.find((text) => /left out/.test(text))!, /no license, date, thumbnail/);
    for (const { _source } of await sourcesOf(name, made.name)) {
      assert.deepEqual(
        Object.keys(_source).toSorted(),
        ["access", "creators", "filename", "id", "subject", "title"],
      );
    }
  });
}

testBoth("what is there twice is taken out, whatever its _id and shard", async (name) => {
  const server = running.get(name)!;
  const [first, second] = pythonDocuments(2);
  await using made = await foreignIndex(server, pythonBody(name, "explicit"), [
    first!,
    first!,
    first!,
    second!,
  ]);
  await request(server, "PUT", `/${made.name}/_doc/other?routing=x&refresh=true`, second);
  await using index = await openServerIndex(serverOptions(server, { index: made.name }));
  const items = itemsOf(2);
  assert.deepEqual((await index.bulk(items)).map((r) => "result" in r && r.result), [
    "updated",
    "updated",
  ]);
  await index.refresh();
  assert.equal(await index.count(), 2);
  await index.delete(["42ef0"]);
  await index.refresh();
  assert.equal(await index.count(), 1);
});

testBoth("doubles that a busy server leaves there are asked for again", async (name) => {
  const server = running.get(name)!;
  const [one] = pythonDocuments(1);
  const body = pythonBody(name, "explicit");
  await using made = await foreignIndex(server, body, [one!, one!, one!]);
  let deletes = 0;
  await using proxy = await faultyProxy(server.url, ({ path }) => {
    if (!path.includes("_bulk") || path.includes("result")) return undefined;
    const busy = { delete: { status: 429, error: { reason: "rejected execution" } } };
    return ++deletes > 2 ? undefined : {
      status: 200,
      body: JSON.stringify({
        items: deletes === 1 ? [busy, busy] : [{ delete: { status: 200 } }, busy],
      }),
    };
  });
  await using index = await openServerIndex(
    serverOptions(server, { index: made.name, urls: [new URL(proxy.url)] }),
  );
  const [result] = await index.bulk(itemsOf(1));
  assert.ok("result" in result!);
  await index.refresh();
  // The proxy says of one that it is deleted, and it stays: the next run finds it.
  assert.deepEqual([deletes, await index.count()], [3, 2]);
  await index.bulk(itemsOf(1));
  await index.refresh();
  assert.equal(await index.count(), 1);
});

testBoth("ids that an analyzer takes apart are told from each other", async (name) => {
  const server = running.get(name)!;
  const body = pythonBody(name, "explicit") as { mappings: { properties: object } };
  const properties = { ...body.mappings.properties, id: { type: "text" } };
  const [one] = pythonDocuments(1);
  const ids = ["a-b", "x-a-b", "A-b"];
  await using made = await foreignIndex(
    server,
    { ...body, mappings: { properties } },
    ids.map((id) => ({ ...one!, id })),
  );
  await using index = await openServerIndex(serverOptions(server, { index: made.name }));
  for (const id of ids) assert.equal((await index.get("id", id))?.document.id, id);
  const [item] = itemsOf(1);
  await index.bulk(ids.map((id) => ({ ...item!, document: { ...item!.document, id } })));
  await index.refresh();
  assert.equal(await index.count(), 3);
  assert.deepEqual(
    (await index.nearest(item!.vector, 2)).map(({ document }) => document.id),
    ["A-b", "a-b"],
  );
});

testBoth("a strict mapping takes what it has; --update-mapping adds the rest", async (name) => {
  const server = running.get(name)!;
  const body = pythonBody(name, "explicit") as { mappings: { properties: object } };
  const strict = { ...body, mappings: { ...body.mappings, dynamic: "strict" } };
  await using made = await foreignIndex(server, strict, pythonDocuments(5));
  const items = itemsOf(6);
  const options = serverOptions(server, { index: made.name });
  {
    await using index = await openServerIndex(options);
    assert.deepEqual((await index.bulk(items)).filter((r) => "error" in r), []);
  }
  await using index = await openServerIndex({ ...options, updateMapping: true });
  assert.deepEqual((await index.bulk(items)).filter((r) => "error" in r), []);
  await index.refresh();
  assert.equal(await index.count(), 6);
  assert.equal(await index.count({ date: "1905" }), 6);
  assert.deepEqual((await index.get("id", "42ef3"))?.document, items[3]!.document);
});

testBoth("an index of our own pays for no look-ups", async (name) => {
  const server = running.get(name)!;
  const items = itemsOf(20);
  const body = pythonBody(name, "explicit");
  await using made = await foreignIndex(server, body, []);
  {
    await using index = await openServerIndex(serverOptions(server, { index: made.name }));
    await index.bulk(items);
  }
  await using proxy = await faultyProxy(server.url, () => undefined);
  const options = serverOptions(server, { index: made.name, urls: [new URL(proxy.url)] });
  await using index = await openServerIndex(options);
  const before = proxy.seen.length;
  await index.bulk(items);
  assert.deepEqual(proxy.seen.slice(before).map(({ bulk }) => bulk), [1]);
});

testBoth("a mapping that has only the vector gets the fields that searches need", async (name) => {
  const server = running.get(name)!;
  const index = `test_${crypto.randomUUID()}`;
  const text = JSON.stringify(pythonBody(name, "dynamic"));
  const { parseMapping } = await import("../../../lib/index/server/mapping.ts");
  const mapping = parseMapping(text, "own.mapping");
  try {
    await using made = await openServerIndex(serverOptions(server, { index, mapping }));
    const items = itemsOf(20);
    assert.deepEqual((await made.bulk(items)).filter((r) => "error" in r), []);
    await made.refresh();
    assert.equal((await made.get("filename", "digifoto_42ef3"))?.document.id, "42ef3");
    assert.equal((await made.nearest(items[3]!.vector, 1))[0]?.document.id, "42ef3");
    assert.equal((await made.facet("access")).get("nb"), 5);
    assert.equal((await made.text("TRONDHEIM", { size: 3 })).total, 20);
  } finally {
    await request(server, "DELETE", `/${index}`);
  }
});

testBoth("words are found in fields that keep whole values only", async (name) => {
  const server = running.get(name)!;
  const body = pythonBody(name, "explicit") as { mappings: { properties: Record<string, object> } };
  const keyword = { type: "keyword" };
  const { subject: _subject, ...properties } = body.mappings.properties;
  for (
    const more of [{ title: keyword }, { title: keyword, creators: keyword, subject: keyword }]
  ) {
    const mappings = { dynamic: false, properties: { ...properties, ...more } };
    await using made = await foreignIndex(server, { ...body, mappings }, pythonDocuments(12));
    const index = made.name;
    await using reader = await openServerIndex(serverOptions(server, { index, mode: "read" }));
    assert.equal((await reader.text("KONGEN trond", { size: 3 })).total, 12);
    assert.equal((await reader.text("trondheim 11", { size: 3 })).total, 1);
    assert.equal((await reader.text("*", { size: 3 })).total, 0);
  }
});

testBoth("a field that is not indexed, ordered or a text is done without", async (name) => {
  const server = running.get(name)!;
  const body = pythonBody(name, "explicit") as { mappings: { properties: Record<string, object> } };
  const properties = {
    ...body.mappings.properties,
    id: { type: "keyword", doc_values: false },
    access: { type: "keyword", doc_values: false },
    title: { type: "text", index: false },
    creators: { type: "keyword", index: false },
    date: { type: "date" },
    license: { properties: { name: { type: "keyword" } } },
  };
  const mappings = { dynamic: "strict", properties };
  await using made = await foreignIndex(server, { ...body, mappings }, pythonDocuments(8));
  const notices: string[] = [];
  await using index = await openServerIndex(serverOptions(server, {
    index: made.name,
    onNotice: (text) => void notices.push(text),
  }));
  assert.match(notices.join("\n"), /takes no thumbnail, license, date: left out/);
  const items = itemsOf(8).map(({ document, vector }) => ({
    document: { ...document, date: "[ca. 1905]" },
    vector,
  }));
  assert.deepEqual((await index.bulk(items)).filter((r) => "error" in r), []);
  await index.refresh();
  assert.equal(await index.count(), 8);
  assert.equal(await index.count({ access: "nb" }), 2);
  assert.equal(await index.count({ date: "[ca. 1905]", license: "x" }), 0);
  assert.equal(await index.count({ creators: "Wilse, Anders Beer" }), 0);
  assert.deepEqual([...await index.facet("access")], [["everywhere", 6], ["nb", 2]]);
  assert.equal((await index.text("kongen", { size: 3 })).total, 0);
  assert.equal((await index.text("ski", { size: 3 })).total, 8);
  assert.equal((await index.nearest(items[5]!.vector, 3))[0]?.document.id, "42ef5");
  assert.equal((await index.get("id", "42ef5"))?.document.title, "Kongen i Trondheim 5");
  assert.equal((await index.random(3)).length, 3);
});

testBoth("a vector that documents do not hold is read back otherwise", async (name) => {
  const server = running.get(name)!;
  const body = pythonBody(name, "explicit") as { settings: object; mappings: object };
  const apart = {
    settings: name === "elasticsearch"
      ? { index: { "mapping.exclude_source_vectors": false } }
      : body.settings,
    mappings: { ...body.mappings, _source: { excludes: ["vec*"] } },
  };
  await using made = await foreignIndex(server, apart, []);
  await using index = await openServerIndex(serverOptions(server, { index: made.name }));
  const items = itemsOf(10);
  await index.bulk(items);
  await index.refresh();
  for (const [field, value] of [["id", "42ef4"], ["filename", "digifoto_42ef4"]] as const) {
    const found = await index.get(field, value);
    assert.equal(found?.document.title, items[4]!.document.title);
    assertNear(found.vector, items[4]!.vector);
  }
  assert.equal((await index.nearest(items[4]!.vector, 1))[0]?.document.id, "42ef4");
  await index.warmup();
});

testBoth("an index of ours without the field for words finds titles as written", async (name) => {
  const server = running.get(name)!;
  const { body } = await imageMapping(name as "elasticsearch" | "opensearch", FOREIGN_DIMS);
  const { words: _words, ...properties } = body.mappings.properties as Record<string, object>;
  const earlier = { ...body, mappings: { ...body.mappings, properties } };
  await using made = await foreignIndex(server, earlier, []);
  const notices: string[] = [];
  await using index = await openServerIndex(serverOptions(server, {
    index: made.name,
    onNotice: (text) => void notices.push(text),
  }));
  assert.equal(notices.length, 1);
  assert.match(notices[0]!, /no field "words"/);
  const vectors = randomVectors(TITLES.length, FOREIGN_DIMS);
  const items = TITLES.map((title, i) => ({
    document: documentOf(`t${i}`, { title }),
    vector: vectors[i]!,
  }));
  assert.deepEqual((await index.bulk(items)).filter((r) => "error" in r), []);
  await index.refresh();
  assert.deepEqual(await index.get("id", "t3"), items[3]);
  for (const title of TITLES) {
    const { documents } = await index.text(title, { size: 99 });
    assert.ok(documents.some((document) => document.title === title), title);
  }
});

testBoth("a mapping that cannot work is refused, and leaves no index", async (name) => {
  const server = running.get(name)!;
  const { parseMapping } = await import("../../../lib/index/server/mapping.ts");
  const body = pythonBody(name, "explicit") as {
    settings: object;
    mappings: { properties: Record<string, object> };
  };
  const { id: _id, ...others } = body.mappings.properties;
  const withMappings = (mappings: object) => ({ ...body, mappings });
  const cases: [object, RegExp][] = [
    [withMappings({ ...body.mappings, _source: { enabled: false } }), /"_source" off/],
    [withMappings({ ...body.mappings, _source: { excludes: ["id"] } }), /leaves "id" out/],
    [withMappings({ dynamic: false, properties: others }), /no field "id".*--update-mapping/],
    [
      withMappings({ properties: { ...others, id: { type: "long" } } }),
      /field "id" is of type long/,
    ],
    [
      withMappings({
        properties: name === "elasticsearch"
          ? { ...others, vector: vectorField(name, { similarity: "l2_norm" }) }
          : {
            ...others,
            vector: {
              type: "knn_vector",
              dimension: FOREIGN_DIMS,
              method: { name: "hnsw", engine: "lucene", space_type: "l2" },
            },
          },
      }),
      /not by cosine/,
    ],
    [
      withMappings({
        properties: {
          ...others,
          id: { type: "keyword" },
          vector: vectorField(
            name,
            name === "elasticsearch" ? { element_type: "byte" } : { data_type: "byte" },
          ),
        },
      }),
      /its vectors are of type byte/,
    ],
    ...(name === "opensearch"
      ? [[
        withoutKnn({ ...others, id: { type: "keyword" } }),
        /"index.knn" is not true/,
      ] as [object, RegExp]]
      : []),
  ];
  for (const [wrong, reason] of cases) {
    const index = `test_${crypto.randomUUID()}`;
    await assert.rejects(
      async () => {
        const mapping = parseMapping(JSON.stringify(wrong), "own.mapping");
        await (await openServerIndex(serverOptions(server, { index, mapping })))
          [Symbol.asyncDispose]();
      },
      { code: "setup", message: reason },
    );
    assert.equal((await request(server, "GET", `/${index}`)).status, 404);
    // The same, where the index is there.
    await using made = await foreignIndex(server, wrong, []);
    const there = serverOptions(server, { index: made.name });
    await assert.rejects(openServerIndex(there), { code: "setup", message: reason });
  }
});

function withoutKnn(properties: Record<string, object>): object {
  const vector = { type: "knn_vector", dimension: FOREIGN_DIMS, space_type: "cosinesimil" };
  return { mappings: { properties: { ...properties, vector } } };
}

testBoth("a document is not overwritten because its _id is the id of another", async (name) => {
  const server = running.get(name)!;
  const documents = pythonDocuments(3);
  await using made = await foreignIndex(server, pythonBody(name, "explicit"), documents);
  const other = { ...documents[0], id: "of-somebody" };
  await request(server, "PUT", `/${made.name}/_doc/42ef9?refresh=true`, other);
  await using index = await openServerIndex(serverOptions(server, { index: made.name }));
  const results = await index.bulk(itemsOf(10).slice(8));
  assert.ok("result" in results[0]!);
  assert.ok("error" in results[1]!);
  assert.match(results[1].error.message, /its id is the _id of a document of another id/);
  await index.delete(["42ef9"]);
  await index.refresh();
  assert.equal((await index.get("id", "of-somebody"))?.document.id, "of-somebody");
});
