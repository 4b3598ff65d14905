import assert from "node:assert/strict";
import { join } from "node:path";
import { BinaryCoder } from "../../lib/index/binary_code.ts";
import { EmbeddedIndex } from "../../lib/index/embedded_index.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { cosine, documentOf, randomVectors, testIndex } from "./contract.ts";

testIndex("embedded", async () => {
  const dir = await tempDir();
  const index = await EmbeddedIndex.open({ dir: dir.path, name: "test", mode: "write" });
  return {
    index,
    async [Symbol.asyncDispose]() {
      index[Symbol.dispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
});

Deno.test("EmbeddedIndex finds the true neighbours among 5,000 crowded vectors", async () => {
  await using dir = await tempDir();
  using index = await EmbeddedIndex.open({ dir: dir.path, name: "crowd", mode: "write" });
  // 250 groups of 20: non-negative and sparse, as the outputs of a ReLU network are.
  const dims = 256;
  const noise = randomVectors(5000, dims, 5);
  const vectors = randomVectors(250, dims, 3).flatMap((centre, g) =>
    noise.slice(20 * g, 20 * g + 20).map((n) =>
      centre.map((c, i) => Math.max(0, c - 0.3) + 0.2 * Math.max(0, n[i]!))
    )
  );
  index.bulk(vectors.map((vector, i) => ({ document: documentOf(`${i}`), vector })));
  let found = 0;
  for (let q = 0; q < 5000; q += 100) {
    const truth = vectors.map((v, i) => ({ id: `${i}`, similarity: cosine(vectors[q]!, v) }))
      .sort((a, b) => b.similarity - a.similarity).slice(0, 20).map(({ id }) => id);
    const hits = index.nearest(vectors[q]!, 20).map(({ document }) => document.id);
    found += hits.filter((id) => truth.includes(id)).length;
  }
  assert.ok(found / (50 * 20) >= 0.995, `recall@20 is ${found / (50 * 20)}`);
});

Deno.test("EmbeddedIndex is read by many while one writes, and keeps what it holds", async () => {
  await using dir = await tempDir();
  const [a, b] = randomVectors(2, 8) as [Float32Array, Float32Array];
  using writer = await EmbeddedIndex.open({ dir: dir.path, name: "x", mode: "write" });
  writer.bulk([{ document: documentOf("a"), vector: a }]);
  using reader = await EmbeddedIndex.open({ dir: dir.path, name: "x", mode: "read" });
  assert.equal(reader.nearest(a, 9).length, 1);
  writer.bulk([{ document: documentOf("b"), vector: b }]);
  assert.deepEqual(reader.nearest(b, 9).map(({ document }) => document.id), ["b", "a"]);
  writer.clear();
  writer.bulk([{ document: documentOf("c"), vector: new Float32Array([1, 2]) }]);
  assert.deepEqual(reader.nearest(new Float32Array([1, 2]), 9).map((h) => h.document.id), ["c"]);
});

Deno.test("EmbeddedIndex.open() keeps what is there, and explains what it cannot open", async () => {
  await using dir = await tempDir();
  const open = (name: string, mode: "read" | "write") =>
    EmbeddedIndex.open({ dir: dir.path, name, mode });
  await assert.rejects(open("none", "read"), { code: "setup", message: /no such file/ });
  await Deno.writeTextFile(join(dir.path, "text.sqlite"), "not a database ".repeat(50));
  await assert.rejects(open("text", "write"), { code: "setup", message: /not a database/ });
  {
    using index = await open("x", "write");
    index.bulk([{ document: documentOf("a"), vector: new Float32Array([1, 2]) }]);
  }
  {
    using index = await open("x", "write");
    assert.equal(index.count(), 1);
    assert.equal(index.dims, 2);
  }
});

Deno.test("BinaryCoder gives the same code for the same seed, near codes for near vectors", () => {
  const [a, b] = randomVectors(2, 100) as [Float32Array, Float32Array];
  const near = a.map((x, i) => x + 0.05 * b[i]!);
  const code = (vector: Float32Array, seed: number) => {
    const coder = new BinaryCoder(100, seed);
    const bits = new Uint32Array(coder.words);
    coder.encode(vector, bits);
    return bits;
  };
  const distance = (x: Uint32Array, y: Uint32Array) =>
    [...x].reduce((n, word, i) => n + (word ^ y[i]!).toString(2).replaceAll(/[-0]/g, "").length, 0);
  assert.deepEqual(code(a, 42), code(a, 42));
  assert.notDeepEqual(code(a, 42), code(a, 43));
  assert.ok(distance(code(a, 42), code(near, 42)) < distance(code(a, 42), code(b, 42)));
});

Deno.test("EmbeddedIndex forgets a bulk that failed, and goes on", async () => {
  await using dir = await tempDir();
  const items = randomVectors(20, 8).map((vector, i) => ({ document: documentOf(`${i}`), vector }));
  {
    using index = await EmbeddedIndex.open({ dir: dir.path, name: "x", mode: "write" });
    const broken = { document: { ...documentOf("x"), id: null as unknown as string } };
    assert.throws(() => index.bulk([items[0]!, { ...items[1]!, ...broken }]), { code: "setup" });
    assert.deepEqual([index.count(), index.dims], [0, undefined]);
    index.bulk(items.slice(0, 10));
  }
  using index = await EmbeddedIndex.open({ dir: dir.path, name: "x", mode: "write" });
  index.bulk(items.slice(10));
  for (const { document, vector } of items) {
    assert.equal(index.nearest(vector, 1)[0]?.document.id, document.id);
  }
});

Deno.test("EmbeddedIndex can be read where nothing can be written", async () => {
  await using dir = await tempDir();
  {
    using index = await EmbeddedIndex.open({ dir: dir.path, name: "x", mode: "write" });
    index.bulk([{ document: documentOf("a"), vector: new Float32Array([1, 2]) }]);
  }
  const names = await Array.fromAsync(Deno.readDir(dir.path), ({ name }) => name);
  assert.deepEqual(names, ["x.sqlite"], "no log beside it that a reader would have to write");
});
