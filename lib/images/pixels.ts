/** What a decoder gives, whatever it is made of. */
import { ImageError } from "../shared/errors.ts";

/** A decoded picture. */
export interface Pixels {
  /** uint8[height, width, channels], row-major; RGB, or gray where all channels are equal. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/**
 * Decodes a picture's file. Like Pillow's `convert("RGB")`, it takes the first frame, ignores ICC
 * profiles and the orientation in EXIF, and drops an alpha channel without blending; unlike Pillow, it
 * refuses damaged files.
 *
 * @throws {ImageError} if the file is not a whole picture of at most {@linkcode MAX_PIXELS}
 */
export type Decode = (file: Uint8Array) => Promise<Pixels>;

/** Largest picture, in pixels. */
export const MAX_PIXELS = 100e6;

/** @throws {ImageError} if a picture of this size is too large */
export function checkSize(width: number, height: number): void {
  if (width * height > MAX_PIXELS) throw tooLarge();
}

/** That a picture is of a kind that cannot be read. */
export function unreadableKind(kind: string): ImageError {
  return new ImageError(`it is ${kind}, which Maken cannot read`, "image_type");
}

/** That a file holds less than its header tells of. */
export function cutShort(kind: string, detail = "", options?: ErrorOptions): ImageError {
  const reason = `the ${kind} file is cut short${detail === "" ? "" : `: ${detail}`}`;
  return new ImageError(reason, "image_unreadable", options);
}

/** That a file holds something impossible, and it is not known whether it is whole. */
export function damaged(kind: string, detail = "", options?: ErrorOptions): ImageError {
  const reason = `the ${kind} file is damaged${detail === "" ? "" : `: ${detail}`}`;
  return new ImageError(reason, "image_unreadable", options);
}

/** That a picture has too many pixels. */
export function tooLarge(options?: ErrorOptions): ImageError {
  return new ImageError(`more than ${MAX_PIXELS / 1e6} megapixels`, "image_too_large", options);
}

/** A palette's 256 colours: those that it lacks are gray, as in Pillow. */
export function fullPalette(palette: Uint8Array): Uint8Array {
  const full = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
  full.set(palette.subarray(0, palette.length - palette.length % 3));
  return full;
}
