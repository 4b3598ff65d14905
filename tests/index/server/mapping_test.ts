import assert from "node:assert/strict";
import { join } from "node:path";
import { OWN_PROPERTIES } from "../../../lib/index/server/properties.ts";
import { parseMapping, readMapping } from "../../../lib/index/server/mapping.ts";
import { ROOT } from "../../helpers/run_task.ts";
import { documentOf } from "../contract.ts";

Deno.test("the project's mappings have all fields, and vectors compared by cosine", async () => {
  for (const kind of ["elasticsearch", "opensearch"] as const) {
    for (const [name, size] of [["images", 2048], ["books", 1024]] as const) {
      const mapping = await readMapping(join(ROOT, `mappings/${kind}/${name}.knn.mapping`));
      const { dims, similarity, links } = mapping;
      assert.deepEqual([mapping.kind, dims, similarity, links], [kind, size, "cosine", 16]);
      const { properties } = mapping.body.mappings as { properties: object };
      // Words lie in a field of their own, and what tells whether anything has changed.
      const fields = [...Object.keys(documentOf("x")), "words", "fingerprint", "vector"];
      assert.deepEqual(Object.keys(properties).toSorted(), fields.toSorted());
      const { vector: _vector, ...others } = properties as Record<string, object>;
      assert.deepEqual(others, OWN_PROPERTIES);
    }
  }
});

Deno.test("parseMapping() says what is wrong with a file", async () => {
  const bad = (vector: object) => JSON.stringify({ mappings: { properties: { vector } } });
  const cases: [string, RegExp][] = [
    ["{", /"x\.mapping": it is not JSON$/],
    ["{}", /has no "mappings"/],
    ['{"mappings":{}}', /no field "vector" of type/],
    [bad({ type: "float" }), /no field "vector" of type/],
    [bad({ type: "dense_vector", dims: 4, similarity: "l2_norm" }), /l2_norm, not by cosine/],
    [
      bad({ type: "dense_vector", dims: 4, index: false, similarity: null }),
      /"index": false, so that no neighbours/,
    ],
    [bad({ type: "dense_vector", dims: 4, index: false }), /"index": false, so that no neighbours/],
    [bad({ type: "knn_vector", dimension: 4 }), /by l2, not by cosine/],
    [bad({ type: "knn_vector" }), /with its size/],
    [bad({ type: "knn_vector", dimension: 4, space_type: "cosinesimil" }), /"index\.knn"/],
    [bad({ type: "knn_vector", dimension: 8, data_type: "binary" }), /binary.*"data_type"/],
    [bad({ type: "dense_vector", dims: 8, element_type: "bit" }), /of type bit.*"element_type"/],
    [bad({ type: "dense_vector", dims: 8, element_type: "byte" }), /of type byte/],
    ['{"mappings":{"_doc":{"properties":{}}}}', /in "mappings\._doc", as in servers before/],
    ['{"images":{"aliases":{},"mappings":{}}}', /what a server tells of index "images"/],
    [
      JSON.stringify({
        settings: { "index.mapping.source.mode": "disabled" },
        mappings: { properties: { vector: { type: "dense_vector", dims: 4 } } },
      }),
      /"index\.mapping\.source\.mode" is "disabled"/,
    ],
    [
      JSON.stringify({
        mappings: {
          _source: { mode: "disabled" },
          properties: { vector: { type: "dense_vector", dims: 4 } },
        },
      }),
      /"index\.mapping\.source\.mode" is "disabled"/,
    ],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseMapping(text, "x.mapping"), { code: "setup", message });
  }
  await assert.rejects(readMapping(join(ROOT, "none.mapping")), { code: "setup", message: /none/ });
});

Deno.test("parseMapping() takes what people's editors and earlier servers write", () => {
  const vector = { type: "knn_vector", dimension: 4 };
  const mappings = { properties: { vector } };
  for (
    const settings of [
      { index: { knn: true, "knn.space_type": "cosinesimil" } },
      { "index.knn": "true", "index.knn.space_type": "cosinesimil" },
      { knn: true, index: { knn: { space_type: "cosinesimil" } } },
    ]
  ) {
    const text = `\ufeff${JSON.stringify({ settings, mappings })}`;
    assert.equal(parseMapping(text, "x.mapping").similarity, "cosine");
  }
  const texts = { type: "dense_vector", dims: "64", index: "true", index_options: { m: "24" } };
  const text = JSON.stringify({ mappings: { properties: { vector: texts } } });
  const { dims, similarity, links, body } = parseMapping(text, "x.mapping");
  assert.match(JSON.stringify(body), /"dims":64,"index":"true"/);
  assert.deepEqual([dims, similarity, links], [64, "cosine", 24]);
});
