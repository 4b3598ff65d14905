/** The fields of a stored record that Maken uses; the file keeps every field of the catalogue. */

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
  const { id: given, accessInfo, metadata, _links } = fields(json);
  const id = Number.isSafeInteger(given) ? String(given) : given;
  if (typeof id !== "string") return undefined;
  const { accessAllowedFrom, license } = fields(accessInfo);
  const { title, creators, identifiers, subject, subjectName, originInfo } = fields(metadata);
  const { issued, created } = fields(originInfo);
  const { thumbnail_custom, thumbnail_large, thumbnail_medium } = fields(_links);
  return {
    id,
    urn: text(fields(identifiers).urn),
    access: text(accessAllowedFrom),
    license: text(license),
    title: text(title),
    creators: texts(creators),
    topics: texts(fields(subject).topics),
    subjectNames: texts(subjectName),
    issued: text(issued),
    created: text(created),
    thumbnails: {
      custom: href(thumbnail_custom),
      large: href(thumbnail_large),
      medium: href(thumbnail_medium),
    },
  };
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

/** The address of a link; HAL allows several links in place of one. */
function href(link: unknown): string | undefined {
  const links: readonly unknown[] = Array.isArray(link) ? link : [link];
  return links.map((one) => text(fields(one).href)).find((address) => address !== undefined);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
