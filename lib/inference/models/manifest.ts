/** What lies beside a model's ONNX file: where it is from, what it takes and what it gives. */
import { z } from "zod";
import { FILTER_NAMES } from "../../images/filters.ts";

/** Orders of the colours. */
export const CHANNELS = ["rgb", "bgr"] as const;
/** Ways for a picture to become a square. */
export const FITS = ["stretch", "crop", "pad"] as const;
/** Kinds of numbers that a model may take. */
export const INPUT_TYPES = ["float32", "float16", "float64", "uint8"] as const;
/** Longest side of an input, in pixels. */
export const MAX_SIDE = 4096;

const threeNumbers = z.tuple([z.number(), z.number(), z.number()]);
const side = z.int().min(1).max(MAX_SIDE);
const level = z.int().min(0).max(255);

const input = z.object({
  name: z.string(),
  /** Height and width. */
  size: side,
  type: z.enum(INPUT_TYPES).default("float32"),
  /** Pictures that each run must have, where the model fixes it; those that lack are empty. */
  batch: side.optional(),
  /** Order of the axes: batch, channels, height, width, or channels last. */
  layout: z.enum(["nchw", "nhwc"]).default("nchw"),
  channels: z.enum(CHANNELS).default("rgb"),
  /**
   * How a picture becomes a square: `stretch` resizes both sides, as Keras' users do; `crop` resizes
   * the shorter one and takes the middle, as CLIP does; `pad` resizes the longer one and fills up.
   */
  fit: z.enum(FITS).default("stretch"),
  /** Of `crop`: what the shorter side is resized to; as `crop`, where it is left out. */
  shorter: side.optional(),
  /** Of `crop`: side of the middle square, which is resized to the input's; that, if left out. */
  crop: side.optional(),
  /** Of `pad`: red, green and blue of what is filled up. */
  fill: z.tuple([level, level, level]).default([0, 0, 0]),
  filter: z.enum(FILTER_NAMES).default("bicubic"),
  /**
   * `tf` is Keras' name for x / 127.5 - 1; `none` leaves x as it is, from 0 to 255; otherwise
   * (x / 255 - mean) / std of each channel, in the order red, green, blue.
   */
  preprocess: z.union([
    z.enum(["tf", "none"]),
    z.object({ mean: threeNumbers, std: threeNumbers.refine((std) => std.every((x) => x !== 0)) }),
  ]),
});

const output = z.object({
  name: z.string(),
  /** Length of the vector. */
  size: z.int().min(1),
});

/** The manifest, `<name>.json` beside `<name>.onnx`. */
export const manifest = z.object({
  name: z.string(),
  source: z.string(),
  licence: z.string(),
  /** Of the file that the weights were fetched in, in hex. */
  md5: z.string().optional(),
  /** Version of the builder, for models whose weights Maken has at hand to build them again. */
  build: z.number().optional(),
  input,
  output,
  /** Whose resize makes its pixels: Pillow's from version 9 on, before 13 changed it. */
  resize: z.literal("pillow-9").default("pillow-9"),
  /** Length of the ONNX file. */
  bytes: z.number(),
  /** Of the ONNX file, in hex. */
  sha256: z.string(),
  /**
   * When the file of that digest was written, in milliseconds since 1970: as long as it has this time
   * and length, it is not read to be compared.
   */
  modified: z.number().optional(),
});

/** What a model takes and gives, and where it is from. */
export type ModelManifest = z.infer<typeof manifest>;
/** What a model takes. */
export type ModelInput = z.infer<typeof input>;
/** What a model gives. */
export type ModelOutput = z.infer<typeof output>;
