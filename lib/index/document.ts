/** From a catalogue record to the document of an index. */
import type { CatalogRecord, Thumbnails } from "../catalog/record.ts";
import { sizedUrl } from "../images/iiif.ts";
import type { Document } from "./types.ts";

/**
 * The document of a record.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { toRecord } from "../catalog/record.ts";
 * const record = toRecord({
 *   id: "a1",
 *   accessInfo: { accessAllowedFrom: "EVERYWHERE" },
 *   metadata: { title: "Ski", identifiers: { urn: "URN:NBN:no-nb_digifoto_1" } },
 * });
 * assert.equal(toDocument(record!).filename, "digifoto_1");
 * assert.equal(toDocument(record!).access, "everywhere");
 * ```
 */
export function toDocument(record: CatalogRecord): Document {
  const { id, urn, access, title, creators, license, issued, created, thumbnails } = record;
  return {
    id,
    filename: (urn ?? "").replace("URN:NBN:no-nb_", ""),
    access: term((access ?? "").toLowerCase()),
    title: (title ?? "").trim(),
    creators,
    subject: [...record.topics, ...record.subjectNames],
    license: term(license ?? ""),
    date: term(issued ?? created ?? ""),
    thumbnail: thumbnail(thumbnails),
  };
}

/** Bytes of UTF-8 that Lucene, in Elasticsearch and OpenSearch, takes of a text that is one term. */
const MAX_TERM_BYTES = 32_766;

/** As much of the text as an index takes as one term. */
export function term(text: string): string {
  if (text.length * 3 <= MAX_TERM_BYTES) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(MAX_TERM_BYTES));
  return text.slice(0, read);
}

/** Address of a small picture; empty if there is none. */
function thumbnail({ medium, large, custom }: Thumbnails): string {
  return medium ?? large ?? (custom === undefined ? "" : sizedUrl(custom, ["0", "200"]));
}
