/** Decodes a picture of any common format to the pixels that Pillow's `convert("RGB")` gives. */
import sharp, { type Sharp } from "sharp";
import { errorMessage, ImageError } from "../shared/errors.ts";
import { isImage } from "./image_type.ts";

/** A decoded picture. */
export interface Pixels {
  /** uint8[height, width, channels], row-major; RGB, or gray where all channels are equal. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/** Largest picture, in pixels. */
export const MAX_PIXELS = 100e6;

sharp.cache(false);
sharp.concurrency(1);

/**
 * Decodes a picture. Like Pillow, it ignores EXIF orientation and ICC profiles and drops an alpha
 * channel without blending; unlike Pillow with LOAD_TRUNCATED_IMAGES, a damaged file is an error.
 *
 * @throws {ImageError} if the file is not a whole picture of at most {@linkcode MAX_PIXELS}
 */
export async function decode(file: Uint8Array): Promise<Pixels> {
  if (!isImage(file)) throw new ImageError("it is not a picture", "image_unreadable");
  try {
    const picture = sharp(file, { failOn: "error", limitInputPixels: MAX_PIXELS, ignoreIcc: true });
    const { space, hasAlpha } = await picture.metadata();
    if (space === "cmyk") return await decodeCmyk(picture);
    if (hasAlpha) picture.removeAlpha();
    const gray = space === "b-w";
    const { data, info } = await picture.toColourspace(gray ? "b-w" : "srgb").raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 1 && info.channels !== 3) {
      throw new ImageError(`it has ${info.channels} channels`, "image_type");
    }
    return { data, width: info.width, height: info.height, channels: info.channels };
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const reason = errorMessage(error);
    if (/pixel limit/i.test(reason)) {
      const limit = `more than ${MAX_PIXELS / 1e6} megapixels`;
      throw new ImageError(limit, "image_too_large", { cause: error });
    }
    throw new ImageError(reason, "image_unreadable", { cause: error });
  }
}

/** Pillow's plain formula, with the stored values inverted as Adobe writes them. */
async function decodeCmyk(picture: Sharp): Promise<Pixels> {
  const { data, info } = await picture.pipelineColourspace("cmyk").toColourspace("cmyk").raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; o < rgb.length; i += 4, o += 3) {
    const black = 255 - data[i + 3]!;
    for (let c = 0; c < 3; c++) rgb[o + c] = Math.max(0, black - data[i + c]!);
  }
  return { data: rgb, width, height, channels: 3 };
}
