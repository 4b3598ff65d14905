/** Takes an image encoder in ONNX as people export it, with a manifest of what it takes and gives. */
import { errorMessage, SetupError } from "../../shared/errors.ts";
import type { OutputFolder } from "../../shared/output_folder.ts";
import { emptyInput, outputVectors } from "../engines/engine.ts";
import type { OnnxSession, TensorShape } from "../engines/onnx_engine.ts";
import { Preprocessor } from "../workers/preprocess.ts";
import { PROBES, tryOut } from "../workers/probe.ts";
import type { EncoderOptions } from "./encoder_options.ts";
import { type ModelCheck, type Origin, store } from "./import_model.ts";
import {
  INPUT_TYPES,
  MAX_SIDE,
  type ModelInput,
  type ModelManifest,
  type ModelOutput,
} from "./manifest.ts";
import { readOnnxFile } from "./onnx_file.ts";
import { onnxFault } from "./onnx_faults.ts";

/** Numbers that a vector may be of. */
const FLOATS = ["float32", "float16", "float64"];

/**
 * Stores an image encoder, with its weights from other files in it, after it has made vectors.
 *
 * @param file absolute path; its folder is read, too
 * @throws {SetupError} in words that follow the file's name, if it is not one that takes a picture
 *   and gives a vector
 */
export async function storeOnnxModel(
  file: string,
  options: EncoderOptions,
  origin: Origin,
  output: OutputFolder,
  check: ModelCheck,
): Promise<ModelManifest> {
  const onnx = await readOnnxFile(file);
  const { openSession } = await import("../engines/onnx_engine.ts");
  const session = await openSession(onnx, 1);
  const picture = pictureInput(session.inputs);
  const inputs = layoutsOf(picture).map((layout) => inputOf(picture, layout, options));
  const vector = vectorOutput(session.outputs, options.output);
  const { input, dims } = await firstThatRuns(session, inputs, vector.name, options.size);
  const size = vectorSize(vector, dims, input, session.outputs);
  const made: ModelOutput = { name: vector.name, size };
  try {
    const run = async (batch: ReturnType<typeof emptyInput>, n: number) =>
      outputVectors((await session.run(input, made.name, batch, n)).data, n, input, made);
    await tryOut({ run }, input);
  } catch (error) {
    throw new SetupError(errorMessage(error), { cause: error });
  }
  return await store(onnx, { ...origin, input, output: made, resize: "pillow-9" }, output, check);
}

/** The one input. */
function pictureInput(inputs: readonly TensorShape[]): TensorShape {
  const [first, ...others] = inputs;
  if (first === undefined) throw new SetupError("it has no input, so it takes no picture");
  if (others.length === 0) return first;
  throw new SetupError(
    `it takes ${inputs.length} inputs (${names(inputs)}), not a picture alone; ` +
      "export the image encoder without the rest",
  );
}

/** The orders of axes that an input may be of; the first that runs counts. */
function layoutsOf({ name, type, shape }: TensorShape): ModelInput["layout"][] {
  if (!INPUT_TYPES.some((known) => known === type)) {
    throw new SetupError(
      `its input "${name}" is of ${type || "no tensor"}, not of ${INPUT_TYPES.join(", ")}`,
    );
  }
  const [, second, , fourth] = shape;
  if (shape.length === 4) {
    if (second === 3) return ["nchw"];
    if (fourth === 3) return ["nhwc"];
    if (isOpen(second) && isOpen(fourth)) {
      return isChannels(fourth) && !isChannels(second) ? ["nhwc", "nchw"] : ["nchw", "nhwc"];
    }
    // The axes of fixed lengths are height and width.
    if (isOpen(second) && fourth !== 1) return ["nchw"];
    if (isOpen(fourth) && second !== 1) return ["nhwc"];
    if (second === 1 || fourth === 1) {
      throw new SetupError(
        `its input "${name}" (${text(shape)}) is a picture of one colour, gray; ` +
          "Maken gives red, green and blue: export it with three channels",
      );
    }
  }
  throw new SetupError(
    `its input "${name}" has the shape ${text(shape) || "unknown"}, not that of pictures: ` +
      "n × 3 × height × width, or n × height × width × 3",
  );
}

function isOpen(axis: number | string | undefined): boolean {
  return typeof axis !== "number" || axis < 1;
}

function isChannels(axis: number | string | undefined): boolean {
  return typeof axis === "string" && /chan|colou?r|^c$/i.test(axis);
}

function inputOf(
  { name, type, shape }: TensorShape,
  layout: ModelInput["layout"],
  options: EncoderOptions,
): ModelInput {
  const [batch] = shape;
  const size = sideOf(name, layout === "nchw" ? shape.slice(2) : shape.slice(1, 3), options);
  if (size > MAX_SIDE || Number(batch) > MAX_SIDE) {
    throw new SetupError(`its input "${name}" is of ${text(shape)}: no axis may pass ${MAX_SIDE}`);
  }
  const { channels, fit, shorter, crop = size, isPresetCrop, fill, filter } = options;
  if (fit === "crop" && shorter !== undefined && shorter < crop) {
    throw new SetupError(
      `its input has ${crop} pixels a side, more than the ${shorter} of --resize`,
    );
  }
  if (fit === "crop" && isPresetCrop && crop < size) {
    throw new SetupError(
      `its input has ${size} pixels a side, more than the ${crop} of --like: ` +
        "give --resize and --crop, too",
    );
  }
  return {
    name,
    size,
    type: type as ModelInput["type"],
    ...(isOpen(batch) || batch === 1 ? {} : { batch: batch as number }),
    layout,
    channels,
    fit,
    ...(fit !== "crop" || shorter === undefined ? {} : { shorter }),
    ...(fit !== "crop" || crop === size ? {} : { crop }),
    fill,
    filter,
    preprocess: preprocessOf(name, type, options),
  };
}

