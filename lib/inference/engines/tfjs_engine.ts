/** The optional engine of TensorFlow's native library, with the package that the user installs. */
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import util from "node:util";
import { errorMessage, SetupError } from "../../shared/errors.ts";
import { exists } from "../../shared/files.ts";
import { type Engine, type EngineModel, inputDims, type Numbers, outputVectors } from "./engine.ts";
import { inceptionV3, type Layers, type Padding } from "../models/inception_v3.ts";
import { TFJS_DIR, TFJS_INSTALL, TFJS_PACKAGE } from "./tfjs_package.ts";
import { readConvolutions } from "../models/onnx_graph.ts";

/** What is used of the package's tensors. */
interface Tensor {
  data(): Promise<unknown>;
  dispose(): void;
}

/** What is used of the package; pictures are float32[n, height, width, channels]. */
interface Tfjs {
  tensor(data: Numbers, dims: readonly number[]): Tensor;
  transpose(x: Tensor, axes: readonly number[]): Tensor;
  readonly fused: {
    conv2d(options: {
      x: Tensor;
      filter: Tensor;
      bias: Tensor;
      strides: number;
      pad: Padding;
      activation: "relu";
    }): Tensor;
  };
  maxPool(x: Tensor, size: number, strides: number, pad: Padding): Tensor;
  avgPool(x: Tensor, size: number, strides: number, pad: Padding): Tensor;
  concat(tensors: readonly Tensor[], axis: number): Tensor;
  mean(x: Tensor, axes: readonly number[]): Tensor;
  /** Runs a function and frees its tensors but the result. */
  tidy(run: () => Tensor): Tensor;
}

/** The weights of one convolution. */
interface Weights {
  /** float32[height, width, in, out]. */
  readonly filter: Tensor;
  /** float32[out]. */
  readonly bias: Tensor;
}

/**
 * Loads a model that Maken built into TensorFlow, on the CPU.
 *
 * All workers of a process share TensorFlow's threads: `model.threads` of the first one counts.
 *
 * @param folder with the `node_modules` of the package
 * @throws {SetupError} if the package is not installed, does not load, or the model is another's
 */
export async function loadEngine(
  model: EngineModel,
  folder: string = TFJS_DIR,
): Promise<Engine> {
  const tf = loadPackage(folder, model.threads);
  const weights = readWeights(tf, await Deno.readFile(model.path), model.path);
  return {
    async run(batch, n) {
      const vectors = tf.tidy(() => {
        const picture = tf.transpose(tf.tensor(batch, inputDims(model.input, n)), [0, 2, 3, 1]);
        return inceptionV3(new TfjsLayers(tf, weights), picture);
      });
      const data = await vectors.data();
      vectors.dispose();
      return outputVectors(data, n, model.input, model.output);
    },
  };
}

function loadPackage(folder: string, threads: number): Tfjs {
  if (!exists(join(folder, "node_modules", TFJS_PACKAGE, "package.json"))) {
    throw new SetupError(`Cannot find ${TFJS_PACKAGE} in "${folder}": run ${TFJS_INSTALL}`);
  }
  // TensorFlow reads these when it is loaded; there is no other way to set them.
  Deno.env.set("TF_NUM_INTRAOP_THREADS", String(threads));
  Deno.env.set("TF_NUM_INTEROP_THREADS", "1");
  Deno.env.set("TF_CPP_MIN_LOG_LEVEL", "3"); // what is fatal
  // The package calls it; Node.js 23 and Deno have it no more.
  Object.assign(util, { isNullOrUndefined: (x: unknown) => x === null || x === undefined });
  const env = process.env;
  process.env = {}; // the package would read all of it, passwords too
  try {
    return createRequire(join(folder, "package.json"))(TFJS_PACKAGE);
  } catch (error) {
    throw new SetupError(`Cannot load ${TFJS_PACKAGE}: ${errorMessage(error)}`, { cause: error });
  } finally {
    process.env = env;
  }
}

function readWeights(tf: Tfjs, file: Uint8Array, path: string): Weights[] {
  try {
    return Array.from(readConvolutions(file), ({ kernel, dims, bias }) => ({
      filter: tf.tidy(() => tf.transpose(tf.tensor(kernel, dims), [2, 3, 1, 0])),
      bias: tf.tensor(bias, [bias.length]),
    }));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new SetupError(
      `Cannot use model "${path}": the tfjs engine runs only InceptionV3 as Maken builds it`,
      { cause: error },
    );
  }
}

/** Layers that are computed at once. */
class TfjsLayers implements Layers<Tensor> {
  #convolutions = 0;

  constructor(private readonly tf: Tfjs, private readonly weights: readonly Weights[]) {}

  convolution(
    x: Tensor,
    _filters: number,
    _kernel: unknown,
    strides: 1 | 2,
    pad: Padding,
  ): Tensor {
    const { filter, bias } = this.weights[this.#convolutions++]!;
    return this.tf.fused.conv2d({ x, filter, bias, strides, pad, activation: "relu" });
  }

  maxPool(x: Tensor): Tensor {
    return this.tf.maxPool(x, 3, 2, "valid");
  }

  averagePool(x: Tensor): Tensor {
    return this.tf.avgPool(x, 3, 1, "same");
  }

  concatenate(inputs: readonly Tensor[]): Tensor {
    return this.tf.concat(inputs, 3);
  }

  globalAveragePool(x: Tensor): Tensor {
    return this.tf.mean(x, [1, 2]);
  }
}
