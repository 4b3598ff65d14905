/** What every index does: the one suite that all of them pass. */
import assert from "node:assert/strict";
import type { Document, IndexItem, VectorIndex } from "../../lib/index/types.ts";
import { type Reason, skipIf } from "../helpers/skip.ts";

/** Length of the suite's vectors: an index that is made with a size has to have this one. */
export const CONTRACT_DIMS = 64;

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

/** Titles that are to be found when they are asked for as they are written. */
export const TITLES: readonly string[] = [
  "H.M. Kongen i Trondheim",
  "Grieg's piano i Bergen",
  "Grieg’s villa",
  "W.C. Brøgger",
  "A\u030alesund etter brannen",
  "Ålesund før brannen",
  "nb.no og A_B",
  "digifoto_20160101_00001",
  "1,000 kroner",
  "1.000.000 kr",
  "Kl. 12:30",
  "3,5 % øl",
  "Café Løvenvold",
  "Straße in Tromsø",
  "Ærø og Læsø",
  "Þingvellir, Ísland",
  "Łódź",
  "Kautokeino – Guovdageaidnu",
  "Kárášjohka/Karasjok",
  "C/S «Polarlys»",
  "O'Brien & sønn",
  "Rock'n'roll",
  "AT&T",
  "C++",
  "mor-og-barn",
  "St.Hansbål",
  "F.eks. dette",
  "Œuvre",
  "Москва зимой",
  "Αθήνα",
  "ﬁsk",
  "e-post: navn@nb.no",
  "Nr.1",
  "東京",
];

/** Vectors that are the same on every run: numbers from -1 to 1. */
export function randomVectors(n: number, dims: number, seed = 1): Float32Array[] {
  let state = seed >>> 0;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1;
  return Array.from({ length: n }, () => Float32Array.from({ length: dims }, next));
}

