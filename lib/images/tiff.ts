/** Which TIFF files can be decoded to Pillow's pixels, and whether they are whole. */
import { joined } from "../shared/streams.ts";
import { type JpegScans, readJpegScans } from "./jpeg/scans.ts";
import { checkSize, cutShort, damaged, unreadableKind } from "./pixels.ts";

/** Numbers of a TIFF's first directory, by tag. */
type Tags = ReadonlyMap<number, readonly number[]>;

const WIDTH = 256, HEIGHT = 257, BITS = 258, COMPRESSION = 259, COLOUR = 262, BIT_ORDER = 266;
const STRIPS = 273, ORIENTATION = 274, SAMPLES = 277, STRIP_BYTES = 279, PLANES = 284;
const PALETTE = 320, TILES = 324, TILE_BYTES = 325, EXTRA_SAMPLES = 338, SAMPLE_FORMAT = 339;
const JPEG_TABLES = 347;
const USED = [WIDTH, HEIGHT, BITS, COMPRESSION, COLOUR, BIT_ORDER, STRIPS, ORIENTATION, SAMPLES]
  .concat([STRIP_BYTES, PLANES, PALETTE, TILES, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT])
  .concat([JPEG_TABLES]);

/** Bytes of a number, by its type: SHORT, LONG, LONG8. */
const NUMBER_BYTES: Readonly<Record<number, number>> = { 3: 2, 4: 4, 16: 8 };

const NONE = 1, FAX = [2, 3, 4], JPEG = 7;
/** Compressions that are read: besides the above LZW, Deflate (two numbers) and PackBits. */
const COMPRESSIONS = [NONE, ...FAX, JPEG, 5, 8, 32946, 32773];
/** Words for others. */
const OTHER_COMPRESSIONS: Readonly<Record<number, string>> = {
  6: "JPEG compression of the old style",
  9: "JBIG compression",
  10: "JBIG compression",
  32771: "fax compression in words",
  33003: "JPEG 2000 compression",
  33005: "JPEG 2000 compression",
  34661: "JBIG compression",
  34676: "SGI Log compression",
  34712: "JPEG 2000 compression",
  34887: "LERC compression",
  34925: "LZMA compression",
  50000: "Zstandard compression",
  50001: "WebP compression",
  50002: "JPEG XL compression",
  52546: "JPEG XL compression",
};

/**
 * What is read, as `<colour> <bits of each sample> <meaning of extra samples>`, where a colour is 0 gray
 * (white is 0), 1 gray, 2 RGB, 3 palette, 5 CMYK or 6 YCbCr, and an extra sample 0 nothing, 2 alpha.
 */
const READABLE = [
  /^[01] (1|2|4|8|16) $/,
  /^1 32 $/,
  /^1 8,8 2$/,
  /^2 8,8,8 $/,
  /^2 8,8,8,8 (|0|2|999)$/,
  /^2 8,8,8,8,8 [02],0$/,
  /^2 16,16,16 $/,
  /^2 16,16,16,16 [02]?$/,
  /^3 (1|2|4|8) $/,
  /^3 8,8 2$/,
  /^5 8,8,8,8 $/,
  /^6 8,8,8 $/,
];

/** The same for samples that are not whole numbers from 0: signed ones (2) and floats (3). */
const READABLE_NUMBERS: Readonly<Record<number, RegExp>> = { 2: /^1 (16|32) $/, 3: /^[01] 32 $/ };

/** The same where each sample has strips of its own, and where bytes begin with the lowest bit. */
const PLANAR = {
  no: /^(2 8,8,8 |2 8,8,8,8 [02]?|2 8,8,8,8,8 0,0|5 8,8,8,8 )$/,
  yes: /^(2 8,8,8 |2 8,8,8,8 [02]|2 16,16,16 |2 16,16,16,16 [02]|5 8,8,8,8 )$/,
};
const REVERSED = {
  no: /^([01] (1|2|4) |1 (8|16) |2 8,8,8 |3 8 )$/,
  yes: /^([013] (1|2|4|8) |1 16 |2 8,8,8 )$/,
};

