/** What an index's mapping makes of the fields of documents: how each is compared, ordered, kept. */
import { z } from "zod";
import type { Document } from "../types.ts";
import { wordsOf } from "../words.ts";

/** A field of documents. */
export type DocumentField = keyof Document;

/** Fields that hold words. */
export const TEXT_FIELDS = ["title", "creators", "subject"] as const;
/** Fields that every index has to hold; without the others it only tells less. */
const MAIN_FIELDS: readonly DocumentField[] = ["id", "filename", "access", ...TEXT_FIELDS];
const FIELDS: readonly DocumentField[] = [...MAIN_FIELDS, "license", "date", "thumbnail"];

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

const subField = z.object({
  type: z.string().optional(),
  index: z.boolean().optional(),
  doc_values: z.boolean().optional(),
  normalizer: z.string().optional(),
  analyzer: z.string().optional(),
  enabled: z.boolean().optional(),
  ignore_malformed: z.boolean().optional(),
}).catch({});
type SubField = z.infer<typeof subField>;
const property = z.looseObject({
  fields: z.record(z.string(), subField).optional().catch(undefined),
  properties: z.record(z.string(), subField).optional().catch(undefined),
});
const shortened = z.object({
  index_options: z.object({
    type: z.string().regex(/^(int\d|bbq)_/),
    rescore_vector: z.unknown().optional(),
  }).optional(),
}).catch({});
const patterns = z.preprocess(
  (value) => typeof value === "string" ? [value] : value,
  z.array(z.string()).catch([]),
);
const sourceFilter = z.object({
  enabled: z.boolean().catch(true),
  includes: patterns,
  excludes: patterns,
});
const mappingsOf = z.object({
  dynamic: z.union([z.boolean(), z.string()]).transform(String).catch("true").default("true"),
  properties: z.record(z.string(), property).catch({}).default({}),
  _source: z.preprocess((value) => value ?? {}, sourceFilter),
});

/** Where a field of documents is compared. */
export interface FieldUse {
  readonly path: string;
  /** Whole values are compared; else their words, one after the other. */
  readonly isWhole: boolean;
  /** Documents can be ordered and counted by it. */
  readonly isOrdered: boolean;
}

/** How the documents of an index are asked for. */
export interface Layout {
  /** The fields that are mapped. */
  readonly uses: Readonly<Partial<Record<DocumentField, FieldUse>>>;
  /** Where words are looked for. */
  readonly wordPaths: readonly string[];
  /** Where whole values are, in which words are looked for: their field holds no words. */
  readonly wholePaths: readonly string[];
  /** Words are there by our own rule, as everywhere. */
  readonly hasOwnWords: boolean;
  /** The vector is not among what the index gives back of a document. */
  readonly isVectorApart: boolean;
  /** Neighbours are found by shortened numbers, and their similarity is by those unless asked. */
  readonly isShortened: boolean;
}

/** What an index takes of a document. */
export interface Intake {
  /** Fields that are left out of documents: the mapping lacks them, or they cannot hold text there. */
  readonly leftOut: readonly DocumentField[];
  /** Fields that are kept with documents and never found by. */
  readonly unsearched: readonly DocumentField[];
  readonly hasOwnWords: boolean;
}

/**
 * How documents are asked for under such mappings.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const id = { type: "text", fields: { keyword: { type: "keyword" } } };
 * const { uses } = layoutOf({ properties: { id, access: { type: "text" } } });
 * assert.deepEqual(uses.id, { path: "id.keyword", isWhole: true, isOrdered: true });
 * assert.deepEqual(uses.access, { path: "access", isWhole: false, isOrdered: false });
 * ```
 */
export function layoutOf(mappings: unknown): Layout {
  const { properties, _source } = mappingsOf.parse(mappings ?? {});
  const uses: Layout["uses"] = Object.fromEntries(FIELDS.flatMap((field) => {
    const use = useOf(field, properties[field]);
    return use === undefined ? [] : [[field, use]];
  }));
  const hasOwnWords = holdsOwnWords(properties.words);
  const withWords = TEXT_FIELDS.filter((field) => {
    const own = subField.parse(properties[field] ?? {});
    return isTextType(own) && own.index !== false;
  });
  const whole = TEXT_FIELDS.filter((field) => !withWords.includes(field))
    .flatMap((field) => uses[field]?.path ?? []);
  return {
    uses,
    wordPaths: hasOwnWords ? TEXT_FIELDS.map((field) => `words.${field}`) : withWords,
    wholePaths: hasOwnWords ? [] : whole,
    hasOwnWords,
    isVectorApart: isOut(_source, "vector"),
    isShortened: isShortened(properties.vector),
  };
}

/** Whether Elasticsearch compares vectors by bytes or less, and not once more by their own numbers. */
function isShortened(vector: unknown): boolean {
  const { index_options } = shortened.parse(vector);
  return index_options !== undefined && index_options.rescore_vector === undefined;
}

/** What an index with such mappings takes of documents. */
export function intakeOf(mappings: unknown): Intake {
  const { dynamic, properties } = mappingsOf.parse(mappings ?? {});
  const lacking = FIELDS.filter((field) => properties[field] === undefined);
  const unfit = FIELDS.filter((field) => properties[field] && !holdsText(properties[field]));
  const isIgnored = ["false", "runtime", "false_allow_templates"].includes(dynamic);
  return {
    leftOut: isIgnored ? unfit : [...lacking, ...unfit],
    unsearched: isIgnored ? lacking : [],
    hasOwnWords: holdsOwnWords(properties.words),
  };
}

