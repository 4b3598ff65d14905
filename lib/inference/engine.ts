/** What runs a network. */

/** A loaded model. */
export interface Engine {
  /**
   * Runs the network on a batch.
   *
   * @param input float32[n, 3, size, size], RGB
   * @returns float32[n, vectorSize]
   */
  run(input: Float32Array, n: number): Promise<Float32Array>;
}

/** What an engine needs to load a model. */
export interface EngineModel {
  /** Path of the ONNX file. */
  readonly path: string;
  readonly inputName: string;
  /** Height and width of the input. */
  readonly inputSize: number;
  readonly outputName: string;
  readonly outputSize: number;
  /** Threads of one session. */
  readonly threads: number;
}
