// deno-lint-ignore-file no-control-regex -- files begin with them
/** Says what a file is that is not read. */
import { ImageError } from "../shared/errors.ts";
import { unreadableKind } from "./pixels.ts";

/** How other kinds of pictures begin. */
const PICTURES: Readonly<Record<string, RegExp>> = {
  "a JPEG 2000 file": /^(\0\0\0\x0cjP {2}\r\n\x87\n|\xff\x4f\xff\x51)/,
  "a JPEG XL file": /^(\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a)/,
  "an AVIF file": /^[^]{4}ftyp(avi[fs]|[^]{4,60}avif)/,
  "a HEIC file": /^[^]{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)/,
  "a JPEG XR file": /^II\xbc[\0\x01]/,
  "a BMP file": /^BM/,
  "a Photoshop file (PSD)": /^8BPS/,
  "an icon file (ICO)": /^\0\0[\x01\x02]\0[^\0]/,
  "an icon file (ICNS)": /^icns/,
  "a PNM file": /^P([1-7f]|F)\s/i,
  "a PCX file": /^\n[\0-\x05]\x01/,
  "an SGI file": /^\x01\xda[\0\x01][\x01\x02]/,
  "a DDS file": /^DDS /,
  "an OpenEXR file": /^\x76\x2f\x31\x01/,
  "a Radiance file (HDR)": /^#\?(RADIANCE|RGBE)/,
  "a QOI file": /^qoif/,
  "a FITS file": /^SIMPLE {2}=/,
  "a DjVu file": /^AT&TFORM/,
  "a GIMP file (XCF)": /^gimp xcf/,
  "an MNG file": /^[\x8a\x8b][MJ]NG/,
  "a Windows metafile": /^(\xd7\xcd\xc6\x9a|\x01\0\0\0[^]{36} EMF)/,
  "a camera's raw file": /^(FUJIFILMCCD-RAW|IIU\0|II[RS][OS]|MMOR|\0MRM|FOVb)/,
  "an XBM file": /^#define \w+_width \d/,
  "an XPM file": /^\/\* XPM/,
};

/** How files begin that hold something else. */
const OTHERS: Readonly<Record<string, RegExp>> = {
  "a PDF document": /^%PDF/,
  "a PostScript document": /^(%!PS|\xc5\xd0\xd3\xc6)/,
  "a video": /^([^]{4}(ftyp|moov|mdat)|\x1aE\xdf\xa3|RIFF[^]{4}AVI |\0\0\x01[\xb3\xba])/,
  "a sound": /^(RIFF[^]{4}WAVE|ID3|OggS|fLaC)/,
  "an archive": /^(PK[\x03\x05]|\x1f\x8b|7z\xbc\xaf|Rar!|BZh|\xfd7zXZ)/,
  "a file of NumPy": /^\x93NUMPY/,
  "a file of HDF5": /^\x89HDF/,
  "the pointer to a file in Git LFS": /^version https:\/\/git-lfs/,
};

/** How texts begin, after blanks and comments. */
const TEXTS: Readonly<Record<string, RegExp>> = {
  "an SVG drawing": /^(<\?xml[^>]*>)?\s*(<!--[^]*?-->\s*|<!DOCTYPE svg[^]*?>\s*)*<(\w+:)?svg\b/i,
  "a web page (HTML)":
    /^(<\?xml[^>]*>)?\s*(<!--[^]*?-->\s*)*<(!DOCTYPE html|html|head|title|meta|script|body|div|p|h1)\b/i,
  "an XML document": /^<(\?xml|\w+:?\w*[\s>])/,
  "a JSON text": /^(\{\s*["}]|\[\s*["{[\]\d])/,
};

/** Bytes that are looked at. */
const START = 4096;

/**
 * Why a file is not read that does not begin as one of the pictures that are.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const reason = (text: string) => unreadable(new TextEncoder().encode(text)).message;
 * assert.equal(reason(""), "it is an empty file");
 * assert.equal(reason("<!DOCTYPE html><title>404</title>"), "it is a web page (HTML), not a picture");
 * assert.equal(reason("BM6$"), "it is a BMP file, which Maken cannot read");
 * ```
 */
export function unreadable(file: Uint8Array): ImageError {
  if (file.length === 0) return new ImageError("it is an empty file", "image_unreadable");
  const bytes = file.subarray(0, START);
  const isTga = /^TRUEVISION-XFILE\.\0$/.test(binaryText(file.subarray(-18))); // begins as it likes
  const picture = isTga ? "a TGA file" : named(PICTURES, binaryText(bytes));
  if (picture !== undefined) return unreadableKind(picture);
  const kind = named(OTHERS, binaryText(bytes)) ?? textKind(bytes) ?? zeros(file);
  const reason = kind === undefined ? "it is not a picture" : `it is ${kind}, not a picture`;
  return new ImageError(reason, "image_unreadable");
}

function named(kinds: Readonly<Record<string, RegExp>>, start: string): string | undefined {
  return Object.keys(kinds).find((kind) => kinds[kind]!.test(start));
}

/** A character a byte. */
function binaryText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function textKind(bytes: Uint8Array): string | undefined {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8";
  const text = new TextDecoder(encoding).decode(bytes).trimStart();
  if (/[\0-\x08\x0e-\x1a]/.test(text)) return undefined;
  return named(TEXTS, text) ?? (text.includes("\ufffd") ? undefined : "a text");
}

function zeros(file: Uint8Array): string | undefined {
  return file.every((byte) => byte === 0) ? "a file of nothing but zeros" : undefined;
}
