/**
 * What the layers in front of InceptionV3 do to a picture: kept in the model's manifest where that
 * is exact, refused elsewhere, so that no vector is made of a picture that was prepared otherwise.
 */
import { floatsOf } from "./hdf5_file.ts";
import { CONVOLUTIONS, INPUT_SIZE } from "./inception_v3.ts";
import { type ConfigLayer, isModel, layersThrough, pathsToNetwork } from "./keras_config.ts";
import {
  isConvolution,
  isNormalisation,
  type SavedLayer,
  type SavedNetwork,
} from "./keras_layers.ts";
import type { ModelInput } from "./manifest.ts";

/** How pictures become the input of InceptionV3. */
export type PreparedInput = Pick<ModelInput, "size" | "preprocess">;

/** Of each channel; a value of 0 to 255 becomes value · scale + offset. */
interface Values {
  readonly scale: readonly number[];
  readonly offset: readonly number[];
}

/** Layers that leave a picture as it is when a model is used. */
const HARMLESS = /^(Random(?!Crop)\w*|Gaussian(Noise|Dropout)|(Spatial|Alpha)?Dropout(2D)?)$/;
/** Their names where a file has no configuration, and those of layers that follow. */
const HARMLESS_NAME =
  /^(input|input_layer|random_(?!crop)[a-z]+|gaussian_(noise|dropout)|((spatial|alpha)_)?dropout(2d)?|dense|embedding|flatten|concatenate)(_\d+)?$/;
/** In the newer format, where it is not told what is in front: the layers of InceptionV3, too. */
const HARMLESS_CLASS =
  /^(conv2d|batch_normalization|activation|(global_)?(max|average)_pooling2d|functional|inception_v3|sequential|model|(leaky_)?re_lu|softmax)(_\d+)?$/;
/** Smallest and largest size of a picture. */
const SIZES = [75, 4096] as const;
/** Beyond them, values that InceptionV3 takes are not of pictures of 0 to 255. */
const MAX_VALUE = 20;
const MIN_RANGE = 0.2;

/**
 * How pictures are prepared by the model that a configuration describes.
 *
 * @throws {TypeError} if it is not known here
 */
export function inputByConfig(config: string, saved: readonly SavedLayer[]): PreparedInput {
  const inputs = pathsToNetwork(config).map(({ layers, network }) => {
    const normalisations = network.filter(({ kind }) => kind === "BatchNormalization");
    for (const { name, config: { epsilon, center } } of normalisations.slice(0, CONVOLUTIONS)) {
      if (epsilon !== 0.001 || center === false) {
        throw new TypeError(`Its layer "${name}" is not as InceptionV3 has it`);
      }
    }
    return inputThrough(layers, saved);
  });
  const [input, ...others] = inputs;
  if (others.some((other) => JSON.stringify(other) !== JSON.stringify(input))) {
    throw new TypeError("It prepares pictures in several ways");
  }
  return input!;
}

/**
 * How pictures are prepared, where only weights and names of layers are known.
 *
 * @param saved all layers of the file
 * @throws {TypeError} if it cannot be told
 */
export function inputByNames(
  { front, isNested }: SavedNetwork,
  saved: readonly SavedLayer[],
): PreparedInput {
  let values = RAW;
  for (const name of front) {
    if (HARMLESS_NAME.test(name) || !isNested && HARMLESS_CLASS.test(name)) continue;
    const [normalisation, ...others] = saved.filter(isInputNormalisation);
    if (!/^normalization(_\d+)?$/.test(name) || normalisation === undefined || others.length > 0) {
      throw new TypeError(
        `Its layer "${name}" may change pictures before InceptionV3 takes them, and a file of ` +
          'weights does not tell how: save the whole model, with model.save("NAME.h5")',
      );
    }
    values = normalised(values, normalisation);
  }
  const first = saved.find((layer) =>
    isConvolution(layer) && layer.weights[0]?.shape?.[3] === 3 ||
    isNormalisation(layer) && layer.weights[0]?.shape?.[0] === 3
  );
  if (first !== undefined) throw changes(first.name);
  return { size: INPUT_SIZE, preprocess: preprocessOf(values) };
}

const RAW: Values = { scale: [1, 1, 1], offset: [0, 0, 0] };

function inputThrough(layers: readonly ConfigLayer[], saved: readonly SavedLayer[]): PreparedInput {
  let values = RAW;
  let size: number | undefined;
  const visit = (layer: ConfigLayer): void => {
    const { kind, name, config } = layer;
    if (isModel(layer)) return layersThrough(layer).forEach(visit);
    const wanted = kind === "Resizing"
      ? sizeOf([null, config["height"], config["width"], 3])
      : sizeOf(
        config["batch_shape"] ?? config["batch_input_shape"],
      );
    if (wanted !== undefined && size !== undefined && size !== wanted) throw changes(name, kind);
    size = wanted ?? size;
    if (kind === "InputLayer" || kind === "Resizing" && config["crop_to_aspect_ratio"] !== true) {
      return;
    }
    if (HARMLESS.test(kind) || kind === "Activation" && config["activation"] === "linear") return;
    const next = kind === "Normalization"
      ? normalisedBy(values, layer, saved)
      : rescaled(values, layer);
    if (next === undefined) throw changes(name, kind);
    values = next;
  };
  layers.forEach(visit);
  return { size: size ?? INPUT_SIZE, preprocess: preprocessOf(values) };
}

