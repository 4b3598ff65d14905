/** Which TIFF files can be decoded to Pillow's pixels. */

/** Numbers of a TIFF's first directory, by tag. */
type Tags = ReadonlyMap<number, readonly number[]>;

const BITS = 258, COMPRESSION = 259, COLOUR = 262, SAMPLES = 277, PALETTE = 320;
const EXTRA_SAMPLES = 338, SAMPLE_FORMAT = 339;
const USED = [BITS, COMPRESSION, COLOUR, SAMPLES, PALETTE, EXTRA_SAMPLES, SAMPLE_FORMAT];

/** What is known of the pixels before they are decoded. */
export interface TiffHeader {
  /** Whether they are gray of 16 bits. */
  readonly isGray16: boolean;
  readonly isCmyk: boolean;
  /** What of the file cannot be read as Pillow reads it. */
  readonly unsupported: string | undefined;
}

/**
 * Reads the first picture's header.
 *
 * @throws {RangeError} if the file ends in it
 */
export function readTiffHeader(file: Uint8Array): TiffHeader {
  const tags = readTags(file);
  const get = (tag: number, otherwise: number) => tags.get(tag)?.[0] ?? otherwise;
  const bits = get(BITS, 1), colour = get(COLOUR, 0), samples = get(SAMPLES, 1);
  const isSigned = get(SAMPLE_FORMAT, 1) === 2;
  const kinds: Record<string, boolean> = {
    "Lab colours": colour >= 8 && colour <= 10,
    "YCbCr colours without JPEG": colour === 6 && get(COMPRESSION, 1) !== 7,
    "CMYK of 16 bits or with other channels": colour === 5 && (bits !== 8 || samples !== 4),
    "gray of 16 bits, signed or inverted": bits === 16 && samples === 1 &&
      (isSigned || colour === 0),
    "premultiplied transparency": get(EXTRA_SAMPLES, 0) === 1,
    "a palette of 8 bits": colour === 3 && Math.max(...tags.get(PALETTE) ?? []) < 256,
  };
  return {
    isGray16: bits === 16 && colour <= 1 && samples <= 2,
    isCmyk: colour === 5,
    unsupported: Object.keys(kinds).find((kind) => kinds[kind]),
  };
}

/** The used tags that hold whole numbers of 16 or 32 bits, no more of them than a palette has. */
function readTags(file: Uint8Array): Tags {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const little = file[0] === 0x49;
  const start = view.getUint32(4, little);
  const tags = new Map<number, number[]>();
  for (let i = 0; i < Math.min(1000, view.getUint16(start, little)); i++) {
    const entry = start + 2 + 12 * i;
    const type = view.getUint16(entry + 2, little);
    const count = view.getUint32(entry + 4, little);
    if (!USED.includes(view.getUint16(entry, little)) || tags.size === USED.length) continue;
    if ((type !== 3 && type !== 4) || count > 768) continue;
    const size = type === 3 ? 2 : 4;
    const at = count * size <= 4 ? entry + 8 : view.getUint32(entry + 8, little);
    const numbers = Array.from(
      { length: count },
      (_, n) =>
        size === 2 ? view.getUint16(at + 2 * n, little) : view.getUint32(at + 4 * n, little),
    );
    tags.set(view.getUint16(entry, little), numbers);
  }
  return tags;
}
