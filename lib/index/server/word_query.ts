/** Questions in words, as the mapping of an index allows them. */
import type { Filters } from "../types.ts";
import { wordsOf } from "../words.ts";
import type { Layout } from "./layout.ts";
import { filterClauses } from "./queries.ts";

/** What the beginning of a word counts for, where the whole word counts 1. */
const BEGINNING_BOOST = 0.1;
/** Words of a question that count: each makes clauses, of which a server takes about a thousand. */
const MAX_WORDS = 100;
/** The same, of all forms and parts of words that are asked of an unknown analyzer. */
const MAX_FORMS = 200;
/** Parts of a word with dots, hyphens and the like that count. */
const MAX_PARTS = 10;

/**
 * The query for documents with all words, or words that begin so; whole words count for more.
 * Undefined if there is no word.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { layoutOf } from "./layout.ts";
 * import { OWN_PROPERTIES } from "./properties.ts";
 * const layout = layoutOf({ properties: OWN_PROPERTIES });
 * assert.equal(textQuery(layout, "- !", {}), undefined);
 * assert.equal(textQuery(layout, "Ski, Oslo", {})?.bool.must.length, 2);
 * ```
 */
export function textQuery(layout: Layout, text: string, filters: Filters | undefined) {
  const { hasOwnWords, wordPaths: fields } = layout;
  const words = wordsOf(text).slice(0, MAX_WORDS);
  if (words.length === 0) return undefined;
  const must = hasOwnWords
    ? words.map((word) => beginsWith(layout, word))
    : asWritten(text).map((word) => anyForm(layout, word));
  const query = (hasOwnWords ? words : partsOf(text)).join(" ");
  const whole = { multi_match: { query, type: "cross_fields", fields } };
  const should = fields.length === 0 ? [] : [whole];
  return { bool: { must, should, filter: filterClauses(layout, filters) } };
}

/** The query for documents with a word that begins so, by the rule of their index. */
function beginsWith({ wordPaths: fields, wholePaths }: Layout, query: string): object {
  const boost = BEGINNING_BOOST;
  const prefix = { multi_match: { query, type: "bool_prefix", fields, operator: "and", boost } };
  const should = fields.length === 0 ? [] : [prefix];
  if (wholePaths.length === 0 && should.length > 0) return prefix;
  // Where only whole values are kept, the word is looked for within them.
  const value = `*${query.replaceAll(/[\\*?]/g, "\\$&")}*`;
  const within = wholePaths.map((path) => ({
    wildcard: { [path]: { value, case_insensitive: true, boost } },
  }));
  return { bool: { should: [...should, ...within], minimum_should_match: 1 } };
}

/** A word of a question as it may have been written. */
interface Written {
  readonly forms: readonly string[];
  /** What is between its dots, hyphens and the like. */
  readonly parts: readonly string[];
}

/** The query for documents with that word in any form, or with all of its parts. */
function anyForm(layout: Layout, { forms, parts }: Written): object {
  const should = forms.map((form) => beginsWith(layout, form));
  const apart = { bool: { must: parts.map((part) => beginsWith(layout, part)) } };
  return { bool: { should: parts.length > 0 ? [...should, apart] : should } };
}

/** The words between blanks: an unknown analyzer may take them together, or apart. */
function asWritten(text: string): Written[] {
  let clauses = 0;
  return text.split(/\s+/).flatMap((word) => {
    const parts = partsOf(word).slice(0, MAX_PARTS);
    if (parts.length === 0) return [];
    const forms = [...new Set([word, word.normalize("NFC"), word.normalize("NFD")])];
    const written = { forms, parts: parts[0] === word ? [] : parts };
    clauses += forms.length + written.parts.length;
    return clauses > MAX_FORMS ? [] : [written];
  }).slice(0, MAX_WORDS);
}

function partsOf(text: string): string[] {
  return text.match(/[\p{L}\p{N}\p{M}]+/gu)?.slice(0, MAX_WORDS) ?? [];
}
