/** From a record to the addresses of its picture (IIIF Image API 2, `/{region}/{size}/0/native.jpg`). */
import type { Thumbnails } from "../catalog/record.ts";

/** Sizes that are asked for, best first: within 600 × 600, within 300 × 300, 200 high. */
const SIZES = [["600", "600"], ["300", "300"], ["0", "200"]] as const;

/**
 * Addresses to try in order; none if the record has no picture.
 *
 * @param base what links without a host, such as `/image/1` or `//www.nb.no/image/1`, belong to
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const href = "https://www.nb.no/services/image/resolver/URN:NBN:no-nb_foto_1/full/{width},{height}/0/native.jpg";
 * assert.equal(
 *   imageUrls({ custom: href }, new URL("https://api.nb.no"))[2],
 *   "https://www.nb.no/services/image/resolver/URN:NBN:no-nb_foto_1/full/0,200/0/native.jpg",
 * );
 * ```
 */
export function imageUrls({ custom, large }: Thumbnails, base: URL): string[] {
  const urls = custom === undefined ? [] : SIZES.map((size) => sizedUrl(custom, size));
  if (large !== undefined) urls.push(large);
  return [...new Set(urls.map((url) => URL.parse(url, base)?.href ?? url))];
}

/** The address of a picture in a size, from a template. */
export function sizedUrl(template: string, [width, height]: readonly [string, string]): string {
  return template.replace(/\{width\}|%7Bwidth%7D/gi, width)
    .replace(/\{height\}|%7Bheight%7D/gi, height);
}
