/** The engine of ONNX Runtime's native library. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Engine, EngineModel } from "./engine.ts";

/** Loads a model into ONNX Runtime, on the CPU. */
export async function loadOnnxEngine(model: EngineModel): Promise<Engine> {
  const session = await InferenceSession.create(model.path, {
    executionProviders: ["cpu"],
    intraOpNumThreads: model.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
  });
  return {
    async run(input, n) {
      const dims = [n, 3, model.inputSize, model.inputSize];
      const results = await session.run({ [model.inputName]: new Tensor("float32", input, dims) });
      const data = results[model.outputName]?.data;
      if (!(data instanceof Float32Array) || data.length !== n * model.outputSize) {
        throw new TypeError(`The model gave no float32[${n}, ${model.outputSize}]`);
      }
      return data;
    },
  };
}
