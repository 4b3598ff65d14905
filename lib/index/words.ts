/** Texts of documents and questions in words, as SQLite's full-text index takes them. */
import { type Document, FILTER_FIELDS, type Filters } from "./types.ts";

/** Letters that are not made of a plain letter and a mark, as they are typed without them. */
const PLAIN: Readonly<Record<string, string>> = {
  æ: "ae",
  ø: "o",
  œ: "oe",
  ß: "ss",
  þ: "th",
  ð: "d",
  đ: "d",
  ħ: "h",
  ı: "i",
  ł: "l",
  ŋ: "n",
  ŧ: "t",
};

/** Begins the words that stand for whole values; no text has it. */
const VALUE_MARK = "\ue000";

/**
 * The words of a text, in small letters without marks.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(wordsOf("Bjørnens «hi», Ærø-Ålesund"), ["bjornens", "hi", "aero", "alesund"]);
 * ```
 */
export function wordsOf(text: string): string[] {
  // Some signs, such as "™", are capitals once they are taken apart.
  const folded = text.toLowerCase().normalize("NFKD").toLowerCase().replaceAll(/\p{M}/gu, "")
    .replaceAll(/[æøœßþðđħıłŋŧ]/g, (letter) => PLAIN[letter]!);
  return folded.match(/[\p{L}\p{N}]+/gu) ?? [];
}

/**
 * The full-text query for all these words or beginnings of words; undefined if there are none.
 *
 * @example A word that another one begins with asks for nothing more, but would take its time
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(wordQuery("s ski Ski s"), wordQuery("ski"));
 * assert.notEqual(wordQuery("ski oslo"), wordQuery("ski"));
 * ```
 */
export function wordQuery(text: string): string | undefined {
  const all = [...new Set(wordsOf(text))];
  const words = all.filter((word) => !all.some((w) => w !== word && w.startsWith(word)));
  if (words.length === 0) return undefined;
  return `{title creators subject} : (${words.map((word) => `"${word}"*`).join(" AND ")})`;
}

/** The full-text query for documents with these values; undefined if any will do. */
export function filterQuery(filters: Filters): string | undefined {
  const wanted = FILTER_FIELDS.filter((field) => filters[field] !== undefined);
  if (wanted.length === 0) return undefined;
  const words = wanted.map((field) => `"${valueWord(field, filters[field]!)}"`);
  return `value : (${words.join(" AND ")})`;
}

/** What the full-text index holds of a document: title, creators, subject and whole values. */
export function indexedWords(document: Document): [string, string, string, string] {
  const values = new Set<string>();
  for (const field of FILTER_FIELDS) {
    const value = document[field];
    if (typeof value === "string") values.add(valueWord(field, value));
    else for (const part of value) values.add(valueWord(field, part));
  }
  const text = (value: string) => wordsOf(value).join(" ");
  return [
    text(document.title),
    text(document.creators.join(" ")),
    text(document.subject.join(" ")),
    [...values].join(" "),
  ];
}

/** Whether a document has the wanted values. */
export function matches(document: Document, filters: Filters): boolean {
  return FILTER_FIELDS.every((field) => {
    const wanted = filters[field];
    if (wanted === undefined) return true;
    const value = document[field];
    return typeof value === "string" ? value === wanted : value.includes(wanted);
  });
}

/** One word for a whole value: 64 bits that hardly another value of so many has. */
function valueWord(field: string, value: string): string {
  const text = `${field}\0${value}`;
  return VALUE_MARK + hash32(text, 0x9e3779b9) + hash32(text, 0x85ebca6b);
}

/** The mixing of Austin Appleby's MurmurHash3 over UTF-16 units, in base 36. */
function hash32(text: string, seed: number): string {
  let h = seed;
  for (let i = 0; i < text.length; i++) {
    let k = Math.imul(text.charCodeAt(i), 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    h ^= k;
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
  }
  h ^= text.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0).toString(36).padStart(7, "0");
}
