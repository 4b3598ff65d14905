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

const shortened = z.object({
  index_options: z.object({
    type: z.string().regex(/^(int\d|bbq)_/),
    rescore_vector: z.unknown().optional(),
  }).optional(),
}).catch({});

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
