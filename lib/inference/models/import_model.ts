/** Turns weights of Keras into a model with its manifest. */
import { join } from "node:path";
import { SetupError } from "../../shared/errors.ts";
import { type OutputFolder } from "../../shared/output_folder.ts";
import { modifiedTime } from "./model_file.ts";
import { readKerasModel } from "./keras_weights.ts";
import { manifest, type ModelManifest } from "./manifest.ts";
import { fingerprint, INCEPTION_V3 } from "./model.ts";
import { buildOnnx, type ConvolutionWeights } from "./onnx_graph.ts";

/** Refuses a model that is not to be stored, by an error. */
export type ModelCheck = (made: ModelManifest) => Promise<void>;

/** Where a model is from. */
export type Origin = Pick<ModelManifest, "name" | "source" | "licence" | "md5">;

/**
 * Stores InceptionV3 with weights of Keras as `<name>.onnx` and `<name>.json`.
 *
 * @param file that Keras wrote
 * @throws {TypeError|SetupError} if it does not hold InceptionV3, or some weights are not numbers
 */
export async function storeKerasModel(
  file: Uint8Array<ArrayBuffer>,
  origin: Origin,
  output: OutputFolder,
  check: ModelCheck,
): Promise<ModelManifest> {
  const { convolutions, input } = await readKerasModel(file);
  requireNumbers(convolutions);
  const onnx = buildOnnx(convolutions, input.size);
  const made = { ...origin, ...INCEPTION_V3, input: { ...INCEPTION_V3.input, ...input } };
  return await store(onnx, made, output, check);
}

/** What a network computes from them is seen when it is loaded, as that takes an engine. */
function requireNumbers(convolutions: readonly ConvolutionWeights[]): void {
  for (const [n, { kernel, gamma = [], beta, mean, variance }] of convolutions.entries()) {
    const isFinite = [kernel, gamma, beta, mean, variance].every((x) => x.every(Number.isFinite));
    if (isFinite && variance.every((x) => x >= 0)) continue;
    throw new SetupError(
      `the weights of its convolution ${n + 1} hold NaN, infinite numbers or variances below 0: ` +
        "it is damaged, or its training failed",
    );
  }
}

/** Stores a model's file and its manifest. */
export async function store(
  onnx: Uint8Array<ArrayBuffer>,
  made: Omit<ModelManifest, "bytes" | "sha256">,
  output: OutputFolder,
  check: ModelCheck,
): Promise<ModelManifest> {
  const whole = manifest.parse({ ...made, ...await fingerprint(onnx) });
  await check(whole);
  // A manifest never stands beside a file that it does not describe.
  output.remove(`${made.name}.json`);
  output.write(`${made.name}.onnx`, onnx);
  const modified = await modifiedTime(join(output.path, `${made.name}.onnx`));
  output.write(`${made.name}.json`, JSON.stringify({ ...whole, modified }, null, 2) + "\n");
  return whole;
}
