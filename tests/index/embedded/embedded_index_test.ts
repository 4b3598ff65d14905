import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EmbeddedIndex } from "../../../lib/index/embedded/embedded_index.ts";
import type { Filters, Hit, IndexItem } from "../../../lib/index/types.ts";
import { readVectorFile } from "../../../lib/vectors/vector_store.ts";
import { ROOT } from "../../helpers/run_task.ts";
import { tempDir } from "../../helpers/temp_dir.ts";
import { cosine, documentOf, randomVectors, testIndex } from "../contract.ts";

testIndex("embedded", async () => {
  const dir = await tempDir();
  const index = await open(dir.path);
  return {
    index,
    async [Symbol.asyncDispose]() {
      await index[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
});

function open(dir: string, mode: "read" | "write" = "write"): Promise<EmbeddedIndex> {
  return EmbeddedIndex.open({ dir, name: "x", mode });
}

/** Items with the ids `0`, `1`, … */
function itemsOf(n: number, dims = 8, seed = 1): IndexItem[] {
  return randomVectors(n, dims, seed).map((vector, i) => ({
    document: documentOf(`${i}`),
    vector,
  }));
}

function ids(hits: readonly Hit[]): string[] {
  return hits.map(({ document }) => document.id);
}

/** Ids of the nearest by plain arithmetic. */
function exact(items: Iterable<IndexItem>, query: Float32Array, k: number): string[] {
  return [...items]
    .map(({ document: { id }, vector }) => ({ id, similarity: cosine(query, vector) }))
    .sort((a, b) => b.similarity - a.similarity || (a.id < b.id ? -1 : 1))
    .slice(0, k).map(({ id }) => id);
}

Deno.test("EmbeddedIndex is read by many while one writes", async () => {
  await using dir = await tempDir();
  const [a, b] = itemsOf(2) as [IndexItem, IndexItem];
  await using writer = await open(dir.path);
  await writer.bulk([a]);
  await using reader = await open(dir.path, "read");
  assert.deepEqual(ids(await reader.nearest(a.vector, 9)), ["0"]);
  await writer.bulk([b]);
  await writer.setModel({ name: "demo" });
  assert.deepEqual(ids(await reader.nearest(b.vector, 9)), ["1", "0"]);
  assert.equal(reader.model?.name, "demo");
  await writer.clear();
  const short = { document: documentOf("c"), vector: new Float32Array([1, 2]) };
  await writer.bulk([short]);
  assert.deepEqual(ids(await reader.nearest(short.vector, 9)), ["c"]);
  assert.deepEqual([reader.dims, reader.model], [2, undefined]);
});

Deno.test("EmbeddedIndex sees whatever several connections put in and take out", async () => {
  await using dir = await tempDir();
  await using a = await open(dir.path);
  await using b = await open(dir.path);
  await using reader = await open(dir.path, "read");
  const truth = new Map<string, IndexItem>();
  const random = randomVectors(1, 4000, 7)[0]!.map((x) => (x + 1) / 2).values();
  const pick = (n: number) => Math.floor(random.next().value! * n);
  for (let round = 0; round < 25; round++) {
    const writer = round % 3 === 0 ? a : b;
    const items = randomVectors(pick(60), 16, 100 + round).map((vector) => {
      const access = ["everywhere", "norway", "nb"][pick(3)]!;
      return { document: documentOf(`${pick(300)}`, { access }), vector };
    });
    await writer.bulk(items);
    for (const item of items) truth.set(item.document.id, item);
    const gone = Array.from({ length: pick(20) }, () => `${pick(300)}`);
    await writer.delete(gone);
    for (const id of gone) truth.delete(id);

    for (const index of [a, b, reader]) {
      const [query] = randomVectors(1, 16, 500 + round) as [Float32Array];
      assert.deepEqual(ids(await index.nearest(query, 10)), exact(truth.values(), query, 10));
      const norway = [...truth.values()].filter(({ document }) => document.access === "norway");
      const hits = await index.nearest(query, 10, { access: "norway" });
      assert.deepEqual(ids(hits), exact(norway, query, 10));
      assert.equal(await index.count(), truth.size);
      assert.equal((await index.facet("access")).get("norway") ?? 0, norway.length);
      assert.equal(await index.count({ access: "norway" }), norway.length);
      assert.equal((await index.text("wils", { size: 1 })).total, truth.size);
    }
  }
});

Deno.test("EmbeddedIndex gives the rows of deleted documents to new ones", async () => {
  await using dir = await tempDir();
  await using index = await open(dir.path);
  await index.bulk(itemsOf(500));
  await index.delete(Array.from({ length: 400 }, (_, i) => `${i}`));
  assert.equal(new Set((await index.random(1000)).map(({ id }) => id)).size, 100);
  await index.bulk(
    itemsOf(450, 8, 2).map(({ vector }, i) => ({ document: documentOf(`n${i}`), vector })),
  );
  using db = new DatabaseSync(join(dir.path, "x.sqlite"), { readOnly: true });
  const meta = db.prepare("SELECT rows, documents FROM meta").get();
  assert.deepEqual({ ...meta }, { rows: 550, documents: 550 });
});

Deno.test("EmbeddedIndex chooses by every filter field, also by rare values", async () => {
  await using dir = await tempDir();
  await using index = await open(dir.path);
  const items = randomVectors(2000, 32).map((vector, i) => ({
    document: documentOf(`${i}`, {
      access: i % 500 === 3 ? "nb" : "everywhere",
      license: i % 2 === 0 ? "publicdomain" : "",
      date: String(1900 + i % 7),
      creators: i % 100 === 3 ? ['O\'Brien, "Pat" (NEAR) *', "Wilse, Anders Beer"] : [],
      subject: ["ski", i % 250 === 3 ? "Øksnes : bro AND kai" : "oksnes bro and kai"],
    }),
    vector,
  }));
  await index.bulk(items);
  const cases: [Filters, (i: number) => boolean][] = [
    [{ access: "nb" }, (i) => i % 500 === 3],
    [{ access: "nowhere" }, () => false],
    [{ license: "" }, (i) => i % 2 === 1],
    [{ license: "publicdomain", date: "1903" }, (i) => i % 2 === 0 && i % 7 === 3],
    [{ creators: 'O\'Brien, "Pat" (NEAR) *' }, (i) => i % 100 === 3],
    [{ creators: "Wilse, Anders Beer", access: "nb" }, (i) => i % 500 === 3],
    [{ creators: "Wilse" }, () => false],
    [{ creators: "" }, () => false],
    [{ subject: "Øksnes : bro AND kai" }, (i) => i % 250 === 3],
    [{ subject: "ski", access: "everywhere" }, (i) => i % 500 !== 3],
  ];
  for (const [filters, wanted] of cases) {
    const matching = items.filter((_, i) => wanted(i));
    const hits = await index.nearest(items[8]!.vector, 30, filters);
    const label = JSON.stringify(filters);
    assert.deepEqual(ids(hits), exact(matching, items[8]!.vector, 30), label);
    assert.equal(await index.count(filters), matching.length, label);
    assert.equal((await index.text("ski", { size: 1, filters })).total, matching.length, label);
    const some = await index.random(5, filters);
    assert.equal(some.length, Math.min(5, matching.length), label);
    assert.ok(some.every(({ id }) => wanted(Number(id))), label);
  }
});

Deno.test("EmbeddedIndex.text() takes words as data, in any spelling of their marks", async () => {
  await using dir = await tempDir();
  await using index = await open(dir.path);
  const titles = [
    "Bjørnen på Ålesund",
    "Straße in Łódź",
    "near or not",
    "Ærfugl ski_hopp",
    "東京駅",
  ];
  await index.bulk(
    itemsOf(5).map(({ vector }, i) => ({
      document: documentOf(`${i}`, { title: titles[i]!, creators: ["Ukjent"], subject: [] }),
      vector,
    })),
  );
  const found = async (words: string) =>
    (await index.text(words, { size: 9 })).documents.map(({ id }) => id).join();
  for (
    const [words, expected] of [
      ["bjørnen", "0"],
      ["bjornen", "0"],
      ["BJØRN", "0"],
      ["ales bjo", "0"],
      ["A\u030Alesund", "0"],
      ["strasse", "1"],
      ["lodz", "1"],
      ["aerfugl", "3"],
      ["hopp", "3"],
      ["東京", "4"],
      ["near", "2"],
      ["NEAR OR NOT", "2"],
      ["near fugl", ""],
      ['near" OR "bjornen', ""],
      ["title:near", ""],
      ['" OR 1=1 NEAR(* -', ""],
      ["near*", "2"],
      ["^near -not", "2"],
      ["{title} : near", ""],
      ["", ""],
      ["*", ""],
      ["\0 ' \" ; --", ""],
      ["\ud800", ""],
      ["\ue000", ""],
    ]
  ) assert.equal(await found(words!), expected, `${words}`);
  const page = await index.text("ukjent", { size: 2, offset: 4 });
  assert.deepEqual([page.total, page.documents.length], [5, 1]);
});

Deno.test("EmbeddedIndex keeps ids and file names of any characters apart", async () => {
  await using dir = await tempDir();
  await using index = await open(dir.path);
  const odd = [
    "a",
    "A",
    "a ",
    "å",
    "a\u030a",
    "",
    "'; DROP TABLE document; --",
    "%",
    "a\0b",
    "a\0c",
  ];
  const vectors = randomVectors(odd.length, 8);
  const items = odd.map((id, i) => ({
    document: documentOf(id, { filename: id }),
    vector: vectors[i]!,
  }));
  assert.ok((await index.bulk(items)).every((r) => "result" in r && r.result === "created"));
  assert.ok((await index.bulk(items)).every((r) => "result" in r && r.result === "noop"));
  for (const item of items) {
    const { id } = item.document;
    assert.deepEqual(await index.get("id", id), item, JSON.stringify(id));
    assert.deepEqual(await index.get("filename", id), id === "" ? undefined : item);
  }
  await index.delete(odd.slice(1));
  assert.deepEqual((await index.random(9)).map(({ id }) => id), ["a"]);
});

/** Asks by as many of the items, evenly spread, and compares with brute force. */
async function assertRecall(index: EmbeddedIndex, items: IndexItem[], questions: number) {
  let found = 0;
  for (let i = 0; i < items.length; i += items.length / questions) {
    const truth = new Set(exact(items, items[i]!.vector, 20));
    const hits = ids(await index.nearest(items[i]!.vector, 20));
    found += hits.filter((id) => truth.has(id)).length;
  }
  const recall = found / (questions * 20);
  assert.ok(recall >= 0.995, `recall@20 is ${recall}`);
}

Deno.test("EmbeddedIndex finds the true neighbours of real vectors", async () => {
  await using dir = await tempDir();
  await using index = await open(dir.path);
  const folder = join(ROOT, "tests/fixtures/reference");
  const real: Float32Array[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".npy")) real.push(await readVectorFile(join(folder, name)));
  }
  assert.ok(real.length >= 10);
  // 1,200 neighbours: mixtures of two photos with every number changed a little.
  const noise = randomVectors(1200, real[0]!.length, 5);
  const items = noise.map((change, i) => {
    const [a, b] = [real[i % real.length]!, real[(7 * i + 1) % real.length]!];
    const part = 0.5 * ((i * 0.618) % 1);
    const vector = a.map((x, d) => ((1 - part) * x + part * b[d]!) * (1 + 0.3 * change[d]!));
    return { document: documentOf(`${i}`), vector };
  });
  await index.bulk(items);
  await assertRecall(index, items, 30);
});

Deno.test("EmbeddedIndex finds the true neighbours among 5,000 crowded short vectors", async () => {
  await using dir = await tempDir();
  await using index = await open(dir.path);
  // 250 groups of 20: non-negative and sparse, as the outputs of a ReLU network are.
  const dims = 256;
  const noise = randomVectors(5000, dims, 5);
  const items = randomVectors(250, dims, 3).flatMap((centre, g) =>
    noise.slice(20 * g, 20 * g + 20).map((n, i) => ({
      document: documentOf(`${20 * g + i}`),
      vector: centre.map((c, d) => Math.max(0, c - 0.3) + 0.2 * Math.max(0, n[d]!)),
    }))
  );
  await index.bulk(items);
  await assertRecall(index, items, 25);
});

Deno.test("EmbeddedIndex.nearest() gives k hits where k exist, of many equal ones too", async () => {
  await using dir = await tempDir();
  await using index = await open(dir.path);
  const vector = new Float32Array(8).fill(0.5);
  const equal = Array.from({ length: 3000 }, (_, i) => ({ document: documentOf(`${i}`), vector }));
  await index.bulk([...equal, { document: documentOf("far"), vector: vector.map((_, i) => i) }]);
  assert.equal((await index.nearest(vector, 300)).length, 300);
  assert.equal((await index.nearest(vector, 3001)).at(-1)?.document.id, "far");
});

Deno.test("EmbeddedIndex forgets a bulk that failed, and goes on", async () => {
  await using dir = await tempDir();
  const items = itemsOf(20);
  {
    await using index = await open(dir.path);
    const broken = { document: { ...documentOf("x"), id: null as unknown as string } };
    await assert.rejects(index.bulk([items[0]!, { ...items[1]!, ...broken }]), { code: "setup" });
    assert.deepEqual([await index.count(), index.dims], [0, undefined]);
    await index.bulk(items.slice(0, 10));
  }
  await using index = await open(dir.path);
  await index.bulk(items.slice(10));
  for (const { document, vector } of items) {
    assert.deepEqual(ids(await index.nearest(vector, 1)), [document.id]);
  }
});

Deno.test("EmbeddedIndex takes the length of its vectors from the first one of use", async () => {
  await using dir = await tempDir();
  await using index = await open(dir.path);
  const vectors = [[], [0, 0, 0], [NaN, 1], [1, 2, 3, 4], [1, 2]].map((v) => new Float32Array(v));
  const items = vectors.map((vector, i) => ({ document: documentOf(`${i}`), vector }));
  const bad = await index.bulk(items.slice(0, 3));
  assert.deepEqual(bad.map((r) => "error" in r), [true, true, true]);
  assert.deepEqual([index.dims, await index.count()], [undefined, 0]);
  const results = await index.bulk(items);
  assert.deepEqual(results.map((r) => "error" in r), [true, true, true, false, true]);
  assert.deepEqual([index.dims, await index.count()], [4, 1]);
});

Deno.test("EmbeddedIndex can be read where nothing can be written", async () => {
  await using dir = await tempDir();
  {
    await using index = await open(dir.path);
    await index.bulk(itemsOf(1));
  }
  const names = await Array.fromAsync(Deno.readDir(dir.path), ({ name }) => name);
  assert.deepEqual(names, ["x.sqlite"], "no log beside it that a reader would have to write");
});