/** Items `id0`, `id1`, … with such vectors. */
export function itemsOf(n: number, dims: number): IndexItem[] {
  return randomVectors(n, dims).map((vector, i) => ({ document: documentOf(`id${i}`), vector }));
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

/**
 * Registers the suite's tests for one kind of index; `open` gives a new and empty one.
 *
 * @param reason why there is none to be had here
 */
export function testIndex(
  kind: string,
  open: () => Promise<{ index: VectorIndex } & AsyncDisposable>,
  reason?: Reason,
): void {
  const test = (name: string, body: (index: VectorIndex) => Promise<void>) =>
    Deno.test({
      ...skipIf(reason, `${kind} index: ${name}`),
      async fn() {
        await using opened = await open();
        await body(opened.index);
      },
    });
  // Few enough for an approximate index to be exact.
  const items = itemsOf(150, CONTRACT_DIMS);
  const vectors = items.map(({ vector }) => vector);
  const put = async (index: VectorIndex, items: readonly IndexItem[]) => {
    const results = await index.bulk(items);
    await index.refresh();
    return results;
  };

  test("an empty one has no documents, vectors or neighbours", async (index) => {
    assert.equal(await index.count(), 0);
    assert.equal(await index.get("id", "id0"), undefined);
    assert.equal(await index.get("filename", "digifoto_id0"), undefined);
    assert.deepEqual(await index.nearest(vectors[0]!, 5), []);
    assert.deepEqual(await index.text("picture", { size: 5 }), { total: 0, documents: [] });
    assert.deepEqual(await index.random(5), []);
    assert.deepEqual(await index.facet("access"), new Map());
    assert.equal(index.model, undefined);
  });

  test("gives back documents whole and vectors bit for bit", async (index) => {
    const odd = Float32Array.from(vectors[0]!);
    odd.set([-0, 1e-45, -1.1754942e-38, 7e15]);
    const id = 'odd/id?a=b&"Å" #%';
    const title = '<img onerror> "Bjørnen" 😀\n\\u0041';
    const document = documentOf(id, { title, creators: [], date: "" });
    const results = await put(index, [{ document, vector: odd }, ...items]);
    assert.deepEqual(results[0], { id, result: "created" });
    assert.ok(results.every((r) => "result" in r && r.result === "created"));
    assert.equal(await index.count(), items.length + 1);
    assert.deepEqual(await index.get("id", id), { document, vector: odd });
    assert.deepEqual((await index.nearest(odd, 1))[0]?.document, document);
    for (const item of items.slice(0, 30)) {
      assert.deepEqual(await index.get("id", item.document.id), item);
    }
  });

  test("get() finds by file name too; of two with one name, the smaller id", async (index) => {
    const twin = { ...items[5]!, document: { ...items[5]!.document, id: "twin" } };
    await put(index, [twin, ...items]);
    assert.deepEqual(await index.get("filename", "digifoto_id7"), items[7]);
    assert.deepEqual(await index.get("filename", "digifoto_id5"), items[5]);
    assert.equal(await index.get("filename", "digifoto"), undefined);
    assert.equal(await index.get("filename", "id7"), undefined);
  });

  test("takes any text for an id, a file name or words", async (index) => {
    await put(index, items.slice(0, 3));
    for (const text of ["", ".", "..", "../_search", "\ud800", "\0", "*", "x y ".repeat(3000)]) {
      assert.equal(await index.get("id", text), undefined);
      assert.equal(await index.get("filename", text), undefined);
      assert.equal((await index.text(text, { size: 5 })).total, 0);
      assert.equal(await index.count({ access: text, subject: text }), 0);
      await index.delete([text]);
    }
    assert.equal(await index.count(), 3);
  });

  test("finds the nearest by cosine, best first, as plain arithmetic does", async (index) => {
    await put(index, items);
    for (const query of [...randomVectors(5, CONTRACT_DIMS, 99), vectors[7]!]) {
      const expected = items
        .map(({ document, vector }) => ({ id: document.id, similarity: cosine(query, vector) }))
        .sort((a, b) => b.similarity - a.similarity).slice(0, 20);
      const hits = await index.nearest(query, 20);
      assert.deepEqual(hits.map(({ document }) => document.id), expected.map(({ id }) => id));
      hits.forEach(({ similarity }, i) =>
        assert.ok(Math.abs(similarity - expected[i]!.similarity) < 1e-6)
      );
    }
    assert.equal((await index.nearest(vectors[0]!, 1000)).length, items.length);
  });

  test("indexing again changes nothing; a changed document or vector replaces", async (index) => {
    await put(index, items);
    const [first, second, third] = items as [IndexItem, IndexItem, IndexItem];
    const renamed = { ...first, document: { ...first.document, title: "Another title" } };
    const moved = { ...second, vector: vectors[100]! };
    const results = await put(index, [renamed, moved, third]);
    assert.deepEqual(results.map((r) => "result" in r && r.result), ["updated", "updated", "noop"]);
    assert.equal(await index.count(), items.length);
    assert.deepEqual((await index.get("id", "id1"))?.vector, vectors[100]);
    assert.equal((await index.nearest(vectors[0]!, 1))[0]?.document.title, "Another title");
    assert.equal((await index.text("another", { size: 5 })).total, 1);
  });

  test("a vector of another length fails alone, with a reason in one line", async (index) => {
    const wrong = { document: documentOf("wrong"), vector: new Float32Array(3).fill(1) };
    const results = await put(index, [...items.slice(0, 2), wrong, ...items.slice(2, 4)]);
    assert.deepEqual(results.map((r) => "error" in r), [false, false, true, false, false]);
    const [failed] = results.flatMap((r) => "error" in r ? [r.error.message] : []);
    assert.match(failed!, /^(?=.*\b3\b)(?=.*\b64\b)[^\n]+$/);
    assert.equal(await index.count(), 4);
  });

  test("of equally near documents the smaller id comes first", async (index) => {
    const vector = vectors[0]!;
    await put(index, ["c", "a", "d", "b"].map((id) => ({ document: documentOf(id), vector })));
    const hits = await index.nearest(vector, 3);
    assert.deepEqual(hits.map(({ document }) => document.id), ["a", "b", "c"]);
  });

  test("filters choose by whole values, all of them at a time", async (index) => {
    const odd = items.map(({ document, vector }, i) => ({
      document: {
        ...document,
        access: i % 2 ? "nb" : "everywhere",
        license: i % 3 ? "" : "publicdomain",
        date: i % 5 ? "1905" : "[ca. 1920]",
        subject: i % 7 ? ["ski", "Øksnes"] : ["Øksnes kirke"],
      },
      vector,
    }));
    await put(index, odd);
    const numbers = (n: number) => items.filter((_, i) => i % n === 0).length;
    assert.equal(await index.count({ access: "everywhere" }), 75);
    assert.equal(await index.count({ license: "publicdomain" }), numbers(3));
    assert.equal(await index.count({ date: "[ca. 1920]" }), numbers(5));
    assert.equal(await index.count({ subject: "Øksnes kirke" }), numbers(7));
    assert.equal(await index.count({ creators: "Wilse, Anders Beer" }), items.length);
    assert.equal(await index.count({ creators: "Wilse" }), 0);
    assert.equal(await index.count({ access: "everywhere", license: "publicdomain" }), numbers(6));
    const filters = { access: "nb", date: "1905" };
    const expected = odd.filter(({ document }) =>
      document.access === "nb" && document.date === "1905"
    )
      .map(({ document, vector }) => ({ id: document.id, similarity: cosine(vectors[0]!, vector) }))
      .sort((a, b) => b.similarity - a.similarity).slice(0, 10).map(({ id }) => id);
    const hits = await index.nearest(vectors[0]!, 10, filters);
    assert.deepEqual(hits.map(({ document }) => document.id), expected);
    assert.equal((await index.text("ski", { size: 0, filters: { access: "nb" } })).total, 64);
    for (const { access } of await index.random(20, { access: "nb" })) assert.equal(access, "nb");
    assert.deepEqual([...await index.facet("access")], [["everywhere", 75], ["nb", 75]]);
  });

  test("text() finds all words and what begins so, in any field and any case", async (index) => {
    const document = (id: string, title: string, creators: string[], subject: string[]) => ({
      document: documentOf(id, { title, creators, subject }),
      vector: vectors[0]!,
    });
    await put(index, [
      document("1", "Skihopp i Holmenkollen", ["Wilse, Anders"], ["Skisport"]),
      document("2", "Ski", ["Knudsen, Knud"], ["Ørsta"]),
      document("3", "Bjørnen", ["Wilse, Anders"], ["Dyr", "Ski og skøyter"]),
    ]);
    const found = async (words: string) =>
      (await index.text(words, { size: 9 })).documents.map(({ id }) => id).toSorted();
    assert.deepEqual(await found("SKI"), ["1", "2", "3"]);
    assert.deepEqual(await found("wilse ski"), ["1", "3"]);
    assert.deepEqual(await found("holmen wil"), ["1"]);
    assert.deepEqual(await found("bjørn"), ["3"]);
    assert.deepEqual(await found("BJØRNEN, dyr!"), ["3"]);
    assert.deepEqual(await found("hopp"), []);
    assert.deepEqual(await found(' " ( * - '), []);
    assert.deepEqual(await found("NOT ski"), []);
    const { total, documents } = await index.text("ski", { size: 1, offset: 2 });
    assert.deepEqual([total, documents.length], [3, 1]);
    assert.equal((await index.text("ski", { size: 5, offset: 50 })).documents.length, 0);
  });

  test("text() finds titles as they are written, and without their marks", async (index) => {
    const titled = TITLES.map((title, i) => ({
      document: documentOf(`t${i}`, { title, creators: [], subject: [] }),
      vector: vectors[i]!,
    }));
    await put(index, titled);
    const found = async (words: string) =>
      (await index.text(words, { size: 99 })).documents.map(({ title }) => title).toSorted();
    for (const title of TITLES) assert.ok((await found(title)).includes(title), title);
    const expected: [string, string[]][] = [
      ["alesund", ["A\u030alesund etter brannen", "Ålesund før brannen"]],
      ["Ålesund", ["A\u030alesund etter brannen", "Ålesund før brannen"]],
      ["a\u030alesund brannen", ["A\u030alesund etter brannen", "Ålesund før brannen"]],
      ["tromso strasse", ["Straße in Tromsø"]],
      ["cafe", ["Café Løvenvold"]],
      ["aero laeso", ["Ærø og Læsø"]],
      ["ÆRØ", ["Ærø og Læsø"]],
      ["thingvellir island", ["Þingvellir, Ísland"]],
      ["lodz", ["Łódź"]],
      ["oeuvre", ["Œuvre"]],
      ["karasjohka", ["Kárášjohka/Karasjok"]],
      ["griegs", []],
      ["grieg s", ["Grieg's piano i Bergen", "Grieg’s villa"]],
      ["brogger w c", ["W.C. Brøgger"]],
      ["h m kongen", ["H.M. Kongen i Trondheim"]],
      ["nb no", ["e-post: navn@nb.no", "nb.no og A_B"]],
      ["nb_a_b", ["nb.no og A_B"]],
      ["20160101", ["digifoto_20160101_00001"]],
      ["1 000", ["1,000 kroner", "1.000.000 kr"]],
      ["hansbål", ["St.Hansbål"]],
      ["фото москва", []],
      ["МОСКВА", ["Москва зимой"]],
      ["αθηνα", ["Αθήνα"]],
      ["fisk", ["ﬁsk"]],
      ["barn mor", ["mor-og-barn"]],
    ];
    for (const [words, titles] of expected) {
      assert.deepEqual(await found(words), titles.toSorted(), words);
    }
  });

  test("random() gives other documents each time", async (index) => {
    await put(index, items);
    const draw = async () => (await index.random(10)).map(({ id }) => id);
    const first = await draw();
    assert.equal(new Set(first).size, 10);
    assert.notDeepEqual(await draw(), first);
    assert.equal((await index.random(1000)).length, items.length);
  });

  test("delete() takes documents out, and does not mind those that are not there", async (index) => {
    await put(index, items);
    await index.delete(["id3", "nobody", "id149"]);
    await index.delete([]);
    await index.refresh();
    assert.equal(await index.count(), items.length - 2);
    assert.equal(await index.get("id", "id3"), undefined);
    assert.equal(await index.get("filename", "digifoto_id3"), undefined);
    const hits = await index.nearest(vectors[3]!, 200);
    assert.ok(hits.every(({ document }) => document.id !== "id3"));
    assert.equal((await index.text("picture id3", { size: 1 })).total, 11 - 1);
  });

  test("setModel() is remembered until clear()", async (index) => {
    await put(index, items);
    const model = { name: "imagenet", sha256: "a1", settings: "b2" };
    await index.setModel(model);
    assert.deepEqual(index.model, model);
    await index.clear();
    assert.equal(index.model, undefined);
  });

  test("clear() takes all out, and what comes next is found", async (index) => {
    await put(index, items);
    await index.clear();
    await index.refresh();
    assert.equal(await index.count(), 0);
    assert.deepEqual(await index.nearest(vectors[0]!, 5), []);
    // A server's mapping goes on to say how long a vector is.
    const next = index.kind === "embedded" ? new Float32Array([1, 2, 3]) : vectors[9]!;
    await put(index, [{ document: documentOf("next"), vector: next }]);
    assert.deepEqual((await index.nearest(next, 5)).map((h) => h.document.id), ["next"]);
  });
}
