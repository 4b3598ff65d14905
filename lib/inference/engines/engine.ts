/** What runs a network. */
import type { ModelInput, ModelOutput } from "../models/manifest.ts";

/** Engines by name. */
export const ENGINES = ["onnx", "wasm", "tfjs"] as const;
/** One of {@linkcode ENGINES}. */
export type EngineName = typeof ENGINES[number];

/** A loaded model. */
export interface Engine {
  /**
   * Runs the network on a batch.
   *
   * @param input float32[n, 3, size, size] or float32[n, size, size, 3], as the model's layout says
   * @returns float32[n, vectorSize]
   */
  run(input: Float32Array, n: number): Promise<Float32Array>;
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
export function inputDims({ size, layout }: ModelInput, n: number): number[] {
  return layout === "nchw" ? [n, 3, size, size] : [n, size, size, 3];
}

/**
 * What a run gave, if it is what the model promises.
 *
 * @throws {TypeError} if it is not float32[n, size]
 */
export function outputVectors(data: unknown, n: number, { size }: ModelOutput): Float32Array {
  if (data instanceof Float32Array && data.length === n * size) return data;
  throw new TypeError(`The model gave no float32[${n}, ${size}]`);
}
