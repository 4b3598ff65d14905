/** What an index takes of documents, by its mapping. */
import type { Document } from "../types.ts";
import { wordsOf } from "../words.ts";
import {
  type DocumentField,
  FIELDS,
  holdsOwnWords,
  holdsText,
  isOut,
  MAIN_FIELDS,
  mappingsOf,
  OWN_PROPERTIES,
  TEXT_FIELDS,
  typeOf,
} from "./properties.ts";

/** What an index takes of a document. */
export interface Intake {
  /** Fields that are left out of documents: the mapping lacks them, or they cannot hold text there. */
  readonly leftOut: readonly DocumentField[];
  /** Those of them that a mapping could be given. */
  readonly lacking: readonly DocumentField[];
  /** Fields that are kept with documents and never found by. */
  readonly unsearched: readonly DocumentField[];
  /** Fields that are taken, and not given back. */
  readonly hidden: readonly DocumentField[];
  readonly hasOwnWords: boolean;
  /** Whether documents keep their fingerprint. */
  readonly hasFingerprint: boolean;
}

/** What an index with such mappings takes of documents. */
export function intakeOf(mappings: unknown): Intake {
  const { dynamic, properties, _source } = mappingsOf.parse(mappings ?? {});
  const { fingerprint } = properties;
  const lacking = FIELDS.filter((field) => properties[field] === undefined);
  const unfit = FIELDS.filter((field) => properties[field] && !holdsText(properties[field]));
  const isIgnored = ["false", "runtime", "false_allow_templates"].includes(dynamic);
  return {
    leftOut: isIgnored ? unfit : [...lacking, ...unfit],
    lacking,
    unsearched: isIgnored ? lacking : [],
    hidden: FIELDS.filter((field) => properties[field] !== undefined && isOut(_source, field)),
    hasOwnWords: holdsOwnWords(properties.words),
    hasFingerprint: fingerprint !== undefined && typeOf(fingerprint) === "keyword" &&
      !isOut(_source, "fingerprint"),
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
  if (mayChange && lacks("fingerprint")) wanted.push("fingerprint");
  // Earlier documents would lack the words.
  if (isNew && lacks("words") && (mayChange || TEXT_FIELDS.every(lacks))) wanted.push("words");
  return Object.fromEntries(wanted.map((field) => [field, OWN_PROPERTIES[field]]));
}

/** What is sent of a document to an index that takes so much. */
export function sourceOf(document: Document, fingerprint: string, intake: Intake): object {
  const { leftOut, hasOwnWords, hasFingerprint } = intake;
  if (leftOut.length === 0 && !hasOwnWords && !hasFingerprint) return document;
  const source: Record<string, unknown> = { ...document };
  if (hasFingerprint) source.fingerprint = fingerprint;
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
  const { leftOut, lacking, unsearched, hidden, hasOwnWords } = intake;
  const hint = lacking.length > 0 ? `; --update-mapping adds ${lacking.join(", ")}` : "";
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
    ...(parts.length > 0 ? [`Index "${index}" ${parts.join("; and ")}${hint}`] : []),
    ...(hidden.length > 0 ? [notGivenBack(index, hidden)] : []),
    ...(hasOwnWords ? [] : [words]),
  ];
}

function notGivenBack(index: string, hidden: readonly DocumentField[]): string {
  return `Index "${index}" gives back no ${hidden.join(", ")} of documents, as "_source" in its ` +
    "mapping leaves that out: it is not shown, and where it is a text not told from values with " +
    "the same words";
}
