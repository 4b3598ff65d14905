/** Whole values are compared in fields that an index keeps by their words. */
import assert from "node:assert/strict";
import { openServerIndex } from "../../../lib/index/server/open_server.ts";
import { Cluster } from "../../../lib/index/server/cluster.ts";
import { BOTH, testOn } from "../../helpers/server_tests.ts";
import type { ServerIndex } from "../../../lib/index/server/server_index.ts";
import { request, type Server, serverOptions } from "../../helpers/cluster.ts";
import {
  bodyWith,
  FOREIGN_DIMS,
  foreignIndex,
  sourceOf,
  vectorField,
} from "../../helpers/foreign_index.ts";
import { cosine, documentOf, randomVectors } from "../contract.ts";

/** By words, each is among the others. */
const ACCESS = ["nb", "nb only", "not nb", "NB"];
const ITEMS = randomVectors(12, FOREIGN_DIMS).map((vector, i) => ({
  document: documentOf(`id${i}`, {
    access: ACCESS[i % ACCESS.length]!,
    title: `Ski ${i}`,
    creators: i % 2 === 0 ? ["Wilse"] : ["Wilse, Anders Beer"],
  }),
  vector,
}));

async function reading(server: Server, index: string, notices: string[] = []) {
  const onNotice = (text: string) => void notices.push(text);
  return await openServerIndex(serverOptions(server, { index, mode: "read", onNotice }));
}

async function checkWholeValues(index: ServerIndex): Promise<void> {
  assert.deepEqual(
    new Map([...await index.facet("access")].toSorted()),
    new Map(ACCESS.map((value) => [value, 3] as const).toSorted()),
  );
  for (const access of ACCESS) {
    const filters = { access };
    assert.equal(await index.count(filters), 3, access);
    for (
      const found of [
        (await index.nearest(ITEMS[0]!.vector, 12, filters)).map(({ document }) => document),
        (await index.text("ski", { size: 12, filters })).documents,
        await index.random(12, filters),
      ]
    ) {
      assert.deepEqual(found.map((document) => document.access), [access, access, access]);
    }
    const page = await index.text("ski", { size: 2, offset: 2, filters });
    assert.deepEqual([page.total, page.documents.length], [3, 1]);
  }
  assert.equal(await index.count({ creators: "Wilse" }), 6);
  assert.equal(await index.count({ creators: "Wilse", access: "nb" }), 3);
}

for (
  const [title, access] of [
    ["a text", { type: "text" }],
    ["a text without positions", { type: "text", index_options: "docs" }],
    ["a keyword in lower case", { type: "keyword", normalizer: "lowercase" }],
  ] as const
) {
  testOn(
    BOTH,
    `filters and facets go by whole values where access is ${title}`,
    async (name, server) => {
      const body = bodyWith(name, { access });
      await using made = await foreignIndex(server, body, ITEMS.map(sourceOf));
      const notices: string[] = [];
      await using index = await reading(server, made.name, notices);
      await checkWholeValues(index);
      assert.deepEqual(notices, []);
    },
  );
}

testOn(BOTH, "many documents are compared as far as the index gives them", async (name, server) => {
  const renamed = (access: string) => access === "NB" ? "everywhere" : access;
  const body = bodyWith(name, { access: { type: "text" } }, { max_result_window: 10 });
  const sources = ITEMS.map(sourceOf);
  const renamedOnes = sources.map((source) => ({ ...source, access: renamed(source.access) }));
  await using made = await foreignIndex(server, body, renamedOnes);
  const notices: string[] = [];
  await using index = await reading(server, made.name, notices);
  // Counted by what the index is asked, one value without the longer ones.
  assert.deepEqual(
    new Map([...await index.facet("access")].toSorted()),
    new Map(ACCESS.map((value) => [renamed(value), 3] as const).toSorted()),
  );
  assert.equal(notices.length, 1);
  assert.match(notices[0]!, /keeps access, .* by words: of more than 10 documents/);
});

