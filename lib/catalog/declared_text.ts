/** Texts that come as bytes: read as what they are, or not at all. */

/** Reads UTF-8 alone; leaves out a byte order mark. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A media type's charset. */
const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]+)/i;

/**
 * The text of bytes that are UTF-8; undefined if they are not.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(utf8Text(Uint8Array.of(0x42, 0xc3, 0xb8)), "Bø");
 * assert.equal(utf8Text(Uint8Array.of(0x42, 0xf8)), undefined);
 * ```
 */
export function utf8Text(bytes: Uint8Array): string | undefined {
  return decoded(bytes, utf8);
}

/**
 * The text of bytes that are UTF-8, begin with the mark of UTF-16, or are in the charset that a
 * media type declares; undefined if they are neither. JSON has no zero bytes: with them it is no
 * UTF-8.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const bytes = Uint8Array.of(0x42, 0xf8);
 * assert.equal(declaredText(bytes, "application/json;charset=ISO-8859-1"), "Bø");
 * assert.equal(declaredText(bytes, "application/json"), undefined);
 * ```
 */
export function declaredText(bytes: Uint8Array, mediaType: string): string | undefined {
  const text = utf8Text(bytes);
  if (text !== undefined && !text.includes("\0")) return text;
  const charset = markedCharset(bytes) ?? declaredCharset(mediaType);
  if (charset === undefined) return undefined;
  try {
    return decoded(bytes, new TextDecoder(charset, { fatal: true }));
  } catch {
    return undefined; // a charset of that name is not known
  }
}

/** The charset that a media type declares. */
export function declaredCharset(mediaType: string): string | undefined {
  return CHARSET.exec(mediaType)?.[1]?.toLowerCase();
}

function markedCharset([first, second]: Uint8Array): string | undefined {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : undefined;
}

function decoded(bytes: Uint8Array, decoder: TextDecoder): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined; // other bytes
  }
}
