/** From decoded pixels to a network's input. */
import type { Pixels } from "../../images/pixels.ts";
import type { ModelInput } from "../models/manifest.ts";
import type { Numbers } from "../engines/engine.ts";
import { square } from "./square.ts";

/** Makes the input of one model. */
export class Preprocessor {
  /** For each of red, green and blue: what a value from 0 to 255 becomes. */
  readonly #tables: readonly [Float32Array, Float32Array, Float32Array];

  constructor(private readonly input: ModelInput) {
    const table = (channel: number) => scaleTable(input.preprocess, channel);
    this.#tables = [table(0), table(1), table(2)];
  }

  /**
   * Writes a picture's input.
   *
   * @param target [3, size, size] or [size, size, 3], as the model's layout says, or longer
   */
  write(picture: Pixels, target: Numbers): void {
    const { size, layout, channels } = this.input;
    const { data, channels: colours } = square(picture, this.input);
    const area = size * size;
    // Where red, green and blue begin in the target, and how far a channel's values are apart.
    const [step, gap] = layout === "nchw" ? [1, area] as const : [3, 1] as const;
    const [r, b] = channels === "rgb" ? [0, 2 * gap] as const : [2 * gap, 0] as const;
    const [reds, greens, blues] = this.#tables;
    const [green, blue] = colours === 3 ? [1, 2] as const : [0, 0] as const;
    for (let i = 0, p = 0, t = 0; i < area; i++, p += colours, t += step) {
      target[r + t] = reds[data[p]!]!;
      target[gap + t] = greens[data[p + green]!]!;
      target[b + t] = blues[data[p + blue]!]!;
    }
  }
}

/** In float32 arithmetic, as NumPy and PyTorch compute it. */
function scaleTable(preprocess: ModelInput["preprocess"], channel: number): Float32Array {
  const f = Math.fround;
  return Float32Array.from({ length: 256 }, (_, x) => {
    if (preprocess === "none") return x;
    if (preprocess === "tf") return f(f(x / 127.5) - 1);
    const { mean, std } = preprocess;
    return f(f(f(x / 255) - f(mean[channel]!)) / f(std[channel]!));
  });
}
