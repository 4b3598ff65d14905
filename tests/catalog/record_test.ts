import assert from "node:assert/strict";
import { toRecord } from "../../lib/catalog/record.ts";

Deno.test("toRecord() takes the first text of what is a list or an object", () => {
  const record = (metadata: unknown) => toRecord({ id: "a", metadata })!;
  assert.equal(record({ title: ["Ski", "Vinter"] }).title, "Ski");
  assert.equal(record({ title: { lang: "nob", value: "Ski" } }).title, "Ski");
  assert.equal(record({ title: { "@language": "nob", nob: ["Ski"] } }).title, "Ski");
  assert.deepEqual(record({ creators: "Wilse" }).creators, ["Wilse"]);
  assert.deepEqual(
    record({ creators: [{ roles: [{ name: "Fotograf" }], name: "Wilse" }, "Skarpmoen"] }).creators,
    ["Wilse", "Skarpmoen"],
  );
  assert.deepEqual(record({ subject: { topics: "ski" } }).topics, ["ski"]);
  assert.equal(record({ originInfo: { issued: 1890 } }).issued, "1890");
  assert.deepEqual(record({ title: ["Ski"], creators: null }).leftOut, []);
});

Deno.test("toRecord() names what it leaves out", () => {
  const metadata = { title: 7, creators: ["Wilse", 3, null], originInfo: { issued: true } };
  const record = toRecord({ id: "a", metadata })!;
  assert.deepEqual([record.title, record.creators, record.issued], [
    undefined,
    ["Wilse"],
    undefined,
  ]);
  assert.deepEqual(record.leftOut, ["title", "creators", "issued"]);
});
