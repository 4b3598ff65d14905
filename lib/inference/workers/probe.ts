/** Whether a model gives real vectors: what it makes of two pictures of its own. */
import type { Pixels } from "../../images/pixels.ts";
import { emptyInput, type Engine, type Numbers } from "../engines/engine.ts";
import type { ModelInput } from "../models/manifest.ts";
import { onnxFault } from "../models/onnx_faults.ts";
import { Preprocessor } from "./preprocess.ts";

const WIDTH = 96;
const HEIGHT = 64;

/**
 * Makes the vectors of two pictures with many colours and edges.
 *
 * @throws {TypeError} in words that follow "it", if a vector is no vector, or says nothing of its
 *   picture
 */
export async function tryOut(engine: Engine, input: ModelInput): Promise<void> {
  const preprocessor = new Preprocessor(input);
  const numbers = emptyInput(input, 1);
  const vectors: Float32Array[] = [];
  for (const picture of PROBES) {
    preprocessor.write(picture, numbers);
    const vector = await run(engine, numbers, input);
    requireNumbers(vector);
    vectors.push(vector);
  }
  const [first, second] = vectors;
  if (first!.every((x, i) => x === second![i])) {
    throw new TypeError("it gives the same vector for different pictures, so it tells none apart");
  }
}

async function run(engine: Engine, numbers: Numbers, { size }: ModelInput): Promise<Float32Array> {
  try {
    return (await engine.run(numbers, 1)).slice();
  } catch (error) {
    if (error instanceof TypeError) throw error;
    throw onnxFault(error, `run it on a picture of ${size} × ${size} pixels`);
  }
}

function requireNumbers(vector: Float32Array): void {
  const odd = vector.find((x) => !Number.isFinite(x));
  if (odd !== undefined) {
    const what = Number.isNaN(odd) ? "NaN (not a number)" : "infinite numbers";
    throw new TypeError(
      `it gives ${what} for an ordinary picture: it is damaged, or was exported wrongly`,
    );
  }
  if (vector.every((x) => x === vector[0])) {
    throw new TypeError(
      `it gives a vector whose numbers are all ${vector[0]} for an ordinary picture`,
    );
  }
}

/** Pictures that differ in colours, edges and brightness, the same in every run. */
export const PROBES: readonly Pixels[] = [
  drawn((x, y) => {
    const inside = Math.hypot(x - 30, y - 30) < 18;
    return inside ? [230, 60, 40] : [2 * x, 255 - 3 * y, (x * y) % 256];
  }),
  drawn((x, y) => {
    const isDark = (x >> 3) + (y >> 3) & 1;
    return isDark ? [20, 30 + y, 90] : [250 - x, 200, 40 + 2 * y];
  }),
];

function drawn(colour: (x: number, y: number) => readonly number[]): Pixels {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    data.set(colour(i % WIDTH, Math.trunc(i / WIDTH)), 3 * i);
  }
  return { data, width: WIDTH, height: HEIGHT, channels: 3 };
}
