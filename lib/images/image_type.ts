/** Which files are pictures, by their first bytes. */

/** How each kind of file begins. */
const STARTS = [
  ["JPEG", /^\xff\xd8\xff/],
  // deno-lint-ignore no-control-regex -- PNG's signature holds one
  ["PNG", /^\x89PNG\r\n\x1a\n/],
  ["GIF", /^GIF8[79]a/],
  ["WebP", /^RIFF[^]{4}WEBP/],
  ["TIFF", /^(II[*+]\0|MM\0[*+])/],
  ["BMP", /^BM/],
] as const;

/** A kind of picture. */
export type ImageType = typeof STARTS[number][0];

/**
 * The kind of picture that the bytes begin as; undefined if it is none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(imageType(new Uint8Array([0xff, 0xd8, 0xff, 0xe0])), "JPEG");
 * assert.equal(imageType(new TextEncoder().encode("<svg xmlns=")), undefined);
 * ```
 */
export function imageType(bytes: Uint8Array): ImageType | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  return STARTS.find(([, pattern]) => pattern.test(start))?.[0];
}

/** Whether the bytes begin as JPEG, PNG, GIF, WebP, TIFF or BMP files do. */
export function isImage(bytes: Uint8Array): boolean {
  return imageType(bytes) !== undefined;
}
