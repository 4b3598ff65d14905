/** Decodes JPEG and PNG files without native code: mozjpeg as WebAssembly, and TypeScript. */
import mozjpeg, { type MozJPEGModule } from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import { errorMessage, ImageError } from "../shared/errors.ts";
import { imageType } from "./image_type.ts";
import { isHarmless, readJpegHeader } from "./jpeg.ts";
import { checkSize, type Pixels, unreadableKind } from "./pixels.ts";
import { decodePng } from "./png.ts";

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
  if (type === "PNG") return decodePng(file);
  if (type === "BMP") throw unreadableKind("a BMP file");
  if (type === undefined) throw new ImageError("it is not a picture", "image_unreadable");
  throw cannotRead(`a ${type} file`);
}

/** What the decoder printed of the file that it is at. */
let printed: string[] = [];
let compiled: Promise<WebAssembly.Module> | undefined;
let decoder: MozJPEGModule | undefined;

async function decodeJpeg(file: Uint8Array): Promise<Pixels> {
  const header = readJpegHeader(file);
  checkSize(header.width, header.height);
  if (header.components > 3) throw cannotRead("a JPEG file in CMYK");
  // This mozjpeg is older than the smoothing that Pillow's libjpeg-turbo gives to these.
  if (header.hasHalfRows) throw cannotRead("a JPEG file with half the rows of colours (4:4:0)");
  const { decode } = decoder ??= await startDecoder();
  printed = [];
  try {
    const image = decode(file as Uint8Array<ArrayBuffer>, false);
    // libjpeg prints its first warning only, and then makes up the pixels that it cannot read.
    const damage = printed.find((line) => !isHarmless(line, header));
    if (damage !== undefined) throw new ImageError(damage, "image_unreadable");
    if (image === null) throw new ImageError("no pixels", "image_unreadable");
    if (image.width * image.height > KEPT_PIXELS) decoder = undefined;
    return withoutAlpha(image);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    decoder = undefined; // libjpeg ended its program: it cannot be used again
    const reason = printed.at(-1) ?? errorMessage(error);
    throw new ImageError(reason, "image_unreadable", { cause: error });
  }
}

/** A decoder with memory of its own. */
async function startDecoder(): Promise<MozJPEGModule> {
  compiled ??= Deno.readFile(WASM).then((code) => WebAssembly.compile(code));
  const module = await compiled;
  // The package's types leave out what Emscripten also takes: https://emscripten.org/docs/api_reference/module.html
  const overrides = {
    printErr: (line: string) => printed.push(line),
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
