import assert from "node:assert/strict";
import { toRecord } from "../../lib/catalog/record.ts";
import { toDocument } from "../../lib/index/document.ts";

const medium = { href: "https://example.org/medium" };
const large = { href: "https://example.org/large" };
const record = {
  id: "a1",
  accessInfo: { accessAllowedFrom: "NORWAY", license: "ccby", viewability: "ALL" },
  metadata: {
    title: " Ski ",
    creators: ["B", 3, "C"],
    identifiers: { urn: "URN:NBN:no-nb_digifoto_1" },
    subject: { topics: ["snow"] },
    subjectName: ["Person, A."],
    originInfo: { issued: "1921", created: "1920" },
  },
  _links: { thumbnail_medium: medium, thumbnail_large: large },
};

Deno.test("toDocument() has every field of the record that a search shows", () => {
  assert.deepEqual(toDocument(toRecord(record)!), {
    id: "a1",
    filename: "digifoto_1",
    access: "norway",
    title: "Ski",
    creators: ["B", "C"],
    subject: ["snow", "Person, A."],
    license: "ccby",
    date: "1921",
    thumbnail: medium.href,
  });
});

Deno.test("toDocument() takes the next best of what a record lacks, or has in another type", () => {
  const metadata = { ...record.metadata, originInfo: { issued: true, created: "1920" } };
  const _links = { thumbnail_medium: "no link", thumbnail_large: large };
  const { date, thumbnail } = toDocument(toRecord({ ...record, metadata, _links })!);
  assert.deepEqual([date, thumbnail], ["1920", large.href]);
  const numeric = { ...record.metadata, originInfo: { issued: 1921, created: "1920" } };
  assert.equal(toDocument(toRecord({ ...record, metadata: numeric })!).date, "1921");
  const long = { accessAllowedFrom: "Å".repeat(33_000), license: "x" };
  const { access } = toDocument(toRecord({ ...record, accessInfo: long })!);
  assert.equal(access, "å".repeat(16_383), "as many bytes as Lucene takes of a term");
  const texts = {
    id: "",
    filename: "",
    access: "",
    title: "",
    license: "",
    date: "",
    thumbnail: "",
  };
  const empty = { ...texts, creators: [], subject: [] };
  for (const odd of [undefined, null, 7, "x", [], { title: [], creators: {}, subject: null }]) {
    const bare = toRecord({ id: "", accessInfo: odd, metadata: odd, _links: odd });
    assert.deepEqual(toDocument(bare!), empty);
  }
});