testOn(
  BOTH,
  "what documents do not give back is found as far as it can be",
  async (name, server) => {
    const body = bodyWith(name, { access: { type: "keyword" } });
    const hidden = {
      ...body,
      mappings: { ...body.mappings, _source: { excludes: ["filename", "acc*"] } },
    };
    await using made = await foreignIndex(server, hidden, ITEMS.map(sourceOf));
    const notices: string[] = [];
    const onNotice = (text: string) => void notices.push(text);
    await using index = await openServerIndex(
      serverOptions(server, { index: made.name, onNotice }),
    );
    assert.match(notices.join("\n"), /gives back no filename, access of documents/);
    const { document } = ITEMS[5]!;
    const found = await index.get("filename", document.filename);
    assert.deepEqual(
      [found?.document.id, found?.document.filename],
      [document.id, document.filename],
    );
    assert.equal(await index.get("filename", "other"), undefined);
    assert.equal(await index.count({ access: "NB" }), 3);
    assert.equal((await index.facet("access")).get("nb only"), 3);
    assert.equal((await index.facet("access")).get("nb only"), 3);
  },
);

testOn(BOTH, "shortened vectors are compared by their own numbers", async (name, server) => {
  const lucene = { name: "hnsw", engine: "lucene" };
  const fields = name === "elasticsearch"
    ? [
      { index_options: { type: "int8_hnsw" } },
      { index_options: { type: "bbq_flat", rescore_vector: { oversample: 0 } } },
      { index_options: { type: "int4_hnsw", rescore_vector: { oversample: 2 } } },
    ]
    : [
      { compression_level: "4x", space_type: "cosinesimil", method: lucene },
      {
        method: {
          ...lucene,
          space_type: "cosinesimil",
          parameters: { encoder: { name: "sq" } },
        },
      },
    ];
  for (const more of fields) {
    // bbq takes vectors of at least 64 numbers.
    const vectors = randomVectors(20, 64);
    const field = {
      ...vectorField(name),
      ...more,
      [name === "elasticsearch" ? "dims" : "dimension"]: 64,
    };
    const body = bodyWith(name, { vector: field });
    const items = vectors.map((vector, i) => ({ document: documentOf(`id${i}`), vector }));
    await using made = await foreignIndex(server, body, items.map(sourceOf));
    await using index = await reading(server, made.name);
    const hits = await index.nearest(vectors[3]!, 5);
    assert.equal(hits[0]?.document.id, "id3");
    for (const { similarity, document } of hits) {
      const expected = cosine(vectors[3]!, vectors[Number(document.id.slice(2))]!);
      assert.ok(Math.abs(similarity - expected) < 1e-4, `${similarity} for ${expected}`);
    }
  }
});

testOn(["elasticsearch"], "an index that keeps no documents is refused", async (name, server) => {
  const body = bodyWith(name, {}, { "mapping.source.mode": "disabled" });
  await using made = await foreignIndex(server, body, ITEMS.map(sourceOf));
  for (const mode of ["read", "write"] as const) {
    await assert.rejects(openServerIndex(serverOptions(server, { index: made.name, mode })), {
      code: "setup",
      message: /"index\.mapping\.source\.mode" is "disabled"/,
    });
  }
  await using cluster = new Cluster(serverOptions(server));
  assert.ok(!(await cluster.names()).includes(made.name));
});

testOn(BOTH, "what others keep in _meta does not matter", async (name, server) => {
  for (const maken of ["x", { model: 5, restore: 7 }]) {
    const body = bodyWith(name, {}) as { mappings: object };
    const odd = { ...body, mappings: { ...body.mappings, _meta: { maken, by: "others" } } };
    await using made = await foreignIndex(server, odd, ITEMS.map(sourceOf));
    await using index = await openServerIndex(serverOptions(server, { index: made.name }));
    await index.setModel({ name: "m" });
    const { [made.name]: now } = await request(server, "GET", `/${made.name}/_mapping`) as Record<
      string,
      { mappings: { _meta: object } }
    >;
    assert.deepEqual(now!.mappings._meta, {
      by: "others",
      maken: { identity: "field", model: "m", modelIdentity: { name: "m" } },
    });
  }
});
