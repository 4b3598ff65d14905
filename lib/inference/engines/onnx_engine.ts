/** The engine of ONNX Runtime's native library. */
import "./no_telemetry.ts"; // before the library
import { InferenceSession, Tensor } from "onnxruntime-node";
import { type Engine, type EngineModel, inputDims, type Numbers, outputVectors } from "./engine.ts";
import type { ModelInput } from "../models/manifest.ts";
import { onnxFault } from "../models/onnx_faults.ts";

/** Loads a model into ONNX Runtime, on the CPU. */
export async function loadEngine({ path, input, output, threads }: EngineModel): Promise<Engine> {
  const session = await openSession(path, threads);
  return {
    run: async (batch, n) => {
      const { data } = await session.run(input, output.name, batch, n);
      return outputVectors(data, n, input, output);
    },
  };
}

/** An input or output of a model; axes of no fixed length are names. */
export interface TensorShape {
  readonly name: string;
  /** Of its numbers, such as `float32`; empty for what is no tensor. */
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** What a model gives. */
export interface OutputTensor {
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** A model that can be asked what it takes and gives. */
export interface OnnxSession {
  readonly inputs: readonly TensorShape[];
  readonly outputs: readonly TensorShape[];
  /** One output for a batch of `n` pictures. */
  run(input: ModelInput, output: string, batch: Numbers, n: number): Promise<OutputTensor>;
}

/**
 * Loads a model, by its path or its bytes.
 *
 * @throws {SetupError} in words that follow "it", if ONNX Runtime does not take it
 */
export async function openSession(
  model: string | Uint8Array,
  threads: number,
): Promise<OnnxSession> {
  const session = await InferenceSession.create(model as string, {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: 4, // errors are thrown; all else would go to the terminal
  }).catch((error) => {
    throw onnxFault(error);
  });
  return {
    inputs: session.inputMetadata.map(toShape),
    outputs: session.outputMetadata.map(toShape),
    async run(input, output, batch, n) {
      const results = await session.run({ [input.name]: toTensor(input, batch, n) }, [output]);
      return results[output]!;
    },
  };
}

function toTensor(input: ModelInput, batch: Numbers, n: number): Tensor {
  const tensor = new Tensor(input.type, batch as Float32Array, inputDims(input, n));
  if (batch instanceof Float16Array) {
    // The library's native part does not know the type that its other part insists on.
    const bits = new Uint16Array(batch.buffer, batch.byteOffset, batch.length);
    Object.defineProperty(tensor, "data", { value: bits });
  }
  return tensor;
}

function toShape(value: InferenceSession.ValueMetadata): TensorShape {
  return value.isTensor ? value : { name: value.name, type: "", shape: [] };
}
