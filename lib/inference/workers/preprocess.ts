/** From decoded pixels to a network's input. */
import type { Pixels } from "../../images/pixels.ts";
import { resize } from "../../images/resize.ts";
import type { ModelInput } from "../models/manifest.ts";

/** Makes the input of one model. */
export class Preprocessor {
  /** For each of red, green and blue: what a value from 0 to 255 becomes. */
  readonly #tables: readonly [Float32Array, Float32Array, Float32Array];

  constructor(private readonly input: ModelInput) {
    const table = (channel: number) => scaleTable(input.preprocess, channel);
    this.#tables = [table(0), table(1), table(2)];
  }

  /** Numbers of one picture's input. */
  get length(): number {
    return 3 * this.input.size ** 2;
  }

  /**
   * Writes a picture's input.
   *
   * @param target float32[3, size, size] or float32[size, size, 3], as the model's layout says
   */
  write(picture: Pixels, target: Float32Array): void {
    const { size, layout, channels } = this.input;
    const pixels = square(picture, this.input);
    const area = size * size;
    // Where red, green and blue begin in the target, and how far a channel's values are apart.
    const [step, gap] = layout === "nchw" ? [1, area] as const : [3, 1] as const;
    const [r, b] = channels === "rgb" ? [0, 2 * gap] as const : [2 * gap, 0] as const;
    const [reds, greens, blues] = this.#tables;
    const [green, blue] = picture.channels === 3 ? [1, 2] as const : [0, 0] as const;
    for (let i = 0, p = 0, t = 0; i < area; i++, p += picture.channels, t += step) {
      target[r + t] = reds[pixels[p]!]!;
      target[gap + t] = greens[pixels[p + green]!]!;
      target[b + t] = blues[pixels[p + blue]!]!;
    }
  }
}

/** uint8[size, size, channels] of a picture. */
function square(picture: Pixels, { size, fit }: ModelInput): Uint8Array {
  const { data, width, height, channels } = picture;
  if (fit === "stretch") return resize(data, width, height, channels, size, size);
  // As torchvision's Resize and CenterCrop: the longer side is cut off, the middle rounded to even.
  const shorter = Math.min(width, height);
  const [w, h] = [width, height].map((side) => Math.trunc(size * side / shorter)) as [
    number,
    number,
  ];
  const resized = resize(data, width, height, channels, w, h);
  const [left, top] = [(w - size) / 2, (h - size) / 2].map(roundToEven) as [number, number];
  const row = size * channels;
  const middle = new Uint8Array(size * row);
  for (let y = 0; y < size; y++) {
    const from = ((top + y) * w + left) * channels;
    middle.set(resized.subarray(from, from + row), y * row);
  }
  return middle;
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + floor % 2 : Math.round(x);
}

/** In float32 arithmetic, as NumPy and PyTorch compute it. */
function scaleTable(preprocess: ModelInput["preprocess"], channel: number): Float32Array {
  const f = Math.fround;
  return Float32Array.from({ length: 256 }, (_, x) => {
    if (preprocess === "tf") return f(f(x / 127.5) - 1);
    const { mean, std } = preprocess;
    return f(f(f(x / 255) - f(mean[channel]!)) / f(std[channel]!));
  });
}
