/** Decodes a picture of any common format to the pixels that Pillow's `convert("RGB")` gives. */
import sharp, { type Sharp, type SharpOptions } from "sharp";
import { ImageError } from "../shared/errors.ts";
import { unreadable } from "./file_kind.ts";
import { decodeGif } from "./gif.ts";
import { imageType } from "./image_type.ts";
import { type JpegHeader, readJpegHeader } from "./jpeg/header.ts";
import { plainJpeg } from "./jpeg/rewrite.ts";
import { readJpegScans } from "./jpeg/scans.ts";
import { EOI, scanEnd } from "./jpeg/segments.ts";
import { cutShort, damaged, MAX_PIXELS, type Pixels, tooLarge } from "./pixels.ts";
import { decodePng } from "./png.ts";
import { readTiffHeader } from "./tiff.ts";

/** Pixels of a JPEG that is decoded at once: a fifth faster than by strips, in twice the memory. */
const MAX_AT_ONCE = 4e6;

/** Bytes that may hold the last rows of a JPEG. */
const LAST_ROWS = 16384;

sharp.cache(false);
sharp.concurrency(1);

/**
 * Decodes a picture. Like Pillow, it ignores ICC profiles and the orientation in EXIF, and drops an
 * alpha channel without blending; unlike Pillow, it refuses damaged files.
 *
 * @throws {ImageError} if the file is not a whole picture of at most 100 megapixels
 */
export async function decode(file: Uint8Array): Promise<Pixels> {
  const type = imageType(file);
  try {
    switch (type) {
      case "JPEG":
        return await decodeJpeg(file);
      case "PNG":
        return await decodePng(file);
      case "TIFF":
        return await decodeTiff(file);
      case "GIF":
        return decodeGif(file);
      case "WebP":
        return await decodeWebp(file);
      default:
        throw unreadable(file);
    }
  } catch (error) {
    if (error instanceof ImageError) throw error;
    if (/pixel limit/i.test(String(error))) throw tooLarge({ cause: error });
    throw damaged(type!, "", { cause: error });
  }
}

function open(file: Uint8Array, options: SharpOptions = {}): Sharp {
  return sharp(file, {
    failOn: "error",
    limitInputPixels: MAX_PIXELS,
    ignoreIcc: true,
    ...options,
  });
}

async function decodeRgb(picture: Sharp, space: "b-w" | "srgb" = "srgb"): Promise<Pixels> {
  const { data, info } = await picture.removeAlpha().toColourspace(space).raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels === 1 || channels === 3) return { data, width, height, channels };
  throw new ImageError(`it has ${channels} channels`, "image_type");
}

async function decodeJpeg(file: Uint8Array): Promise<Pixels> {
  const header = readJpegHeader(file);
  if (header.isCoarse) {
    return await decodeScans(open(plainJpeg(file), { failOn: "warning" }), header);
  }
  const sequentialRead = header.width * header.height > MAX_AT_ONCE;
  try {
    const whole = withoutEnd(file, header);
    return await decodeScans(open(whole, { failOn: "warning", sequentialRead }), header);
  } catch (error) {
    if (header.isArithmetic) throw error;
    readJpegScans(file, false); // throws if it is damaged, and not only unusual
    return await decodeScans(open(file, { sequentialRead }), header);
  }
}

function decodeScans(picture: Sharp, { components }: JpegHeader): Promise<Pixels> {
  if (components === 4) return decodeCmyk(picture);
  return decodeRgb(picture, components === 1 ? "b-w" : "srgb");
}

/**
 * A JPEG of one scan with 0xff00 in place of its end marker, enough for libjpeg's reading ahead.
 * libvips heeds a warning when it reads the next rows, so that one in the last rows would be lost;
 * with the marker gone, a scan that is too short for the picture ends in an error.
 *
 * @throws {RangeError} if something else follows the scan
 */
function withoutEnd(file: Uint8Array, { onlyScan, hasRestarts }: JpegHeader): Uint8Array {
  if (onlyScan === undefined) return file;
  // Looking through all of a file takes a fiftieth of its decoding; markers before its last rows are
  // noticed by libvips.
  const isTidy = file.at(-2) === 0xff && file.at(-1) === EOI;
  const start = isTidy ? Math.max(onlyScan, file.length - LAST_ROWS) : onlyScan;
  const end = scanEnd(file, start, hasRestarts);
  if (file[end + 1] !== EOI) throw new RangeError("no end follows the scan");
  const endless = new Uint8Array(end + 16);
  endless.set(file.subarray(0, end));
  for (let i = end; i < endless.length; i += 2) endless[i] = 0xff; // ones, which are no code
  return endless;
}

async function decodeWebp(file: Uint8Array): Promise<Pixels> {
  const length = new DataView(file.buffer, file.byteOffset).getUint32(4, true);
  if (8 + length > file.length) throw cutShort("WebP");
  return await decodeRgb(open(file));
}

async function decodeTiff(original: Uint8Array): Promise<Pixels> {
  const { file, isCmyk, gray16 } = readTiffHeader(original);
  const picture = open(file).autoOrient(); // Pillow turns TIFF files, and no others
  if (isCmyk) return await decodeCmyk(picture);
  return gray16 === undefined ? await decodeRgb(picture) : await decodeGray16(picture, gray16);
}

/** Clipped at 255; where white is 0, libvips has turned the values round, and Pillow does not. */
async function decodeGray16(
  picture: Sharp,
  order: "from black" | "from white",
): Promise<Pixels> {
  const { data, info } = await picture.removeAlpha().toColourspace("grey16")
    .raw({ depth: "ushort" }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels !== 1) throw new ImageError(`it has ${channels} channels`, "image_type");
  const values = new Uint16Array(data.buffer, data.byteOffset, width * height);
  const clipped = order === "from black"
    ? Uint8Array.from(values, (v) => Math.min(v, 255))
    : Uint8Array.from(values, (v) => Math.min(65535 - v, 255));
  return { data: clipped, width, height, channels };
}

/** By Pillow's formula, its rounding included. */
async function decodeCmyk(picture: Sharp): Promise<Pixels> {
  const { data, info } = await picture.pipelineColourspace("cmyk").toColourspace("cmyk").raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels !== 4) throw new ImageError(`it has ${channels} channels`, "image_type");
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; o < rgb.length; i += 4, o += 3) {
    const light = 255 - data[i + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = data[i + c]! * light + 128;
      rgb[o + c] = light - (((product >> 8) + product) >> 8);
    }
  }
  return { data: rgb, width, height, channels: 3 };
}
