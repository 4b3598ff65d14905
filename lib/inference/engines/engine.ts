/** What runs a network. */
import type { ModelInput, ModelOutput } from "../models/manifest.ts";

/** Engines by name. */
export const ENGINES = ["onnx", "wasm", "tfjs"] as const;
/** One of {@linkcode ENGINES}. */
export type EngineName = typeof ENGINES[number];

/** A network's input, of the type that its manifest names. */
export type Numbers = Float32Array | Float16Array | Float64Array | Uint8Array;

/** A loaded model. */
export interface Engine {
  /**
   * Runs the network on a batch.
   *
   * @param input [n, 3, size, size] or [n, size, size, 3], as the model's layout says; of a model
   *   with a fixed batch as many pictures as that
   * @returns float32[n, vectorSize]
   */
  run(input: Numbers, n: number): Promise<Float32Array>;
}

/** What an engine needs to load a model. */
export interface EngineModel {
  /** Path of the ONNX file. */
  readonly path: string;
  readonly input: ModelInput;
  readonly output: ModelOutput;
  /** Threads of one session. */
  readonly threads: number;
}

/** What each engine's file exports as `loadEngine`. */
export type LoadEngine = (model: EngineModel) => Promise<Engine>;

/** Shape of the input of `n` pictures. */
export function inputDims({ size, layout, batch }: ModelInput, n: number): number[] {
  const pictures = batch ?? n;
  return layout === "nchw" ? [pictures, 3, size, size] : [pictures, size, size, 3];
}

/** An empty input of `n` pictures. */
export function emptyInput(input: ModelInput, n: number): Numbers {
  const length = inputDims(input, n).reduce((product, side) => product * side);
  switch (input.type) {
    case "float32":
      return new Float32Array(length);
    case "float16":
      return new Float16Array(length);
    case "float64":
      return new Float64Array(length);
    case "uint8":
      return new Uint8Array(length);
  }
}

/**
 * What a run gave, if it is what the model promises.
 *
 * @param data [n, size], or more where the model's batch is fixed, perhaps with axes of length 1
 * @throws {TypeError} if it is not of floats, or not so many
 */
export function outputVectors(
  data: unknown,
  n: number,
  { batch = n }: ModelInput,
  { size }: ModelOutput,
): Float32Array {
  const isFloat = data instanceof Float32Array || data instanceof Float64Array ||
    data instanceof Float16Array;
  if (!isFloat || data.length !== batch * size) {
    throw new TypeError(`The model gave no vectors of ${size} numbers`);
  }
  const vectors = batch === n ? data : data.subarray(0, n * size);
  return vectors instanceof Float32Array ? vectors : Float32Array.from(vectors);
}
