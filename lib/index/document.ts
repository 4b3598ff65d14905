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
    access: (access ?? "").toLowerCase(),
    title: (title ?? "").trim(),
    creators,
    subject: [...record.topics, ...record.subjectNames],
    license: license ?? "",
    date: issued ?? created ?? "",
    thumbnail: thumbnail(thumbnails),
  };
}

/** Address of a small picture; empty if there is none. */
function thumbnail({ medium, large, custom }: Thumbnails): string {
  return medium ?? large ?? (custom === undefined ? "" : sizedUrl(custom, ["0", "200"]));
}
