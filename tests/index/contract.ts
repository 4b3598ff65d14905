/** What every index does: the one suite that all of them pass. */
import assert from "node:assert/strict";
import type { Document, IndexItem, VectorIndex } from "../../lib/index/types.ts";

/** A document with little in it. */
export function documentOf(id: string, fields: Partial<Document> = {}): Document {
  return {
    id,
    filename: `digifoto_${id}`,
    access: "everywhere",
    title: `Picture ${id}`,
    creators: ["Wilse, Anders Beer"],
    subject: ["ski", "Øksnes"],
    license: "publicdomain",
    date: "1905",
    thumbnail: `https://www.nb.no/services/image/resolver/${id}/full/128,0/0/native.jpg`,
    ...fields,
  };
}

/** Vectors that are the same on every run: numbers from -1 to 1. */
export function randomVectors(n: number, dims: number, seed = 1): Float32Array[] {
  let state = seed >>> 0;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1;
  return Array.from({ length: n }, () => Float32Array.from({ length: dims }, next));
}

/** Cosine of the angle between two vectors, computed plainly in double precision. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Registers the suite's tests for one kind of index; `open` gives a new and empty one. */
export function testIndex(
  kind: string,
  open: () => Promise<{ index: VectorIndex } & AsyncDisposable>,
): void {
  const test = (name: string, body: (index: VectorIndex) => Promise<void>) =>
    Deno.test(`${kind} index: ${name}`, async () => {
      await using opened = await open();
      await body(opened.index);
    });
  // Few enough for an approximate index to be exact.
  const vectors = randomVectors(150, 64);
  const items: IndexItem[] = vectors.map((vector, i) => ({
    document: documentOf(`id${i}`),
    vector,
  }));

  test("an empty one has no documents, vectors or neighbours", async (index) => {
    assert.equal(await index.count(), 0);
    assert.equal(await index.vector("id0"), undefined);
    assert.deepEqual(await index.nearest(vectors[0]!, 5), []);
  });

  test("gives back documents whole and vectors bit for bit", async (index) => {
    const odd = Float32Array.from(vectors[0]!);
    odd.set([-0, 1e-45, 3.4028234663852886e38]);
    const document = documentOf("odd", { title: '<img onerror> "Bjørnen" 😀', creators: [] });
    const results = await index.bulk([{ document, vector: odd }, ...items]);
    assert.ok(results.every((r) => "result" in r && r.result === "created"));
    assert.equal(await index.count(), items.length + 1);
    assert.deepEqual(await index.vector("odd"), odd);
    assert.deepEqual((await index.nearest(odd, 1))[0]?.document, document);
  });

  test("finds the nearest by cosine, best first, as plain arithmetic does", async (index) => {
    await index.bulk(items);
    for (const query of [...randomVectors(5, 64, 99), vectors[7]!]) {
      const expected = items
        .map(({ document, vector }) => ({ id: document.id, similarity: cosine(query, vector) }))
        .sort((a, b) => b.similarity - a.similarity).slice(0, 20);
      const hits = await index.nearest(query, 20);
      assert.deepEqual(hits.map(({ document }) => document.id), expected.map(({ id }) => id));
      hits.forEach(({ similarity }, i) =>
        assert.ok(Math.abs(similarity - expected[i]!.similarity) < 1e-6)
      );
    }
  });

  test("indexing again changes nothing; a changed document or vector replaces", async (index) => {
    await index.bulk(items);
    const [first, second, third] = items as [IndexItem, IndexItem, IndexItem];
    const renamed = { ...first, document: { ...first.document, title: "Another title" } };
    const moved = { ...second, vector: vectors[100]! };
    const results = await index.bulk([renamed, moved, third]);
    assert.deepEqual(results.map((r) => "result" in r && r.result), ["updated", "updated", "noop"]);
    assert.equal(await index.count(), items.length);
    assert.deepEqual(await index.vector("id1"), vectors[100]);
    assert.equal((await index.nearest(vectors[0]!, 1))[0]?.document.title, "Another title");
  });

  test("a vector of another length fails alone", async (index) => {
    const wrong = { document: documentOf("wrong"), vector: new Float32Array(3).fill(1) };
    const results = await index.bulk([...items.slice(0, 2), wrong, ...items.slice(2, 4)]);
    assert.deepEqual(results.map((r) => "error" in r), [false, false, true, false, false]);
    assert.equal(await index.count(), 4);
  });

  test("of equally near documents the smaller id comes first", async (index) => {
    const vector = vectors[0]!;
    await index.bulk(["c", "a", "d", "b"].map((id) => ({ document: documentOf(id), vector })));
    const hits = await index.nearest(vector, 3);
    assert.deepEqual(hits.map(({ document }) => document.id), ["a", "b", "c"]);
  });

  test("clear() takes all out, for vectors of another length too", async (index) => {
    await index.bulk(items);
    await index.clear();
    assert.equal(await index.count(), 0);
    assert.deepEqual(await index.nearest(vectors[0]!, 5), []);
    const short = new Float32Array([1, 2, 3]);
    await index.bulk([{ document: documentOf("short"), vector: short }]);
    assert.deepEqual((await index.nearest(short, 5)).map((h) => h.document.id), ["short"]);
  });
}