/** Height and width of the input. */
function sideOf(
  name: string,
  sides: readonly (number | string)[],
  { size, fit, crop }: EncoderOptions,
): number {
  const fixed = sides.filter((side) => !isOpen(side));
  if (fixed.length === 2 && fixed[0] !== fixed[1]) {
    throw new SetupError(
      `its input "${name}" is of ${text(sides)} pixels, and Maken makes squares alone`,
    );
  }
  const [first] = fixed;
  const wanted = size ?? first ?? (fit === "crop" ? crop : undefined);
  if (wanted === undefined) {
    throw new SetupError("its input may have any size: give the pixels of a side with --size");
  }
  if (first !== undefined && first !== wanted) {
    throw new SetupError(`its input is ${text(sides)}, not ${wanted} × ${wanted}`);
  }
  return wanted as number;
}

/** Whole numbers are the pixels' own; a network that takes them does the rest itself. */
function preprocessOf(
  name: string,
  type: string,
  { preprocess, isOwnPreprocess }: EncoderOptions,
): ModelInput["preprocess"] {
  if (type !== "uint8") return preprocess;
  if (!isOwnPreprocess) return "none";
  throw new SetupError(
    `its input "${name}" takes pixels as they are (uint8): leave out --mean and --std`,
  );
}

/** The output that is to be the vector. */
function vectorOutput(outputs: readonly TensorShape[], wanted: string | undefined): TensorShape {
  const found = wanted === undefined ? outputs[0] : outputs.find(({ name }) => name === wanted);
  if (found === undefined) {
    throw new SetupError(`it has no output "${wanted}", but ${names(outputs)}`);
  }
  if (wanted === undefined && outputs.length > 1) {
    const all = outputs.map(({ name, shape }) => `"${name}": ${text(shape)}`).join(", ");
    throw new SetupError(`it has several outputs (${all}): name the vector with --output`);
  }
  if (FLOATS.includes(found.type)) return found;
  throw new SetupError(
    `its output "${found.name}" is of ${found.type || "no tensor"}, not of ${FLOATS.join(", ")}`,
  );
}

/** Runs a picture through, and tells the shape of what comes out. */
async function firstThatRuns(
  session: OnnxSession,
  inputs: readonly ModelInput[],
  output: string,
  wantedSize: number | undefined,
): Promise<{ input: ModelInput; dims: readonly number[] }> {
  let fault: unknown;
  for (const input of inputs) {
    const numbers = emptyInput(input, 1);
    new Preprocessor(input).write(PROBES[0]!, numbers);
    try {
      const { dims } = await session.run(input, output, numbers, 1);
      return { input, dims };
    } catch (error) {
      fault ??= error;
    }
  }
  const { size } = inputs[0]!;
  const whose = wantedSize === undefined ? "" : ", as --size asks for";
  throw onnxFault(fault, `run it on a picture of ${size} × ${size} pixels${whose}`);
}

/** Numbers of the vector that an output is for each picture. */
function vectorSize(
  { name }: TensorShape,
  dims: readonly number[],
  { batch = 1 }: ModelInput,
  outputs: readonly TensorShape[],
): number {
  const [pictures, ...axes] = dims;
  const long = axes.filter((axis) => axis !== 1);
  if (pictures === batch && long.length === 1) return long[0]!;
  const shape = ["n", ...axes].join(" × ");
  if (pictures !== batch || dims.length < 2) {
    throw new SetupError(
      `its output "${name}" has the shape ${text(dims)} for a batch of ${batch}, not n × vector`,
    );
  }
  if (long.length === 0) {
    throw new SetupError(`its output "${name}" (${shape}) is one number a picture, not a vector`);
  }
  const others = outputs.filter((other) => other.name !== name && isVector(other));
  throw new SetupError(
    `its output "${name}" has the shape ${shape}: many vectors a picture, not one; ` +
      (others.length > 0
        ? `take ${others.map((other) => `--output ${other.name}`).join(" or ")}`
        : "export it with its pooled output (pooler_output, image_embeds)"),
  );
}

function isVector({ type, shape }: TensorShape): boolean {
  const long = shape.slice(1).filter((axis) => axis !== 1);
  return FLOATS.includes(type) && shape.length > 1 && long.length === 1;
}

function names(tensors: readonly { name: string }[]): string {
  return tensors.map(({ name }) => `"${name}"`).join(", ");
}

function text(shape: readonly (number | string)[]): string {
  return shape.map((axis) => isOpen(axis) ? axis || "?" : axis).join(" × ");
}
