/** The fields of an index's mapping, as a server describes them. */
import { z } from "zod";
import type { Document } from "../types.ts";

/** A field of documents. */
export type DocumentField = keyof Document;

/** Fields that hold words. */
export const TEXT_FIELDS = ["title", "creators", "subject"] as const;
/** Fields that every index has to hold; without the others it only tells less. */
export const MAIN_FIELDS: readonly DocumentField[] = ["id", "filename", "access", ...TEXT_FIELDS];
export const FIELDS: readonly DocumentField[] = [...MAIN_FIELDS, "license", "date", "thumbnail"];

const NAME = { type: "keyword", ignore_above: 8191 };
const TEXT = { type: "text", fields: { raw: NAME } };
const WORDS = { type: "text", analyzer: "whitespace" };
/** What the project's mapping files make of each field; `words` holds the words by our own rule. */
export const OWN_PROPERTIES: Readonly<Record<DocumentField | "words", object>> = {
  id: { type: "keyword" },
  filename: NAME,
  access: { type: "keyword" },
  title: TEXT,
  creators: TEXT,
  subject: TEXT,
  words: { properties: { title: WORDS, creators: WORDS, subject: WORDS } },
  license: NAME,
  date: NAME,
  thumbnail: { type: "keyword", index: false, doc_values: false },
};

export const subField = z.object({
  type: z.string().optional(),
  index: z.boolean().optional(),
  doc_values: z.boolean().optional(),
  normalizer: z.string().optional(),
  analyzer: z.string().optional(),
  enabled: z.boolean().optional(),
  ignore_malformed: z.boolean().optional(),
}).catch({});
export type SubField = z.infer<typeof subField>;
const property = z.looseObject({
  fields: z.record(z.string(), subField).optional().catch(undefined),
  properties: z.record(z.string(), subField).optional().catch(undefined),
});
const patterns = z.preprocess(
  (value) => typeof value === "string" ? [value] : value,
  z.array(z.string()).catch([]),
);
export const sourceFilter = z.object({
  enabled: z.boolean().catch(true),
  includes: patterns,
  excludes: patterns,
});
export const mappingsOf = z.object({
  dynamic: z.union([z.boolean(), z.string()]).transform(String).catch("true").default("true"),
  properties: z.record(z.string(), property).catch({}).default({}),
  _source: z.preprocess((value) => value ?? {}, sourceFilter),
});
export type Property = z.infer<typeof property>;

export function isWholeType({ type }: SubField): boolean {
  return type === "keyword" || type === "wildcard";
}

export function isTextType({ type = "" }: SubField): boolean {
  return ["text", "match_only_text", "search_as_you_type"].includes(type);
}

export function holdsText(found: Property): boolean {
  const own = subField.parse(found);
  return isTextType(own) || isWholeType(own) || own.enabled === false || !!own.ignore_malformed;
}

export function holdsOwnWords(found: Property | undefined): boolean {
  return TEXT_FIELDS.every((field) => {
    const { type, analyzer } = found?.properties?.[field] ?? {};
    return type === "text" && analyzer === "whitespace";
  });
}

export function typeOf(found: Property): string {
  return subField.parse(found).type ?? "object";
}
