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
  const metadata = { title: false, creators: ["Wilse", 3, null], originInfo: { issued: true } };
  const record = toRecord({ id: "a", metadata })!;
  assert.deepEqual([record.title, record.creators, record.issued], [
    undefined,
    ["Wilse"],
    undefined,
  ]);
  assert.deepEqual(record.leftOut, ["title", "creators", "issued"]);
});

Deno.test("toRecord() passes over blanks to the first text", () => {
  const title = (title: unknown) => toRecord({ id: "a", metadata: { title } })!;
  for (const value of [["", "Ski"], ["  ", "Ski"], [null, "Ski"], { value: "", label: "Ski" }]) {
    assert.equal(title(value).title, "Ski", JSON.stringify(value));
  }
  assert.equal(
    toRecord({ id: "a", metadata: { originInfo: { issued: " ", created: "1905" } } })!.issued,
    undefined,
  );
  for (const value of ["", "  ", [], {}, [""], { value: " " }, null]) {
    assert.deepEqual([title(value).title, title(value).leftOut], [undefined, []]);
  }
});

Deno.test("toRecord() takes numbers where years, titles and names of files are asked for", () => {
  const record = (metadata: unknown) => toRecord({ id: "a", metadata })!;
  for (const issued of [1905, [1905], { value: 1905 }, [{ year: 1905 }], ["", 1905]]) {
    assert.equal(record({ originInfo: { issued } }).issued, "1905", JSON.stringify(issued));
  }
  assert.equal(record({ title: 1905 }).title, "1905");
  assert.equal(record({ title: [1905, "Ski"] }).title, "Ski", "rather a text");
  assert.equal(record({ identifiers: { urn: 123 } }).urn, "123");
});

Deno.test("toRecord() takes fields in lists, and subjects without topics; names what it cannot take", () => {
  const all = {
    title: "Ski",
    originInfo: [{ issued: "1905" }],
    subject: ["ski", { topics: ["snow"] }],
  };
  const record = toRecord({
    id: "a",
    metadata: [all, { title: "other", creators: ["Wilse"] }],
    accessInfo: [{ accessAllowedFrom: "NB" }],
    _links: { thumbnail_medium: "https://example.org/a.jpg" },
  })!;
  assert.deepEqual([record.title, record.issued, record.access], ["Ski", "1905", "NB"]);
  assert.deepEqual([record.topics, record.creators], [["ski", "snow"], ["Wilse"]]);
  assert.equal(record.thumbnails.medium, "https://example.org/a.jpg");
  assert.deepEqual(record.leftOut, []);
  assert.deepEqual(toRecord({ id: "a", metadata: { subject: "ski" } })!.topics, ["ski"]);
  assert.deepEqual(toRecord({ id: "a", metadata: { creators: ["A", ["B", "C"]] } })!.creators, [
    "A",
    "B",
    "C",
  ]);
  const odd = {
    id: "a",
    accessInfo: "NB",
    metadata: { originInfo: "1905", identifiers: ["x"], subject: [7] },
    _links: [{ thumbnail_large: { href: 7 } }],
  };
  const names = ["accessInfo", "identifiers", "originInfo", "topics", "thumbnail_large"];
  assert.deepEqual(toRecord(odd)!.leftOut, names);
  assert.deepEqual(toRecord({ id: "a", metadata: [1] })!.leftOut, ["metadata"]);
});
