/** Options of `deno task model` that say how pictures are prepared for an ONNX model. */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { choice, decimal, integer } from "../../shared/args.ts";
import { UsageError } from "../../shared/errors.ts";
import { type Filter, FILTER_NAMES } from "../../images/filters.ts";
import { CHANNELS, FITS, MAX_SIDE, type ModelInput } from "./manifest.ts";

/** How pictures are to be prepared for an imported ONNX model. */
export interface EncoderOptions extends Pick<ModelInput, "channels" | "fit" | "fill" | "filter"> {
  /** Height and width of the input, where the model leaves it open. */
  readonly size: number | undefined;
  readonly preprocess: Exclude<ModelInput["preprocess"], string>;
  /** Whether some of its numbers are the user's, not a preset's. */
  readonly isOwnPreprocess: boolean;
  /** Of the fit `crop`: what the shorter side is resized to; undefined for the crop's side. */
  readonly shorter: number | undefined;
  /** Of the fit `crop`: side of the middle square; undefined for the input's. */
  readonly crop: number | undefined;
  /** Whether the crop is a preset's, not the user's. */
  readonly isPresetCrop: boolean;
  /** Name of the output that is the vector; the only one where it is left out. */
  readonly output: string | undefined;
}

/** What the command line gives of it. */
interface Given {
  readonly like?: Preset | undefined;
  readonly size?: number | undefined;
  readonly resize?: number | undefined;
  readonly crop?: number | undefined;
  readonly fit?: ModelInput["fit"] | undefined;
  readonly fill?: Three | undefined;
  readonly filter?: Filter | undefined;
  readonly mean?: Three | undefined;
  readonly std?: Three | undefined;
  readonly channels?: ModelInput["channels"] | undefined;
  readonly output?: string | undefined;
}

type Three = [number, number, number];

const IMAGENET_NUMBERS = {
  mean: [0.485, 0.456, 0.406] as Three,
  std: [0.229, 0.224, 0.225] as Three,
};

/** How the users of well-known models prepare their pictures. */
const PRESETS = {
  clip: {
    mean: [0.48145466, 0.4578275, 0.40821073] as Three,
    std: [0.26862954, 0.26130258, 0.27577711] as Three,
    resize: 224,
    crop: 224,
    filter: "bicubic",
  },
  dinov2: { ...IMAGENET_NUMBERS, resize: 256, crop: 224, filter: "bicubic" },
  imagenet: { ...IMAGENET_NUMBERS, resize: 256, crop: 224, filter: "bilinear" }, // torchvision's
} as const;

type Preset = keyof typeof PRESETS;
const PRESET_NAMES = Object.keys(PRESETS) as Preset[];

const pixels = integer(1, MAX_SIDE);

/** The options by name; their defaults are in {@linkcode encoderOptions}, as a preset changes them. */
export const ENCODER = {
  like: new Option(
    "--like <preset>",
    `of ONNX: --mean, --std, --resize, --crop and --filter of ${PRESET_NAMES.join(", ")}`,
  ).argParser(choice(PRESET_NAMES)),
  size: new Option(
    "--size <pixels>",
    "of ONNX: height and width of the input, if the model leaves it open",
  ).argParser(pixels),
  fit: new Option(
    "--fit <how>",
    "of ONNX: stretch to a square, crop its middle, or pad with --fill (default: stretch; crop " +
      "with --resize, --crop or --like)",
  ).argParser(choice(FITS)),
  resize: new Option(
    "--resize <pixels>",
    "of ONNX: what the shorter side becomes before the crop (default: as --crop)",
  ).argParser(pixels),
  crop: new Option(
    "--crop <pixels>",
    "of ONNX: side of the middle square, resized to the input's if that is another (default: " +
      "the input's)",
  ).argParser(pixels),
  fill: new Option("--fill <r,g,b>", "of ONNX: colour that pads, each 0 to 255 (default: 0,0,0)")
    .argParser(colour),
  filter: new Option(
    "--filter <name>",
    `of ONNX: Pillow's ${FILTER_NAMES.join(", ")} (default: bicubic)`,
  ).argParser(choice(FILTER_NAMES)),
  mean: new Option("--mean <r,g,b>", "of ONNX: taken from values 0 to 1 (default: 0,0,0)")
    .argParser((text) => three(text, decimal(-1000, 1000))),
  std: new Option("--std <r,g,b>", "of ONNX: what they are divided by then (default: 1,1,1)")
    .argParser(threeNotZero),
  channels: new Option("--channels <order>", "of ONNX: rgb or bgr (default: rgb)")
    .argParser(choice(CHANNELS)),
  output: new Option(
    "--output <name>",
    "of ONNX: the output that is the vector, if it has several",
  ),
} as const;

/**
 * What the options come to, the user's before the preset's.
 *
 * @throws {UsageError} if two of them contradict each other
 */
export function encoderOptions(given: Given): EncoderOptions {
  const preset = given.like === undefined ? undefined : PRESETS[given.like];
  const isCropped = preset !== undefined || given.resize !== undefined || given.crop !== undefined;
  const fit = given.fit ?? (isCropped ? "crop" : "stretch");
  for (const name of ["resize", "crop"] as const) {
    if (given[name] === undefined || fit === "crop") continue;
    throw new UsageError(`Cannot use --${name} with --fit ${fit}: it is for --fit crop`);
  }
  if (given.fill !== undefined && fit !== "pad") {
    throw new UsageError(`Cannot use --fill with --fit ${fit}: it is for --fit pad`);
  }
  const used = fit === "crop" ? preset : undefined;
  const [shorter, crop] = [given.resize ?? used?.resize, given.crop ?? used?.crop];
  if (shorter !== undefined && crop !== undefined && crop > shorter) {
    const whose = (own: unknown) => own === undefined ? `--like ${given.like}'s ` : "";
    throw new UsageError(
      `Cannot cut ${whose(given.crop)}--crop ${crop} out of ${whose(given.resize)}` +
        `--resize ${shorter}: it is larger`,
    );
  }
  return {
    size: given.size,
    fit,
    shorter,
    crop,
    isPresetCrop: crop !== undefined && given.crop === undefined,
    fill: given.fill ?? [0, 0, 0],
    filter: given.filter ?? preset?.filter ?? "bicubic",
    preprocess: {
      mean: given.mean ?? preset?.mean ?? [0, 0, 0],
      std: given.std ?? preset?.std ?? [1, 1, 1],
    },
    isOwnPreprocess: given.mean !== undefined || given.std !== undefined,
    channels: given.channels ?? "rgb",
    output: given.output,
  };
}

/**
 * Makes sure that no option is given that would not count.
 *
 * @throws {UsageError} if one is
 */
export function requireNoEncoder(given: Given, file: string): void {
  const names = Object.keys(ENCODER) as (keyof Given)[];
  const name = names.find((name) => given[name] !== undefined);
  if (name === undefined) return;
  throw new UsageError(`Cannot use --${name} with "${file}": it is for models in ONNX`);
}

function three(text: string, parse: (text: string) => number): Three {
  const parts = text.split(",").map(parse);
  const [a, b, c] = parts;
  if (parts.length === 3) return [a!, b!, c!];
  throw new InvalidArgumentError("It must be three numbers with commas between them.");
}

function colour(text: string): Three {
  return three(text, integer(0, 255));
}

function threeNotZero(text: string): Three {
  const parts = three(text, decimal(-1000, 1000));
  if (parts.every((n) => n !== 0)) return parts;
  throw new InvalidArgumentError("None of it may be zero.");
}
