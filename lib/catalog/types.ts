/**
 * The catalogue's answers, as far as Maken reads them. A record may lack anything but its id, and
 * what has an unexpected type counts as missing; the stored record keeps every field.
 */
import { z } from "zod";
import { isRawNumber } from "./exact_json.ts";

const text = z.string().optional().catch(undefined);
const texts = z.array(z.unknown()).catch([]).transform((values) =>
  values.filter((value) => typeof value === "string")
);
const link = z.object({ href: z.string() }).optional().catch(undefined);

/** The fields of a record that Maken uses. */
export const catalogRecord = z.object({
  id: z.string(),
  accessInfo: z.object({ accessAllowedFrom: text, license: text }).catch({}),
  metadata: z.object({
    title: text,
    creators: texts,
    identifiers: z.object({ urn: text }).catch({}),
    subject: z.object({ topics: texts }).catch({ topics: [] }),
    subjectName: texts,
    originInfo: z.object({ issued: text, created: text }).catch({}),
  }).catch({
    creators: [],
    identifiers: {},
    subject: { topics: [] },
    subjectName: [],
    originInfo: {},
  }),
  _links: z.object({
    thumbnail_custom: link,
    thumbnail_large: link,
    thumbnail_medium: link,
  }).catch({}),
});

/** A record as {@linkcode catalogRecord} reads it. */
export type CatalogRecord = z.infer<typeof catalogRecord>;

/** A number, kept as it was written or not. */
const number = z.preprocess(
  (value) => isRawNumber(value) ? Number(value.rawJSON) : value,
  z.number().int().nonnegative(),
);

/** One page of `GET /catalog/v1/items` (application/hal+json). `_embedded` is absent when nothing matched. */
export const searchPage = z.object({
  _embedded: z.object({ items: z.array(z.unknown()).nullish() }).nullish(),
  page: z.object({
    size: number.pipe(z.number().positive()).optional().catch(undefined),
    totalElements: number,
  }),
  _links: z.object({ next: link }).nullish(),
});