/** Height and width of an input's shape, where they are fixed. */
function sizeOf(shape: unknown): number | undefined {
  if (!Array.isArray(shape) || shape.length !== 4) return undefined;
  const [height, width] = shape[3] === 3 ? shape.slice(1) : shape.slice(2);
  if (typeof height !== "number" || typeof width !== "number") return undefined;
  if (height !== width || height < SIZES[0] || height > SIZES[1]) {
    throw new TypeError(
      `It takes pictures of ${height} × ${width}, not squares of ${SIZES.join(" to ")} pixels`,
    );
  }
  return height;
}

/** Values after a layer of arithmetic. */
function rescaled(values: Values, { kind, config, uses }: ConfigLayer): Values | undefined {
  if (kind === "Rescaling") {
    const [scale, offset] = [config["scale"], config["offset"] ?? 0].map(three);
    return scale && offset && plus(times(values, scale), offset);
  }
  const operation = kind === "TFOpLambda"
    ? String(config["function"]).replace(/^math\./, "")
    : kind;
  const [use] = uses;
  const numbers = use?.isFirst && uses.length === 1 ? three(use.numbers) : undefined;
  if (numbers === undefined) return undefined;
  switch (operation.toLowerCase()) {
    case "truediv":
    case "truedivide":
    case "divide":
      return times(values, numbers.map((x) => 1 / x));
    case "multiply":
      return times(values, numbers);
    case "add":
      return plus(values, numbers);
    case "subtract":
      return plus(values, numbers.map((x) => -x));
    default:
      return undefined;
  }
}

function normalisedBy(
  values: Values,
  { name, config }: ConfigLayer,
  saved: readonly SavedLayer[],
): Values | undefined {
  if (config["invert"] === true) return undefined;
  const [mean, variance] = [config["mean"], config["variance"]].map(three);
  if (mean && variance) return normalise(values, mean, variance);
  const [layer, ...others] = saved.filter((layer) =>
    layer.name === name && isInputNormalisation(layer)
  );
  return layer === undefined || others.length > 0 ? undefined : normalised(values, layer);
}

/** Whether the layer is one of Keras' `Normalization`, with mean, variance and count. */
function isInputNormalisation(
  { weights: [mean, variance, count, ...others] }: SavedLayer,
): boolean {
  const isSmall = [mean, variance].every((weight) =>
    [1, 3].includes(weight?.metadata.total_size ?? 0)
  );
  return isSmall && count?.shape?.length === 0 && others.length === 0;
}

function normalised(values: Values, { name, weights }: SavedLayer): Values {
  const [mean, variance] = weights.slice(0, 2).map((weight) => three([...floatsOf(weight)]));
  if (mean === undefined || variance === undefined) throw changes(name);
  return normalise(values, mean, variance);
}

function normalise(values: Values, mean: readonly number[], variance: readonly number[]): Values {
  const deviation = variance.map((x) => Math.max(Math.sqrt(x), 1e-7)); // Keras' own limit
  return times(plus(values, mean.map((x) => -x)), deviation.map((x) => 1 / x));
}

function times({ scale, offset }: Values, by: readonly number[]): Values {
  return { scale: scale.map((x, i) => x * by[i]!), offset: offset.map((x, i) => x * by[i]!) };
}

function plus({ scale, offset }: Values, what: readonly number[]): Values {
  return { scale, offset: offset.map((x, i) => x + what[i]!) };
}

/** A number for all channels or one for each, in whatever lists. */
function three(value: unknown): number[] | undefined {
  const numbers = (Array.isArray(value) ? value.flat(Infinity) : [value]) as unknown[];
  if (!numbers.every((x): x is number => typeof x === "number" && Number.isFinite(x))) {
    return undefined;
  }
  if (numbers.length === 1) return [numbers[0]!, numbers[0]!, numbers[0]!];
  return numbers.length === 3 ? numbers : undefined;
}

/** As the manifest keeps it: (value / 255 - mean) / std. */
function preprocessOf(values: Values): PreparedInput["preprocess"] {
  const { scale, offset } = values;
  const isNear = (x: number, y: number) => Math.abs(x - y) < 1e-6;
  const is = (a: number, b: number) =>
    scale.every((x) => isNear(x / a, 1)) && offset.every((x) => isNear(x, b));
  if (is(1, 0) || is(1 / 127.5, -1)) return "tf"; // without layers in front, prepared as usual
  const ends = offset.flatMap((x, i) => [x, 255 * scale[i]! + x]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  if (!(Math.abs(low) < MAX_VALUE && Math.abs(high) < MAX_VALUE && high - low > MIN_RANGE)) {
    throw new TypeError(
      `Its layers in front of InceptionV3 make ${shortly(low)} to ${
        shortly(high)
      } of values from ` +
        "0 to 255: they are for pictures that were prepared before, which the file does not tell",
    );
  }
  const std = scale.map((x) => 1 / (255 * x));
  const mean = offset.map((x, i) => (0 - x) * std[i]!);
  return { mean: mean as [number, number, number], std: std as [number, number, number] };
}

function shortly(x: number): string {
  return String(Number(x.toPrecision(3)));
}

function changes(name: string, kind?: string): TypeError {
  return new TypeError(
    `Its layer "${name}"${kind === undefined ? "" : ` (${kind})`} changes pictures before ` +
      "InceptionV3 takes them, in a way that is not known here: save InceptionV3 alone",
  );
}
