import assert from "node:assert/strict";
import { decode as decodeNative } from "../../lib/images/decode.ts";
import { decode as decodeWasm } from "../../lib/images/decode_wasm.ts";
import { unreadable } from "../../lib/images/file_kind.ts";
import type { Decode, Pixels } from "../../lib/images/pixels.ts";
import { ImageError } from "../../lib/shared/errors.ts";
import { untar } from "../helpers/untar.ts";

const DECODERS: Record<string, Decode> = { onnx: decodeNative, wasm: decodeWasm };

// Pictures of all kinds and what Pillow 9.5 makes of them: make_pictures.py beside them.
const folder = new URL("../fixtures/picture_kinds/", import.meta.url);
const files = await untar(new URL("pictures.tar.gz", folder));
for (const { name } of Deno.readDirSync(new URL("unusual/", folder))) {
  files.set(`unusual/${name}`, await Deno.readFile(new URL(`unusual/${name}`, folder)));
}
type Known = { readonly width: number; readonly height: number; readonly sha256: string } | null;
const expected: Record<string, Known> = JSON.parse(
  await Deno.readTextFile(new URL("pictures.json", folder)),
);

/** What Pillow reads and Maken refuses, and why: the list of README.md. */
const REFUSED: readonly (readonly [RegExp, RegExp])[] = [
  [/^jpeg\/.*_(dc_only|lacks_colour)/, /lacks scans/],
  [/^png\/rows_missing/, /cut short/],
  [/^png\/palette_(late|none)/, /no palette comes before its pixels/],
  [/^tiff\/ycbcr_8/, /YCbCr colours without JPEG/],
  [/^tiff\/lab_8/, /Lab colours/],
  [/^tiff\/cmyk_16/, /CMYK of 16 bits/],
  [/^(tiff\/rgba_premultiplied_8|unusual\/t16c)/, /premultiplied transparency/],
  [/^(tiff\/gray_12|unusual\/t27)/, /samples of 12 bits/],
  [/^(tiff\/lzma|unusual\/t09b)/, /LZMA compression/],
  [/^tiff\/.*_32_big_endian_lzw/, /numbers of 32 bits in big-endian order/],
  [/^tiff\/planes_(16\.|in_tiles)/, /separate (planes|colours)/],
  [/^tiff\/palette_of_8_bits/, /a palette of 8 bits/],
  [/^tiff\/palette_short/, /a palette of the wrong size/],
  [/^other\/bmp|^unusual\/x01/, /a BMP file/],
  [/^other\/(jpeg2000|codestream)|^unusual\/x02/, /a JPEG 2000 file/],
  [/^other\/ppm/, /a PNM file/],
  [/^other\/ico/, /an icon file/],
  [/^other\/pcx/, /a PCX file/],
  [/^other\/sgi/, /an SGI file/],
  [/^other\/dds/, /a DDS file/],
  [/^other\/xbm/, /an XBM file/],
  [/^other\/tga/, /a TGA file/],
];

/** What the wasm engine refuses besides. */
const REFUSED_BY_WASM = /^(gif|tiff|webp)\/|\.(gif|tif)$|\/(440|cmyk|arithmetic)/;

/** JPEG files whose pixels are one scan from top to bottom. */
const ONE_SCAN = /^jpeg\/.*(_plain|_restarts|_se_0|adobe_\w+)\.jpg$|\/j01/;

/** Words of libraries, and what a user cannot know. */
const LIBRARY_WORDS = new RegExp(
  [
    "vips|jpeg2|tiff2|pngload|buffer|dataview|offset|bounds|zlib|inflate|z_|enoent|libjpeg",
    "libtiff|libpng|huffman|scanline|sos\\b|dht\\b|marker|extraneous|premature|corrupt|unsupported",
    "undefined|\\bnull\\b|\\bnan\\b|exception|error:|invalid|unexpected|failed|\\.ts\\b|memory access",
  ].join("|"),
  "i",
);

function checkWords(error: unknown, name: string): void {
  assert.ok(error instanceof ImageError, `${name}: ${error}`);
  assert.doesNotMatch(error.message, LIBRARY_WORDS, name);
  assert.match(error.message, /^[^\n]{10,200}$/, name);
}

async function digest({ data, channels }: Pixels): Promise<string> {
  const rgb = new Uint8Array(data.length * 3 / channels);
  for (let i = 0; i < rgb.length; i++) rgb[i] = data[channels === 3 ? i : Math.floor(i / 3)]!;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", rgb)).toHex();
}

