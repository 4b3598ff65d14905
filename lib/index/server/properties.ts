/** The fields of an index's mapping, as a server describes them. */
import { z } from "zod";
import type { Document } from "../types.ts";

/** A field of documents. */
export type DocumentField = keyof Document;

/** Fields that hold words. */
export const TEXT_FIELDS = ["title", "creators", "subject"] as const;
/** Fields that every index has to hold; without the others it only tells less. */
export const MAIN_FIELDS: readonly DocumentField[] = ["id", "filename", "access", ...TEXT_FIELDS];
/** All fields of documents. */
export const FIELDS: readonly DocumentField[] = [...MAIN_FIELDS, "license", "date", "thumbnail"];

const NAME = { type: "keyword", ignore_above: 8191 };
const TEXT = { type: "text", fields: { raw: NAME } };
const KEPT = { type: "keyword", index: false, doc_values: false };
const WORDS = { type: "text", analyzer: "whitespace" };
/** Fields that documents have on a server besides their own. */
type AddedField = "words" | "fingerprint";

/**
 * What the project's mapping files make of each field; `words` holds the words by our own rule,
 * `fingerprint` tells whether document and vector are the same as others.
 */
export const OWN_PROPERTIES: Readonly<Record<DocumentField | AddedField, object>> = {
  id: { type: "keyword" },
  filename: NAME,
  access: { type: "keyword" },
  title: TEXT,
  creators: TEXT,
  subject: TEXT,
  words: { properties: { title: WORDS, creators: WORDS, subject: WORDS } },
  license: NAME,
  date: NAME,
  thumbnail: KEPT,
  fingerprint: KEPT,
};

/** A field, or a part of one, as far as it is of use. */
export const subField = z.object({
  type: z.string().optional(),
  index: z.boolean().optional(),
  doc_values: z.boolean().optional(),
  normalizer: z.string().optional(),
  ignore_above: z.coerce.number().optional().catch(undefined),
  analyzer: z.string().optional(),
  index_options: z.string().optional().catch(undefined),
  enabled: z.boolean().optional(),
  ignore_malformed: z.boolean().optional(),
}).catch({});
/** A field, or a part of one. */
export type SubField = z.infer<typeof subField>;
const property = z.looseObject({
  fields: z.record(z.string(), subField).optional().catch(undefined),
  properties: z.record(z.string(), subField).optional().catch(undefined),
});
const patterns = z.preprocess(
  (value) => typeof value === "string" ? [value] : value,
  z.array(z.string()).catch([]),
);
/** What is kept of documents. */
export const sourceFilter = z.object({
  enabled: z.boolean().catch(true),
  mode: z.string().optional().catch(undefined),
  includes: patterns,
  excludes: patterns,
});
/** The mappings of an index. */
export const mappingsOf = z.object({
  dynamic: z.union([z.boolean(), z.string()]).transform(String).catch("true").default("true"),
  properties: z.record(z.string(), property).catch({}).default({}),
  _source: z.preprocess((value) => value ?? {}, sourceFilter),
  _routing: z.object({
    required: z.unknown().transform((value) => String(value) === "true"),
  }).catch({ required: false }),
});
/** A field with its parts. */
export type Property = z.infer<typeof property>;

/** Whether a field of this type is compared as a whole. */
export function isWholeType({ type }: SubField): boolean {
  return type === "keyword" || type === "wildcard";
}

/** Whether a field of this type is found by its words. */
export function isTextType({ type = "" }: SubField): boolean {
  return ["text", "match_only_text", "search_as_you_type"].includes(type);
}

/** Whether a field takes any text. */
export function holdsText(found: Property): boolean {
  const own = subField.parse(found);
  return isTextType(own) || isWholeType(own) || own.enabled === false || !!own.ignore_malformed;
}

/** Whether a field holds words by our own rule. */
export function holdsOwnWords(found: Property | undefined): boolean {
  return TEXT_FIELDS.every((field) => {
    const { type, analyzer } = found?.properties?.[field] ?? {};
    return type === "text" && analyzer === "whitespace";
  });
}

/** The type of a field, in the server's words. */
export function typeOf(found: Property): string {
  return subField.parse(found).type ?? "object";
}

/** Whether a field is not kept with documents. */
export function isOut(
  { includes, excludes }: z.infer<typeof sourceFilter>,
  field: string,
): boolean {
  const matches = (pattern: string) =>
    new RegExp(
      `^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`,
    ).test(field);
  return excludes.some(matches) || (includes.length > 0 && !includes.some(matches));
}
