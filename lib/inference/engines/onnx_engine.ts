/** The engine of ONNX Runtime's native library. */
import "./no_telemetry.ts"; // before the library
import { InferenceSession, Tensor } from "onnxruntime-node";
import { type Engine, type EngineModel, inputDims, outputVectors } from "./engine.ts";
import type { ModelInput } from "../models/manifest.ts";

/** Loads a model into ONNX Runtime, on the CPU. */
export async function loadEngine({ path, input, output, threads }: EngineModel): Promise<Engine> {
  const session = await openSession(path, threads);
  return {
    run: async (batch, n) =>
      outputVectors(await session.run(input, output.name, batch, n), n, output),
  };
}

/** An input or output of a model; axes of no fixed length are names. */
export interface TensorShape {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

/** A model that can be asked what it takes and gives. */
export interface OnnxSession {
  readonly inputs: readonly TensorShape[];
  readonly outputs: readonly TensorShape[];
  /** One output's numbers for a batch of `n` pictures. */
  run(input: ModelInput, output: string, batch: Float32Array, n: number): Promise<Float32Array>;
}

/** Loads a model, by its path or its bytes. */
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
    logSeverityLevel: 3, // errors are thrown; warnings would go to the terminal
  });
  return {
    inputs: session.inputMetadata.map(toShape),
    outputs: session.outputMetadata.map(toShape),
    async run(input, output, batch, n) {
      const picture = new Tensor("float32", batch, inputDims(input, n));
      const results = await session.run({ [input.name]: picture }, [output]);
      const data = results[output]?.data;
      if (data instanceof Float32Array) return data;
      throw new TypeError(`The model gave no float32 numbers as "${output}"`);
    },
  };
}

function toShape(value: InferenceSession.ValueMetadata): TensorShape {
  return { name: value.name, shape: value.isTensor ? value.shape : [] };
}
