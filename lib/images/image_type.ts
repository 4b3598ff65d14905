/** Which files are pictures, by their first bytes. */

/**
 * Whether the bytes begin as JPEG, PNG, GIF, WebP, TIFF or BMP files do.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(isImage(new Uint8Array([0xff, 0xd8, 0xff, 0xe0])), true);
 * assert.equal(isImage(new TextEncoder().encode("<svg xmlns=")), false);
 * ```
 */
export function isImage(bytes: Uint8Array): boolean {
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  // deno-lint-ignore no-control-regex -- PNG's signature holds one
  return /^(\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF[^]{4}WEBP|II\*\0|MM\0\*|BM)/.test(start);
}
