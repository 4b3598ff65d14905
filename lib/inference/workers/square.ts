/** The ways in which a picture becomes a square. */
import type { Pixels } from "../../images/pixels.ts";
import { resize } from "../../images/resize.ts";
import type { ModelInput } from "../models/manifest.ts";

/** What of a model's input says how. */
type Fitting = Pick<ModelInput, "size" | "fit" | "shorter" | "crop" | "fill" | "filter">;

/** A picture of the input's size. */
export function square(picture: Pixels, fitting: Fitting): Pixels {
  const { size, fit, filter } = fitting;
  if (fit === "stretch") return resized(picture, size, size, filter);
  if (fit === "pad") return padded(picture, fitting);
  const [width, height] = resizedSize(picture, fitting);
  const middle = cropped(resized(picture, width, height, filter), fitting.crop ?? size);
  return middle.width === size ? middle : resized(middle, size, size, filter);
}

/** Width and height that a picture is resized to. */
export function resizedSize(
  { width, height }: Pick<Pixels, "width" | "height">,
  { size, fit, crop = size, shorter = crop }: Fitting,
): [width: number, height: number] {
  if (fit === "stretch") return [size, size];
  if (fit === "pad") { // as Pillow's ImageOps.contain()
    return width >= height
      ? [size, Math.max(1, roundToEven(height / width * size))]
      : [Math.max(1, roundToEven(width / height * size)), size];
  }
  const ofShorter = Math.min(width, height); // as torchvision's Resize: the longer side is cut off
  return [Math.trunc(shorter * width / ofShorter), Math.trunc(shorter * height / ofShorter)];
}

function resized(
  { data, width, height, channels }: Pixels,
  toWidth: number,
  toHeight: number,
  filter: ModelInput["filter"],
): Pixels {
  const pixels = resize(data, width, height, channels, toWidth, toHeight, filter);
  return { data: pixels, width: toWidth, height: toHeight, channels };
}

/** As torchvision's CenterCrop: the middle, rounded to even. */
function cropped({ data, width, height, channels }: Pixels, size: number): Pixels {
  const [left, top] = [roundToEven((width - size) / 2), roundToEven((height - size) / 2)];
  const row = size * channels;
  const middle = new Uint8Array(size * row);
  for (let y = 0; y < size; y++) {
    const from = ((top + y) * width + left) * channels;
    middle.set(data.subarray(from, from + row), y * row);
  }
  return { data: middle, width: size, height: size, channels };
}

/** As Pillow's ImageOps.pad(). */
function padded(picture: Pixels, fitting: Fitting): Pixels {
  const { size, fill, filter } = fitting;
  const { data, width, height, channels } = resized(
    picture,
    ...resizedSize(picture, fitting),
    filter,
  );
  const [left, top] = [roundToEven((size - width) / 2), roundToEven((size - height) / 2)];
  const whole = new Uint8Array(size * size * 3);
  for (let p = 0; p < whole.length; p += 3) whole.set(fill, p);
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0, to = ((top + y) * size + left) * 3; x < width; x++, to += 3, from += channels) {
      for (let c = 0; c < 3; c++) whole[to + c] = data[channels === 3 ? from + c : from]!;
    }
  }
  return { data: whole, width: size, height: size, channels: 3 };
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + floor % 2 : Math.round(x);
}