/** What is known of the pixels before they are decoded. */
export interface TiffHeader {
  /** Whether they are gray of 16 bits, and how it is counted. */
  readonly gray16: "from black" | "from white" | undefined;
  readonly isCmyk: boolean;
  /** The file, without what is wrong but means nothing. */
  readonly file: Uint8Array;
}

/**
 * Reads the first picture's header.
 *
 * @throws {ImageError} if the file is cut short, or a kind that is not read as Pillow reads it
 */
export function readTiffHeader(file: Uint8Array): TiffHeader {
  try {
    const { tags, places, isLittle } = readTags(file);
    const get = (tag: number, otherwise: number) => tags.get(tag)?.[0] ?? otherwise;
    const [width, height] = [get(WIDTH, 0), get(HEIGHT, 0)];
    if (width * height === 0) throw damaged("TIFF", "it does not tell its size");
    checkSize(width, height);
    const unsupported = unsupportedKind(tags, isLittle);
    if (unsupported !== undefined) throw unreadableKind(`a TIFF file with ${unsupported}`);
    const isJpeg = get(COMPRESSION, NONE) === JPEG;
    for (const part of partsOf(file, tags)) {
      if (isJpeg) checkJpeg(part, new Uint8Array(tags.get(JPEG_TABLES) ?? []));
    }
    const colour = get(COLOUR, 0);
    const isGray16 = get(BITS, 1) === 16 && colour < 2;
    const orientation = get(ORIENTATION, 1);
    return {
      gray16: !isGray16 ? undefined : colour === 0 ? "from white" : "from black",
      isCmyk: colour === 5,
      file: orientation < 1 || orientation > 8
        ? upright(file, places.get(ORIENTATION)!, isLittle)
        : file,
    };
  } catch (error) {
    if (error instanceof RangeError) throw cutShort("TIFF", "", { cause: error });
    throw error;
  }
}

/** What of the pictures cannot be read as Pillow reads it; undefined if all can. */
function unsupportedKind(tags: Tags, isLittle: boolean): string | undefined {
  const get = (tag: number, otherwise: number) => tags.get(tag)?.[0] ?? otherwise;
  const compression = get(COMPRESSION, NONE), colour = get(COLOUR, 0), samples = get(SAMPLES, 1);
  const formats = new Set(tags.get(SAMPLE_FORMAT) ?? [1]), format = get(SAMPLE_FORMAT, 1);
  const extra = tags.get(EXTRA_SAMPLES) ?? [];
  const bits = tags.get(BITS) ?? [1];
  const all = bits.length === 1
    ? Array(Math.min(9, samples)).fill(bits[0])
    : bits.slice(0, samples);
  const kind = `${colour} ${all} ${extra}`;
  const isReadable = formats.size === 1 &&
    (format === 1
      ? READABLE.some((pattern) => pattern.test(kind))
      : READABLE_NUMBERS[format]?.test(kind) ?? false);
  const isCompressed = compression === NONE ? "no" : "yes";
  const isPlanar = get(PLANES, 1) === 2 && samples > 1;
  const reasons: Record<string, boolean> = {
    [OTHER_COMPRESSIONS[compression] ?? `compression ${compression}`]: !COMPRESSIONS.includes(
      compression,
    ),
    "no kind of colours": !tags.has(COLOUR),
    "Lab colours": colour >= 8 && colour <= 10,
    "YCbCr colours without JPEG": colour === 6 && compression !== JPEG,
    "colours that are floating-point numbers": format === 3 && colour > 1,
    "floating-point numbers of other than 32 bits": format === 3 && bits[0] !== 32,
    "signed colours": format === 2 && colour > 1,
    "signed numbers of 8 bits": format === 2 && bits[0] === 8,
    // Pillow mixes up their bytes.
    "numbers of 32 bits in big-endian order": bits[0] === 32 && !isLittle &&
      (compression !== NONE || format === 1),
    "gray of 16 bits in big-endian order, where white is 0": kind === "0 16 " && !isLittle,
    "premultiplied transparency": extra[0] === 1,
    "CMYK of 16 bits or with other channels": colour === 5 && !isReadable,
    [`samples of ${bits[0]} bits`]: ![1, 2, 4, 8, 16, 32].includes(bits[0]!),
    "fax compression of colours": FAX.includes(compression) && !/^[01] 1 $/.test(kind),
    "bits in reverse order": get(BIT_ORDER, 1) !== 1 &&
      (!REVERSED[isCompressed].test(kind) || format !== 1 || (bits[0] === 16 && !isLittle)),
    "tiles of separate colours": isPlanar && tags.has(TILES),
    "separate planes of an unusual kind": isPlanar && !PLANAR[isCompressed].test(kind),
    "a palette of 8 bits": colour === 3 && Math.max(...tags.get(PALETTE) ?? []) < 256,
    "a palette of the wrong size": colour === 3 && tags.get(PALETTE)?.length !== 3 << bits[0]!,
    [`an unusual kind of colours (${kind.trim()})`]: !isReadable,
  };
  return Object.keys(reasons).find((reason) => reasons[reason]);
}

