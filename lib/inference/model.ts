/** Models in `models/`: an ONNX file each, with a manifest that says what goes in and comes out. */
import { join } from "node:path";
import { z } from "zod";
import { SetupError } from "../shared/errors.ts";
import { fileReason } from "../shared/files.ts";
import type { EngineModel } from "./engine.ts";
import { CONVOLUTIONS, inceptionV3, INPUT_SIZE, VECTOR_SIZE } from "./inception_v3.ts";
import { type ConvolutionWeights, INPUT_NAME, OnnxGraph, OUTPUT_NAME } from "./onnx_graph.ts";
import { BUILD, isBuilt, modelPaths, MODELS_DIR } from "./native.ts";
import { readQuantisedTensors } from "./safetensors.ts";

const manifest = z.object({
  name: z.string(),
  source: z.string(),
  licence: z.string(),
  build: z.number(),
  /** NCHW, float32; `tf` is Keras' name for x / 127.5 - 1. */
  input: z.object({ name: z.string(), size: z.number(), preprocess: z.literal("tf") }),
  output: z.object({ name: z.string(), size: z.number() }),
  /** Length of the ONNX file. */
  bytes: z.number(),
  /** Of the ONNX file, in hex. */
  sha256: z.string(),
});

/** What a model takes and gives, and where it is from. */
export type ModelManifest = z.infer<typeof manifest>;

/** A model that is ready to be loaded. */
export interface Model extends ModelManifest {
  /** Absolute path of the ONNX file. */
  readonly path: string;
}

/**
 * The model of that name; the embedded `demo` is built from its weights when it is first wanted.
 *
 * @throws {SetupError} if there is none
 */
export async function openModel(name: string): Promise<Model> {
  const paths = modelPaths(name);
  if (isBuilt(name)) {
    const text = await Deno.readTextFile(paths.manifest);
    return { ...manifest.parse(JSON.parse(text)), path: paths.onnx };
  }
  if (name !== "demo") {
    throw new SetupError(`Cannot use model "${name}": it is not in ${MODELS_DIR}; there is "demo"`);
  }
  return { ...await buildDemo(paths), path: paths.onnx };
}

async function buildDemo(paths: { onnx: string; manifest: string }): Promise<ModelManifest> {
  const source = join(MODELS_DIR, "demo.safetensors");
  try {
    const onnx = buildInceptionV3(readDemoWeights(await Deno.readFile(source)));
    const made: ModelManifest = {
      name: "demo",
      source: "npm nsfwjs 4.4.0, inception_v3, weights of 8 bits",
      licence: "MIT",
      build: BUILD,
      input: { name: INPUT_NAME, size: INPUT_SIZE, preprocess: "tf" },
      output: { name: OUTPUT_NAME, size: VECTOR_SIZE },
      bytes: onnx.length,
      sha256: new Uint8Array(await crypto.subtle.digest("SHA-256", onnx)).toHex(),
    };
    await removeLeftOvers();
    await writeWhole(paths.onnx, onnx);
    await writeWhole(paths.manifest, new TextEncoder().encode(JSON.stringify(made, null, 2)));
    return made;
  } catch (error) {
    throw new SetupError(`Cannot build model "demo" in ${MODELS_DIR}: ${fileReason(error)}`, {
      cause: error,
    });
  }
}

/** Removes what killed builds left behind; one that is under way takes seconds. */
async function removeLeftOvers(): Promise<void> {
  for await (const { name } of Deno.readDir(MODELS_DIR)) {
    const path = join(MODELS_DIR, name);
    if (!name.endsWith(".tmp")) continue;
    const age = Date.now() - ((await Deno.stat(path)).mtime?.getTime() ?? 0);
    if (age > 60_000) await Deno.remove(path);
  }
}

async function writeWhole(path: string, data: Uint8Array): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  await Deno.writeFile(temporary, data);
  await Deno.rename(temporary, path);
}

/** The ONNX file of InceptionV3 with these weights, in Keras' order of layers. */
export function buildInceptionV3(
  weights: readonly ConvolutionWeights[],
): Uint8Array<ArrayBuffer> {
  const graph = new OnnxGraph(weights);
  return graph.encode(inceptionV3(graph, INPUT_NAME)) as Uint8Array<ArrayBuffer>;
}

function readDemoWeights(file: Uint8Array<ArrayBuffer>): ConvolutionWeights[] {
  const tensors = readQuantisedTensors(file);
  const get = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new TypeError(`Weights "${name}" are missing`);
    return tensor;
  };
  return Array.from({ length: CONVOLUTIONS }, (_, i) => {
    const { dims, data } = get(`conv2d_${i + 1}/kernel`);
    const [height = 0, width = 0, channels = 0, filters = 0] = dims;
    const normalisation = (part: string) => get(`batch_normalization_${i + 1}/${part}`).data;
    return {
      kernel: data,
      dims: [height, width, channels, filters],
      beta: normalisation("beta"),
      mean: normalisation("moving_mean"),
      variance: normalisation("moving_variance"),
    };
  });
}

/** What an engine needs to load the model. */
export function engineModel({ path, input, output }: Model, threads: number): EngineModel {
  return {
    path,
    inputName: input.name,
    inputSize: input.size,
    outputName: output.name,
    outputSize: output.size,
    threads,
  };
}