/** The pixels, or why there are none. */
async function outcome(decode: Decode, file: Uint8Array): Promise<Pixels | ImageError> {
  try {
    return await decode(file);
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
}

Deno.test("there is a picture for each entry, and an entry for each picture", () => {
  assert.deepEqual([...files.keys()].sort(), Object.keys(expected).sort());
  assert.ok(files.size > 400);
});

for (const [engine, decode] of Object.entries(DECODERS)) {
  Deno.test(`decode() of ${engine} gives Pillow's pixels of pictures of all kinds, or names the kind`, async () => {
    const reasons = new Set<unknown>();
    for (const [name, file] of files) {
      const known = expected[name] ?? null;
      const result = await outcome(decode, file);
      if (!(result instanceof ImageError)) {
        assert.notEqual(known, null, `${name} is read, but not by Pillow`);
        const { width, height } = result;
        assert.deepEqual({ width, height, sha256: await digest(result) }, known, name);
        continue;
      }
      checkWords(result, name);
      if (engine === "wasm" && /--engine onnx reads it$/.test(result.message)) {
        assert.match(name, REFUSED_BY_WASM);
      } else if (known !== null) {
        const reason = REFUSED.find(([pattern]) => pattern.test(name));
        assert.ok(reason !== undefined, `${name} is refused: ${result.message}`);
        assert.match(result.message, reason[1], name);
        reasons.add(reason);
      }
    }
    if (engine === "onnx") assert.equal(reasons.size, REFUSED.length);
  });

  Deno.test(`decode() of ${engine} takes no picture that is cut, unless all its pixels are there`, async () => {
    for (const [name, file] of files) {
      const whole = await outcome(decode, file);
      if (whole instanceof ImageError) continue;
      for (let part = 1; part < 24; part++) {
        const length = part < 12 ? Math.floor(part / 12 * file.length) : file.length - part + 11;
        const cut = file.slice(0, length);
        const cuts = [cut];
        // With an end that somebody has put there, a file of several scans is legal, in less detail;
        // in one of one scan, the lack of the very last block may pass unnoticed.
        if (ONE_SCAN.test(name) && part < 12) cuts.push(new Uint8Array([...cut, 0xff, 0xd9]));
        for (const [i, one] of cuts.entries()) {
          const result = await outcome(decode, one);
          const what = `${name} cut to ${length} of ${file.length} bytes${
            i === 1 ? ", ended" : ""
          }`;
          if (result instanceof ImageError) checkWords(result, what);
          else assert.deepEqual(result, whole, what);
        }
      }
    }
  });

  Deno.test(`decode() of ${engine} says in plain words what is wrong with damaged files`, async () => {
    let state = 42;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor(state / 2 ** 32 * below);
    };
    const damages: ((file: number[], at: number) => unknown)[] = [
      (file, at) => file[at]! ^= 1 << random(8),
      (file, at) => file.fill(0, at, at + 9),
      (file, at) => file.splice(at, 5),
      (file, at) => file.splice(at, 0, ...Array.from({ length: 7 }, () => random(256))),
      (file, at) => file.fill(255, at, at + 2),
      (file) => file[random(Math.min(60, file.length))] = random(256),
    ];
    let refused = 0;
    for (const [name, file] of files) {
      for (const [i, damage] of damages.entries()) {
        const damaged = [...file];
        damage(damaged, random(file.length));
        const result = await outcome(decode, new Uint8Array(damaged));
        if (!(result instanceof ImageError)) continue;
        refused++;
        checkWords(result, `${name} with damage ${i}`);
      }
    }
    assert.ok(refused > files.size);
  });
}

Deno.test("unreadable() names what is no picture, and kinds of pictures that are not read", () => {
  const kinds: Record<string, string> = {
    "": "it is an empty file",
    "\0\0\0\0\0\0\0\0": "it is a file of nothing but zeros, not a picture",
    "<!DOCTYPE html>\n<html><body>404</body></html>": "it is a web page (HTML), not a picture",
    "\ufeff\n<!-- a -->\n<html lang='nb'>": "it is a web page (HTML), not a picture",
    '<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html>':
      "it is a web page (HTML), not a picture",
    '{"error": "not found"}': "it is a JSON text, not a picture",
    "[1, 2]": "it is a JSON text, not a picture",
    "<?xml version='1.0'?>\n<error/>": "it is an XML document, not a picture",
    "<?xml version='1.0'?><!-- a --><svg xmlns='http://www.w3.org/2000/svg'/>":
      "it is an SVG drawing, not a picture",
    "Not found": "it is a text, not a picture",
    "Ikke funnet: bokmål": "it is a text, not a picture",
    "%PDF-1.7\n": "it is a PDF document, not a picture",
    "\0\0\0\x18ftypmp42": "it is a video, not a picture",
    "PK\x03\x04....": "it is an archive, not a picture",
    "\x01\x02\x03\x04": "it is not a picture",
    "8BPS\0\x01": "it is a Photoshop file (PSD), which Maken cannot read",
    "\0\0\0\x1cftypavif\0\0\0\0": "it is an AVIF file, which Maken cannot read",
    "\0\0\0\x1cftypmif1\0\0\0\0mif1avif": "it is an AVIF file, which Maken cannot read",
    "\0\0\0\x18ftypheic\0\0\0\0": "it is a HEIC file, which Maken cannot read",
    "\0\0\0\x0cJXL \r\n": "it is not a picture",
  };
  for (const [text, message] of Object.entries(kinds)) {
    assert.equal(unreadable(new TextEncoder().encode(text)).message, message);
  }
  const bytes = (...values: number[]) => unreadable(new Uint8Array(values)).message;
  assert.equal(bytes(0xff, 0x0a, 1), "it is a JPEG XL file, which Maken cannot read");
  assert.equal(bytes(0xff, 0x4f, 0xff, 0x51), "it is a JPEG 2000 file, which Maken cannot read");
});
