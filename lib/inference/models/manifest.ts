/** What lies beside a model's ONNX file: where it is from, what it takes and what it gives. */
import { z } from "zod";

/** Orders of the colours. */
export const CHANNELS = ["rgb", "bgr"] as const;
/** Ways for a picture to become a square. */
export const FITS = ["stretch", "crop"] as const;

const threeNumbers = z.tuple([z.number(), z.number(), z.number()]);

const input = z.object({
  name: z.string(),
  /** Height and width. */
  size: z.int().min(1).max(4096),
  /** Order of the axes: batch, channels, height, width, or channels last. */
  layout: z.enum(["nchw", "nhwc"]).default("nchw"),
  channels: z.enum(CHANNELS).default("rgb"),
  /**
   * How a picture becomes a square: `stretch` resizes both sides, as Keras' users do; `crop` resizes
   * the shorter one and takes the middle, as CLIP does.
   */
  fit: z.enum(FITS).default("stretch"),
  /**
   * `tf` is Keras' name for x / 127.5 - 1; otherwise (x / 255 - mean) / std of each channel, in the
   * order red, green, blue.
   */
  preprocess: z.union([
    z.literal("tf"),
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
  /** Length of the ONNX file. */
  bytes: z.number(),
  /** Of the ONNX file, in hex. */
  sha256: z.string(),
});

/** What a model takes and gives, and where it is from. */
export type ModelManifest = z.infer<typeof manifest>;
/** What a model takes. */
export type ModelInput = z.infer<typeof input>;
/** What a model gives. */
export type ModelOutput = z.infer<typeof output>;
