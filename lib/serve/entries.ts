/** Entries of a response, made of hits and documents. */
import type { Document, Hit } from "../index/types.ts";
import type { Field, Scale } from "./parameters.ts";
import type { Entry } from "./response_schemas.ts";

/**
 * Hits as entries, their similarities scaled where that is asked for.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const document = { id: "a", filename: "b", access: "", title: "", creators: [], subject: [] };
 * const hit = { similarity: 0.99, document: { ...document, license: "", date: "", thumbnail: "" } };
 * const scale = { scale_from: [0.98, 1], scale_to: [0, 10] } as const;
 * assert.deepEqual(hitEntries("x", [hit], ["filename", "access"], scale)[0]?.fields, {
 *   similarity: [0.99],
 *   scaled: [5],
 *   filename: ["b"],
 *   access: [],
 * });
 * ```
 */
export function hitEntries(
  index: string,
  hits: readonly Hit[],
  fields: readonly Field[],
  scale: Scale,
): Entry[] {
  const scaled = scaler(hits.map(({ similarity }) => similarity), scale);
  return hits.map(({ similarity, document }) => ({
    _index: index,
    _id: document.id,
    _score: (1 + similarity) / 2,
    fields: {
      similarity: [similarity],
      ...(scaled === undefined ? {} : { scaled: [scaled(similarity)] }),
      ...documentFields(document, fields),
    },
  }));
}

/** A document that was not compared. */
export function documentEntry(index: string, document: Document, fields: readonly Field[]): Entry {
  return {
    _index: index,
    _id: document.id,
    _score: null,
    fields: documentFields(document, fields),
  };
}

function documentFields(document: Document, fields: readonly Field[]): Record<string, string[]> {
  return Object.fromEntries(fields.map((field) => {
    const value = document[field];
    return [field, typeof value !== "string" ? [...value] : value === "" ? [] : [value]];
  }));
}

/** The function that scales a similarity; undefined if none is asked for. */
function scaler(
  similarities: readonly number[],
  { scale_from, scale_to }: Scale,
): ((similarity: number) => number) | undefined {
  if (scale_from === undefined && scale_to === undefined) return undefined;
  const [a, b] = scale_from ?? ["min", "max"];
  const low = a === "min" ? Math.min(...similarities) : a;
  const high = b === "max" ? Math.max(...similarities) : b;
  const [c, d] = scale_to ?? [0, 1];
  const isWhole = scale_to?.every(Number.isInteger) ?? false;
  return (similarity) => {
    const part = high > low
      ? (Math.min(high, Math.max(low, similarity)) - low) / (high - low)
      : Number(similarity >= Math.max(low, high)); // all are the same, or on one side of the range
    const scaled = (1 - part) * c + part * d;
    return isWhole ? Math.round(scaled) : scaled;
  };
}
