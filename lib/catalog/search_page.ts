/** The catalogue's answer to a search, as far as Maken reads it. */
import { z } from "zod";
import { isRawNumber } from "./exact_json.ts";

const link = z.object({ href: z.string() }).optional().catch(undefined);

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
