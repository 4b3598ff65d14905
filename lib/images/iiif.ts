/** From a record to the addresses of its picture (IIIF Image API 2, `/{region}/{size}/0/native.jpg`). */
import type { Thumbnails } from "../catalog/record.ts";

/** Sizes that are asked for, best first: within 600 × 600, within 300 × 300, 200 high. */
const SIZES = [["600", "600"], ["300", "300"], ["0", "200"]] as const;

/**
 * Addresses to try in order; none if the record has no picture.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const href = "https://www.nb.no/services/image/resolver/URN:NBN:no-nb_foto_1/full/{width},{height}/0/native.jpg";
 * assert.equal(
 *   imageUrls({ custom: href })[2],
 *   "https://www.nb.no/services/image/resolver/URN:NBN:no-nb_foto_1/full/0,200/0/native.jpg",
 * );
 * ```
 */
export function imageUrls({ custom, large }: Thumbnails): string[] {
  const urls = custom === undefined
    ? []
    : SIZES.map(([width, height]) =>
      custom.replace(/\{width\}|%7Bwidth%7D/gi, width)
        .replace(/\{height\}|%7Bheight%7D/gi, height)
    );
  if (large !== undefined) urls.push(large);
  return [...new Set(urls)];
}
