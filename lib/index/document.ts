/** From a catalogue record to the document of an index. */
import type { CatalogRecord } from "../catalog/types.ts";
import type { Document } from "./types.ts";

/**
 * The document of a record.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { catalogRecord } from "../catalog/types.ts";
 * const record = catalogRecord.parse({
 *   id: "a1",
 *   accessInfo: { accessAllowedFrom: "EVERYWHERE" },
 *   metadata: { title: "Ski", identifiers: { urn: "URN:NBN:no-nb_digifoto_1" } },
 * });
 * assert.equal(toDocument(record).filename, "digifoto_1");
 * assert.equal(toDocument(record).access, "everywhere");
 * ```
 */
export function toDocument({ id, accessInfo, metadata, _links }: CatalogRecord): Document {
  return {
    id,
    filename: (metadata.identifiers.urn ?? "").replace("URN:NBN:no-nb_", ""),
    access: (accessInfo.accessAllowedFrom ?? "").toLowerCase(),
    title: (metadata.title ?? "").trim(),
    creators: metadata.creators,
    subject: [...metadata.subject.topics, ...metadata.subjectName],
    license: accessInfo.license ?? "",
    date: metadata.originInfo.issued ?? metadata.originInfo.created ?? "",
    thumbnail: _links.thumbnail_medium?.href ?? _links.thumbnail_large?.href ?? "",
  };
}