/**
 * Fields that are to be added to such mappings: all that they lack if they may be changed; else only
 * what the index itself would add to them when it sees the first document.
 *
 * @param isNew whether no document is in the index yet
 */
export function missingProperties(
  mappings: unknown,
  { mayChange, isNew }: { mayChange: boolean; isNew: boolean },
): Record<string, object> {
  const { dynamic, properties } = mappingsOf.parse(mappings ?? {});
  if (!mayChange && dynamic !== "true") return {};
  const lacks = (field: string) => properties[field] === undefined;
  const wanted: (keyof typeof OWN_PROPERTIES)[] = (mayChange ? FIELDS : MAIN_FIELDS).filter(lacks);
  // Earlier documents would lack the words.
  if (isNew && lacks("words") && (mayChange || TEXT_FIELDS.every(lacks))) wanted.push("words");
  return Object.fromEntries(wanted.map((field) => [field, OWN_PROPERTIES[field]]));
}

/** Why documents under such mappings could not be read again; undefined if they can be. */
export function unreadable(mappings: unknown): string | undefined {
  const { _source } = mappingsOf.parse(mappings ?? {});
  if (!_source.enabled) {
    return 'its mapping turns "_source" off, without which no document can be shown; take ' +
      '"_source" out of the mapping';
  }
  if (!isOut(_source, "id")) return undefined;
  return 'its mapping leaves "id" out of "_source", without which no document can be told from ' +
    'another; take "id" out of "excludes", or into "includes"';
}

/** Why documents could not be told apart under such mappings; undefined if they can be. */
export function unidentified(mappings: unknown): string | undefined {
  const { properties } = mappingsOf.parse(mappings ?? {});
  if (properties.id === undefined) {
    return 'its mapping has no field "id", by which documents are found; --update-mapping adds it';
  }
  if (useOf("id", properties.id) !== undefined && holdsText(properties.id)) return undefined;
  return `its field "id" is of type ${
    typeOf(properties.id)
  }, by which no id can be found; it has ` +
    "to be a keyword that is indexed";
}

/** What is sent of a document to an index that takes so much. */
export function sourceOf(document: Document, { leftOut, hasOwnWords }: Intake): object {
  if (leftOut.length === 0 && !hasOwnWords) return document;
  const source: Record<string, unknown> = { ...document };
  for (const field of leftOut) delete source[field];
  if (hasOwnWords) {
    const { title, creators, subject } = document;
    source.words = {
      title: wordsOf(title).join(" "),
      creators: wordsOf(creators.join(" ")).join(" "),
      subject: wordsOf(subject.join(" ")).join(" "),
    };
  }
  return source;
}

/** What a user should know of such an intake, each in one line. */
export function intakeNotices(index: string, intake: Intake): string[] {
  const { leftOut, unsearched, hasOwnWords } = intake;
  const hint = "--update-mapping adds what its mapping lacks";
  const parts = [
    leftOut.length > 0 ? `takes no ${leftOut.join(", ")}: left out of documents` : "",
    unsearched.length > 0
      ? `keeps ${unsearched.join(", ")} with documents, but finds none by them`
      : "",
  ].filter(Boolean);
  const words = `Index "${index}" has no field "words" as the project's mapping files have it: ` +
    "words are found as its own analyzer takes them, which may differ in accents, æ, ø, dots and " +
    "underscores; an index that is made by such a file finds the same as everywhere";
  return [
    ...(parts.length > 0 ? [`Index "${index}" ${parts.join("; and ")}; ${hint}`] : []),
    ...(hasOwnWords ? [] : [words]),
  ];
}

type Property = z.infer<typeof property>;

function useOf(field: DocumentField, found: Property | undefined): FieldUse | undefined {
  if (found === undefined) return undefined;
  const own = subField.parse(found);
  const parts = Object.entries(found.fields ?? {}).map(([name, part]) => ({
    path: `${field}.${name}`,
    part,
  }));
  const whole = [{ path: field as string, part: own }, ...parts]
    .filter(({ part }) => isWholeType(part) && part.index !== false);
  const best = whole.find(({ part }) => part.normalizer === undefined) ?? whole[0];
  if (best !== undefined) {
    return { path: best.path, isWhole: true, isOrdered: best.part.doc_values !== false };
  }
  const text = [{ path: field as string, part: own }, ...parts]
    .find(({ part }) => isTextType(part) && part.index !== false);
  return text && { path: text.path, isWhole: false, isOrdered: false };
}

function isWholeType({ type }: SubField): boolean {
  return type === "keyword" || type === "wildcard";
}

function isTextType({ type = "" }: SubField): boolean {
  return ["text", "match_only_text", "search_as_you_type"].includes(type);
}

function holdsText(found: Property): boolean {
  const own = subField.parse(found);
  return isTextType(own) || isWholeType(own) || own.enabled === false || !!own.ignore_malformed;
}

function holdsOwnWords(found: Property | undefined): boolean {
  return TEXT_FIELDS.every((field) => {
    const { type, analyzer } = found?.properties?.[field] ?? {};
    return type === "text" && analyzer === "whitespace";
  });
}

function typeOf(found: Property): string {
  return subField.parse(found).type ?? "object";
}

/** Whether a field is not kept with documents. */
function isOut(
  { includes, excludes }: z.infer<typeof sourceFilter>,
  field: string,
): boolean {
  const matches = (pattern: string) =>
    new RegExp(
      `^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`,
    ).test(field);
  return excludes.some(matches) || (includes.length > 0 && !includes.some(matches));
}