/**
 * The compressed strips or tiles.
 *
 * @throws {RangeError} if the file ends before them
 */
function partsOf(file: Uint8Array, tags: Tags): Uint8Array[] {
  const starts = tags.get(TILES) ?? tags.get(STRIPS);
  if (starts === undefined) throw damaged("TIFF", "it does not tell where its pixels are");
  const lengths = tags.get(TILE_BYTES) ?? tags.get(STRIP_BYTES) ?? [];
  return starts.map((start, i) => {
    const end = start + (lengths[i] ?? 0);
    if (end > file.length) throw new RangeError("a strip ends after the file");
    return file.subarray(start, lengths[i] === undefined ? file.length : end);
  });
}

/** Checks that a JPEG file, whose tables may be apart, is whole and leaves no detail out. */
function checkJpeg(part: Uint8Array, tables: Uint8Array): void {
  const file = tables.length > 4 ? joined([tables.subarray(0, -2), part.subarray(2)]) : part;
  const { components } = readJpegPart(file);
  if (components.some(({ lowestBits }) => lowestBits.some((bit) => bit !== 0))) {
    throw unreadableKind("a TIFF file with JPEG compression that leaves detail out");
  }
}

function readJpegPart(file: Uint8Array): JpegScans {
  try {
    return readJpegScans(file, false);
  } catch (error) {
    throw damaged("TIFF", "a part of its pixels is not whole", { cause: error });
  }
}

/** The file with an orientation of 1, which stands at `place`. */
function upright(file: Uint8Array, place: number, isLittle: boolean): Uint8Array {
  const copy = file.slice();
  new DataView(copy.buffer).setUint16(place, 1, isLittle);
  return copy;
}

interface Directory {
  readonly tags: Tags;
  /** Where the numbers of a tag stand in the file. */
  readonly places: ReadonlyMap<number, number>;
  readonly isLittle: boolean;
}

/**
 * The used tags that hold whole numbers.
 *
 * @throws {RangeError} if the file ends in them
 */
function readTags(file: Uint8Array): Directory {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const isLittle = file[0] === 0x49;
  const isBig = view.getUint16(2, isLittle) === 43;
  // Pillow takes these for something else.
  if (isBig && !isLittle) throw unreadableKind("a BigTIFF file of big-endian order");
  const number = (at: number, bytes: number) =>
    bytes === 8
      ? Number(view.getBigUint64(at, isLittle))
      : bytes === 4
      ? view.getUint32(at, isLittle)
      : bytes === 2
      ? view.getUint16(at, isLittle)
      : view.getUint8(at);
  const word = isBig ? 8 : 4;
  const start = number(isBig ? 8 : 4, word);
  const count = number(start, isBig ? 8 : 2);
  const tags = new Map<number, number[]>(), places = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const entry = start + (isBig ? 8 + 20 * i : 2 + 12 * i);
    const tag = number(entry, 2);
    const bytes = tag === JPEG_TABLES ? 1 : NUMBER_BYTES[number(entry + 2, 2)];
    const length = number(entry + 4, word), value = entry + 4 + word;
    if (!USED.includes(tag) || bytes === undefined || tags.has(tag)) continue;
    const place = length * bytes <= word ? value : number(value, word);
    if (place + length * bytes > file.length) throw new RangeError("a tag ends after the file");
    places.set(tag, place);
    tags.set(tag, Array.from({ length }, (_, n) => number(place + bytes * n, bytes)));
  }
  return { tags, places, isLittle };
}
