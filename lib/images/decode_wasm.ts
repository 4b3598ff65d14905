/** Decodes JPEG and PNG files without native code: mozjpeg as WebAssembly, and TypeScript. */
import mozjpeg, { type MozJPEGModule } from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import { ImageError } from "../shared/errors.ts";
import { unreadable } from "./file_kind.ts";
import { imageType } from "./image_type.ts";
import { readJpegHeader } from "./jpeg/header.ts";
import { plainJpeg } from "./jpeg/rewrite.ts";
import { readJpegScans } from "./jpeg/scans.ts";
import { damaged, type Pixels } from "./pixels.ts";
import { decodePng } from "./png.ts";
import { readTiffHeader } from "./tiff.ts";

const WASM = new URL(import.meta.resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm"));

/** Pictures with more pixels leave a decoder behind that is too large to be kept. */
const KEPT_PIXELS = 10e6;

/**
 * Decodes a JPEG or PNG file to the same pixels as the decoder with native code.
 * Needs to read `node_modules`.
 *
 * @throws {ImageError} if the file is not a whole JPEG or PNG picture of at most 100 megapixels, or
 * is in CMYK or 4:4:0
 */
export async function decode(file: Uint8Array): Promise<Pixels> {
  const type = imageType(file);
  if (type === "JPEG") return await decodeJpeg(file);
  if (type === "PNG") return await decodePng(file);
  if (type === "TIFF") readTiffHeader(file); // throws if no engine reads its kind
  if (type === "GIF" || type === "TIFF" || type === "WebP") throw cannotRead(`a ${type} file`);
  throw unreadable(file);
}

/** Whether the decoder has warned of the file that it is at. */
let isWarned = false;
let compiled: Promise<WebAssembly.Module> | undefined;
let decoder: MozJPEGModule | undefined;

async function decodeJpeg(file: Uint8Array): Promise<Pixels> {
  const header = readJpegHeader(file);
  if (header.components > 3) throw cannotRead("a JPEG file in CMYK");
  if (header.isArithmetic) throw cannotRead("a JPEG file with arithmetic coding");
  if (!header.hasTables) throw cannotRead("a JPEG file without tables (Motion JPEG)");
  // This mozjpeg is older than the smoothing that Pillow's libjpeg-turbo gives to these.
  if (header.hasHalfRows) throw cannotRead("a JPEG file with half the rows of colours (4:4:0)");
  const { decode } = decoder ??= await startDecoder();
  isWarned = false;
  try {
    const whole = header.isCoarse ? plainJpeg(file) : file;
    const image = decode(whole as Uint8Array<ArrayBuffer>, false)!;
    // What libjpeg cannot read it makes up, with a warning; but it also warns of what does no harm.
    if (isWarned) readJpegScans(whole, false);
    if (image.width * image.height > KEPT_PIXELS) decoder = undefined;
    return withoutAlpha(image);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    decoder = undefined; // libjpeg ended its program: it cannot be used again
    readJpegScans(file, false); // tells more of what is wrong, if it can
    throw damaged("JPEG", "", { cause: error });
  }
}

/** A decoder with memory of its own. */
async function startDecoder(): Promise<MozJPEGModule> {
  compiled ??= Deno.readFile(WASM).then((code) => WebAssembly.compile(code));
  const module = await compiled;
  // The package's types leave out what Emscripten also takes: https://emscripten.org/docs/api_reference/module.html
  const overrides = {
    printErr: () => isWarned = true,
    instantiateWasm(imports: WebAssembly.Imports, done: (instance: unknown) => void) {
      const instance = new WebAssembly.Instance(module, imports);
      done(instance);
      return instance.exports;
    },
  };
  return await mozjpeg(overrides);
}

function withoutAlpha({ data, width, height }: ImageData): Pixels {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; o < rgb.length; i += 4, o += 3) {
    rgb[o] = data[i]!;
    rgb[o + 1] = data[i + 1]!;
    rgb[o + 2] = data[i + 2]!;
  }
  return { data: rgb, width, height, channels: 3 };
}

function cannotRead(what: string): ImageError {
  const reason = `the wasm engine reads plain JPEG and PNG files alone, and this is ${what}`;
  return new ImageError(`${reason}: --engine onnx reads it`, "image_type");
}
