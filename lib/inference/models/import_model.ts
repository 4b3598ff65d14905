/** Turns weights of Keras, or any image encoder in ONNX, into a model with its manifest. */
import { SetupError } from "../../shared/errors.ts";
import { type OutputFolder } from "../../shared/output_folder.ts";
import { readKerasModel } from "./keras_weights.ts";
import { manifest, type ModelInput, type ModelManifest } from "./manifest.ts";
import { fingerprint, INCEPTION_V3 } from "./model.ts";
import type { EncoderOptions } from "./model_options.ts";
import { buildOnnx } from "./onnx_graph.ts";

/** Where a model is from. */
export type Origin = Pick<ModelManifest, "name" | "source" | "licence" | "md5">;

/**
 * Stores InceptionV3 with weights of Keras as `<name>.onnx` and `<name>.json`.
 *
 * @param file that Keras wrote
 * @throws {TypeError} if it does not hold InceptionV3
 */
export async function storeKerasModel(
  file: Uint8Array<ArrayBuffer>,
  origin: Origin,
  output: OutputFolder,
): Promise<ModelManifest> {
  const { convolutions, input } = await readKerasModel(file);
  const { input: usual, output: vector } = INCEPTION_V3;
  const onnx = buildOnnx(convolutions, input.size);
  return await store(onnx, { ...origin, input: { ...usual, ...input }, output: vector }, output);
}

/**
 * Stores an image encoder as it is, after it has made a vector of an empty picture.
 *
 * @throws {SetupError} if it is not one that takes a picture and gives a vector
 */
export async function storeOnnxModel(
  onnx: Uint8Array<ArrayBuffer>,
  options: EncoderOptions,
  origin: Origin,
  output: OutputFolder,
): Promise<ModelManifest> {
  const { openSession } = await import("../engines/onnx_engine.ts");
  const session = await openSession(onnx, 1);
  const picture = session.inputs[0];
  const vector = options.output === undefined
    ? session.outputs[0]
    : session.outputs.find(({ name }) => name === options.output);
  if (picture === undefined || session.inputs.length > 1) {
    throw new SetupError(
      `it takes ${session.inputs.length} inputs (${names(session.inputs)}), not one picture; ` +
        "export the image encoder alone",
    );
  }
  if (vector === undefined) {
    throw new SetupError(`it has no output "${options.output}", but ${names(session.outputs)}`);
  }
  if (options.output === undefined && session.outputs.length > 1) {
    throw new SetupError(
      `it has several outputs (${names(session.outputs)}): name the vector with --output`,
    );
  }
  if (vector.shape.length !== 2) {
    const shape = vector.shape.join(" × ");
    throw new SetupError(`its output "${vector.name}" has the shape ${shape}, not n × vector`);
  }
  const input: ModelInput = {
    name: picture.name,
    ...shapeOf(picture, options.size),
    channels: options.channels,
    fit: options.fit,
    preprocess: options.preprocess,
  };
  const numbers = await session.run(input, vector.name, new Float32Array(3 * input.size ** 2), 1);
  return await store(onnx, {
    ...origin,
    input,
    output: { name: vector.name, size: numbers.length },
  }, output);
}

function names(tensors: readonly { name: string }[]): string {
  return tensors.map(({ name }) => `"${name}"`).join(", ");
}

/** Layout and size of an input of shape n × 3 × size × size or n × size × size × 3. */
function shapeOf(
  { name, shape }: { name: string; shape: readonly (number | string)[] },
  wanted: number | undefined,
): Pick<ModelInput, "layout" | "size"> {
  const layout = shape[1] === 3 ? "nchw" : shape[3] === 3 ? "nhwc" : undefined;
  if (shape.length !== 4 || layout === undefined) {
    throw new SetupError(`its input "${name}" has the shape ${shape.join(" × ")}, not a picture's`);
  }
  const [height, width] = layout === "nchw" ? shape.slice(2) : shape.slice(1, 3);
  const fixed = [height, width].filter((side) => typeof side === "number");
  const size = wanted ?? fixed[0];
  if (size === undefined) throw new SetupError("its input may have any size: give one with --size");
  if (fixed.some((side) => side !== size)) {
    throw new SetupError(`its input is ${height} × ${width}, not ${size} × ${size}`);
  }
  return { layout, size };
}

async function store(
  onnx: Uint8Array<ArrayBuffer>,
  made: Omit<ModelManifest, "bytes" | "sha256">,
  output: OutputFolder,
): Promise<ModelManifest> {
  const whole = manifest.parse({ ...made, ...await fingerprint(onnx) });
  // A manifest never stands beside a file that it does not describe.
  await output.remove(`${made.name}.json`);
  output.write(`${made.name}.onnx`, onnx);
  output.write(`${made.name}.json`, JSON.stringify(whole, null, 2) + "\n");
  return whole;
}
