/** The fields of a stored record that Maken uses; the file keeps every field of the catalogue. */
import { isRawNumber } from "./exact_json.ts";

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
  const { id: given, accessInfo, metadata, _links } = fields(json);
  const id = idText(given);
  if (id === undefined) return undefined;
  const { accessAllowedFrom, license } = fields(accessInfo);
  const { title, creators, identifiers, subject, subjectName, originInfo } = fields(metadata);
  const { issued, created } = fields(originInfo);
  const { thumbnail_custom, thumbnail_large, thumbnail_medium } = fields(_links);
  const leftOut: string[] = [];
  const one = (name: string, value: unknown, read = text) => {
    const found = read(value);
    if (found === undefined && isSomething(value)) leftOut.push(name);
    return found;
  };
  const many = (name: string, value: unknown) => {
    const found = texts(value);
    const given = Array.isArray(value) ? value : [value];
    if (found.length < given.filter(isSomething).length) leftOut.push(name);
    return found;
  };
  return {
    id,
    urn: text(fields(identifiers).urn),
    access: one("accessAllowedFrom", accessAllowedFrom),
    license: one("license", license),
    title: one("title", title),
    creators: many("creators", creators),
    topics: many("topics", fields(subject).topics),
    subjectNames: many("subjectName", subjectName),
    issued: one("issued", issued, textOrNumber),
    created: one("created", created, textOrNumber),
    thumbnails: {
      custom: href(thumbnail_custom),
      large: href(thumbnail_large),
      medium: href(thumbnail_medium),
    },
    leftOut,
  };
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

function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

/** The address of a link; HAL allows several links in place of one. */
function href(link: unknown): string | undefined {
  const links: readonly unknown[] = Array.isArray(link) ? link : [link];
  return links.map((one) => text(fields(one).href)).find((address) => address !== undefined);
}

/** A text, or the first one in a list or an object. */
function text(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return undefined;
  const inner = value as Record<string, unknown>;
  const names = Object.keys(value).filter((name) => !ABOUT_TEXT.test(name));
  for (const name of [...TEXT_NAMES, ...names]) {
    const found = Object.hasOwn(inner, name) ? text(inner[name]) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Fields of an object that hold its text, the likeliest first; and those that only tell of it. */
const TEXT_NAMES = ["value", "@value", "#text", "text", "name", "title", "label"];
const ABOUT_TEXT = /^@?(lang|language|type|roles?|id|uri|href|xml:lang)$/i;

function textOrNumber(value: unknown): string | undefined {
  return typeof value === "number" ? String(value) : text(value);
}

/** The text of each in a list; of what is no list, its own. */
function texts(value: unknown): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map(text).filter((found) => found !== undefined && found !== "") as string[];
}

function isSomething(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}
