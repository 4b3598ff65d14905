/** How documents are asked for under an index's mapping: by which fields, in which order. */
import { z } from "zod";
import {
  type DocumentField,
  FIELDS,
  holdsOwnWords,
  holdsText,
  isOut,
  isTextType,
  isWholeType,
  mappingsOf,
  type Property,
  subField,
  TEXT_FIELDS,
  typeOf,
} from "./properties.ts";
import { numberSetting, setting } from "./settings.ts";

const withOptions = z.object({
  index_options: z.object({
    type: z.string().optional(),
    rescore_vector: z.object({ oversample: z.coerce.number() }).optional().catch(undefined),
  }).optional(),
  mode: z.string().optional(),
  compression_level: z.string().optional(),
  method: z.object({
    parameters: z.object({ encoder: z.object({ name: z.string() }).optional() }).optional(),
  }).optional(),
}).catch({});
/** How far into an ordered answer a server goes, and how many values it takes, unless it is set. */
const WINDOW = 10_000;
const TERMS = 65_536;

/** Where whole values of a field are compared. */
export interface WholeUse {
  readonly path: string;
  /** Just as they are written; else as a normalizer changes them. */
  readonly isExact: boolean;
  /** Documents can be ordered and counted by it. */
  readonly isOrdered: boolean;
  /** Longer values are not there, in UTF-16 units. */
  readonly longest: number;
}

/** Where the words of a field are compared. */
export interface WordsUse {
  readonly path: string;
  /** What took the words apart: a question may be taken apart otherwise. */
  readonly analyzer: string;
  /** Whether the index knows which word follows which. */
  readonly hasPositions: boolean;
}

/** Where a field of documents is compared: by whole values where that can be, else by words. */
export interface FieldUse {
  readonly whole?: WholeUse | undefined;
  readonly words?: WordsUse | undefined;
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
  /** What the index does not give back of a document. */
  readonly hidden: readonly DocumentField[];
  /** The same of the vector. */
  readonly isVectorApart: boolean;
  /** A document is got by its `_id` only with a value for its routing. */
  readonly isRouted: boolean;
  /** Most hits of one search. */
  readonly window: number;
  /** Most values of one question. */
  readonly terms: number;
  /** Neighbours are found by shortened numbers, and their similarity is by those unless asked. */
  readonly isShortened: boolean;
}

/**
 * How documents are asked for under such mappings.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const id = { type: "text", fields: { keyword: { type: "keyword" } } };
 * const { uses } = layoutOf({ properties: { id, access: { type: "text" } } });
 * assert.equal(uses.id?.whole?.path, "id.keyword");
 * assert.deepEqual([uses.access?.whole, uses.access?.words?.path], [undefined, "access"]);
 * ```
 */
export function layoutOf(mappings: unknown, settings?: unknown): Layout {
  const { properties, _source, _routing } = mappingsOf.parse(mappings ?? {});
  const uses: Layout["uses"] = Object.fromEntries(FIELDS.flatMap((field) => {
    const use = useOf(field, properties[field], settings);
    return use === undefined ? [] : [[field, use]];
  }));
  const hasOwnWords = holdsOwnWords(properties.words);
  const withWords = TEXT_FIELDS.filter((field) => {
    const own = subField.parse(properties[field] ?? {});
    return isTextType(own) && own.index !== false;
  });
  const whole = TEXT_FIELDS.filter((field) => !withWords.includes(field))
    .flatMap((field) => uses[field]?.whole?.path ?? []);
  return {
    uses,
    wordPaths: hasOwnWords ? TEXT_FIELDS.map((field) => `words.${field}`) : withWords,
    wholePaths: hasOwnWords ? [] : whole,
    hasOwnWords,
    hidden: FIELDS.filter((field) => isOut(_source, field)),
    isVectorApart: isOut(_source, "vector"),
    isRouted: _routing.required,
    window: Math.min(WINDOW, numberSetting(settings, "max_result_window") ?? WINDOW),
    terms: Math.min(TERMS, numberSetting(settings, "max_terms_count") ?? TERMS),
    isShortened: isShortened(properties.vector),
  };
}

/** Whether vectors are compared by bytes or less, and not once more by their own numbers. */
function isShortened(vector: unknown): boolean {
  const { index_options, mode, compression_level = "1x", method } = withOptions.parse(vector);
  if (/^(int\d|bbq)_/.test(index_options?.type ?? "")) {
    return !((index_options?.rescore_vector?.oversample ?? 0) > 0);
  }
  return mode === "on_disk" || compression_level !== "1x" ||
    method?.parameters?.encoder?.name === "sq";
}

/** Why documents under such mappings could not be read again; undefined if they can be. */
export function unreadable(mappings: unknown, settings?: unknown): string | undefined {
  const { _source } = mappingsOf.parse(mappings ?? {});
  const mode = _source.mode ?? setting(settings, "mapping.source.mode");
  if (mode?.toLowerCase() === "disabled") {
    return 'its setting "index.mapping.source.mode" is "disabled", without which no document can ' +
      "be shown; take the setting out, and make the index anew";
  }
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
  const { properties, _routing } = mappingsOf.parse(mappings ?? {});
  if (_routing.required) {
    return "its mapping wants a routing value for each document, which none has here; take " +
      '"_routing" out of the mapping, and make the index anew';
  }
  if (properties.id === undefined) {
    return 'its mapping has no field "id", by which documents are found; --update-mapping adds it';
  }
  if (useOf("id", properties.id) !== undefined && holdsText(properties.id)) return undefined;
  return `its field "id" is of type ${
    typeOf(properties.id)
  }, by which no id can be found; it has ` +
    "to be a keyword that is indexed";
}

function useOf(
  field: DocumentField,
  found: Property | undefined,
  settings?: unknown,
): FieldUse | undefined {
  if (found === undefined) return undefined;
  const own = { path: field as string, part: subField.parse(found) };
  const parts = Object.entries(found.fields ?? {})
    .map(([name, part]) => ({ path: `${field}.${name}`, part }));
  const indexed = [own, ...parts].filter(({ part }) => part.index !== false);
  const wholes = indexed.filter(({ part }) => isWholeType(part)).map(({ path, part }) => ({
    path,
    isExact: part.normalizer === undefined,
    isOrdered: part.doc_values !== false,
    longest: part.ignore_above ?? numberSetting(settings, "mapping.ignore_above") ?? Infinity,
  }));
  const whole = wholes.find(({ isExact }) => isExact) ?? wholes[0];
  const [words] = indexed.filter(({ part }) => isTextType(part)).map(({ path, part }) => ({
    path,
    analyzer: part.analyzer ?? "default",
    hasPositions: !["docs", "freqs"].includes(part.index_options ?? ""),
  }));
  return whole || words ? { whole, words } : undefined;
}
