/** The fields of a stored record that Maken uses; the file keeps every field of the catalogue. */
import { isRawNumber } from "./exact_json.ts";
import { FieldReader, href, isFields, textOrNumber } from "./record_fields.ts";

/** A record. What the catalogue does not have, or has in an unexpected type, is undefined or empty. */
export interface CatalogRecord {
  readonly id: string;
  /** Such as `URN:NBN:no-nb_digifoto_1`. */
  readonly urn: string | undefined;
  /** From where it may be seen, such as `EVERYWHERE`. */
  readonly access: string | undefined;
  readonly license: string | undefined;
  readonly title: string | undefined;
  readonly creators: readonly string[];
  readonly topics: readonly string[];
  readonly subjectNames: readonly string[];
  readonly issued: string | undefined;
  readonly created: string | undefined;
  readonly thumbnails: Thumbnails;
  /** Fields of the catalogue that hold something of another kind, which is left out. */
  readonly leftOut: readonly string[];
}

/** Addresses of a record's picture (HAL links). */
export interface Thumbnails {
  /** A template of an address, with `{width}` and `{height}`. */
  readonly custom?: string | undefined;
  readonly large?: string | undefined;
  readonly medium?: string | undefined;
}

/**
 * What a record's JSON says; undefined if it has no id. Not by a schema: that was a tenth of all the
 * CPU that a document takes on its way into an index.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const record = toRecord({ id: "a1", metadata: { title: "Ski", creators: ["B", 3] } });
 * assert.equal(record?.title, "Ski");
 * assert.deepEqual(record?.creators, ["B"]);
 * assert.equal(toRecord({ id: 1 })?.id, "1");
 * assert.equal(toRecord({ id: ["1"] }), undefined);
 * ```
 */
export function toRecord(json: unknown): CatalogRecord | undefined {
  if (!isFields(json)) return undefined;
  const id = idText(json.id);
  if (id === undefined) return undefined;
  const reader = new FieldReader();
  const { accessAllowedFrom, license } = reader.fields("accessInfo", json.accessInfo);
  const metadata = reader.fields("metadata", json.metadata);
  const { title, creators, subject, subjectName } = metadata;
  const { urn } = reader.fields("identifiers", metadata.identifiers);
  const { issued, created } = reader.fields("originInfo", metadata.originInfo);
  const links = reader.fields("_links", json._links);
  const { thumbnail_custom, thumbnail_large, thumbnail_medium } = links;
  return {
    id,
    urn: reader.one("urn", urn, textOrNumber),
    access: reader.one("accessAllowedFrom", accessAllowedFrom),
    license: reader.one("license", license),
    title: reader.one("title", title, textOrNumber),
    creators: reader.many("creators", creators),
    topics: reader.many("topics", topicsOf(subject)),
    subjectNames: reader.many("subjectName", subjectName),
    issued: reader.one("issued", issued, textOrNumber),
    created: reader.one("created", created, textOrNumber),
    thumbnails: {
      custom: reader.one("thumbnail_custom", thumbnail_custom, href),
      large: reader.one("thumbnail_large", thumbnail_large, href),
      medium: reader.one("thumbnail_medium", thumbnail_medium, href),
    },
    leftOut: reader.leftOut,
  };
}

/** The topics among a record's subjects; subjects that are no object with fields are topics themselves. */
function topicsOf(subject: unknown): unknown {
  if (Array.isArray(subject)) {
    return subject.map((one) => isFields(one) && "topics" in one ? one.topics : one);
  }
  return isFields(subject) ? subject.topics : subject;
}

/**
 * A record's id as text; one that is a whole number is its digits. Undefined if it is anything else.
 *
 * @param id where its digits may be too many for a double, as {@linkcode parseExact} gives it
 */
export function idText(id: unknown): string | undefined {
  if (typeof id === "string") return id;
  const digits = isRawNumber(id) ? id.rawJSON : Number.isSafeInteger(id) ? String(id) : "";
  return /^(0|-?[1-9]\d*)$/.test(digits) && !Object.is(id, -0) ? digits : undefined;
}
