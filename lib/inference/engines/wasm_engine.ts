/** The engine of ONNX Runtime as WebAssembly: slower, but without native code. */
import { env, InferenceSession, Tensor } from "onnxruntime-web";
import { type Engine, type EngineModel, inputDims, outputVectors } from "./engine.ts";
import { onnxFault } from "../models/onnx_faults.ts";

/** ONNX Runtime itself. */
const WASM = new URL(import.meta.resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));

/**
 * Loads a model into ONNX Runtime, on one thread whatever the model asks for: more would need
 * workers of its own. Needs to read the model and `node_modules`, and nothing else.
 */
export async function loadEngine({ path, input, output }: EngineModel): Promise<Engine> {
  env.wasm.numThreads = 1;
  env.wasm.wasmBinary = await Deno.readFile(WASM);
  const session = await InferenceSession.create(await Deno.readFile(path), {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
    logSeverityLevel: 4, // errors are thrown; all else would go to the terminal
  }).catch((error) => {
    throw onnxFault(error);
  });
  return {
    async run(batch, n) {
      const picture = new Tensor(input.type, batch as Float32Array, inputDims(input, n));
      const results = await session.run({ [input.name]: picture }, [output.name]);
      return outputVectors(results[output.name]?.data, n, input, output);
    },
  };
}
