/** Documents as an index gives them back, whoever put them in. */
import { z } from "zod";
import type { Document, IndexItem } from "../types.ts";

const texts = z.preprocess(
  (value) => (Array.isArray(value) ? value : [value]).flatMap(textOf),
  z.array(z.string()),
);
/** Of a list, the first text. */
const text = z.preprocess(
  (value) => (Array.isArray(value) ? value : [value]).flatMap(textOf)[0] ?? "",
  z.string(),
);
const vector = z.array(z.number());

function textOf(value: unknown): string[] {
  if (typeof value === "number") return [String(value)];
  return typeof value === "string" && value !== "" ? [value] : [];
}

const source = z.object({
  id: text,
  filename: text,
  access: text,
  title: text,
  creators: texts,
  subject: texts,
  license: text,
  date: text,
  thumbnail: text,
}) satisfies z.ZodType<Document>;

/** One hit: its document, whose id is `_id` where it names none, and its vector if it came along. */
const hit = z.object({
  _id: z.string(),
  _score: z.number().nullish(),
  _source: z.unknown(),
  fields: z.object({ vector: z.array(z.union([vector, z.number()])) }).partial().optional()
    .catch(undefined),
}).transform(({ _id, _score, _source, fields }) => {
  const document = source.parse(_source ?? {});
  const own = z.object({ vector }).safeParse(_source).data?.vector;
  return {
    _id,
    score: _score ?? 0,
    document: document.id === "" ? { ...document, id: _id } : document,
    vector: own ?? fields?.vector?.flat(),
  };
});
/** A document that was found. */
export type StoredHit = z.infer<typeof hit>;

/** Answer to a search. */
export const searchAnswer = z.object({
  hits: z.object({
    total: z.object({ value: z.number() }).optional(),
    hits: z.array(hit),
  }),
});

/** Answer to the question for one document. */
export const documentAnswer = z.union([
  z.object({ found: z.literal(false) }),
  z.object({ found: z.literal(true) }).and(hit),
]);

/** A hit as an item; undefined if it has no vector. */
export function itemOf(found: StoredHit | undefined): IndexItem | undefined {
  if (found?.vector === undefined) return undefined;
  return { document: found.document, vector: Float32Array.from(found.vector) };
}
