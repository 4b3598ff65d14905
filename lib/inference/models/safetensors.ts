/**
 * Reads 8-bit weights from a safetensors file: a little-endian uint64 with the header's length, the
 * header as JSON, then the tensors' bytes. The header's `__metadata__` holds each tensor's `scale`
 * and `min`; a weight is q · scale + min.
 */
import { z } from "zod";
import { CONVOLUTIONS } from "./inception_v3.ts";
import type { ConvolutionWeights } from "./onnx_graph.ts";

const tensor = z.object({
  dtype: z.literal("U8"),
  shape: z.array(z.number().int().positive()),
  data_offsets: z.tuple([z.number().int(), z.number().int()]),
});
const quantisation = z.object({ scale: z.number(), min: z.number() });

/** A tensor as float32, row-major. */
export interface WeightTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/**
 * All tensors of the file by name, computed in double precision and stored as float32, as
 * TensorFlow.js does.
 *
 * @throws {TypeError} if the file is not of this format
 */
export function readQuantisedTensors(file: Uint8Array<ArrayBuffer>): Map<string, WeightTensor> {
  const headerLength = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const start = 8 + headerLength;
  if (start > file.length) throw new TypeError("The header is longer than the file");
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start)));
  const { __metadata__: metadata, ...tensors } = z.record(z.string(), z.unknown()).parse(header);
  const texts = z.record(z.string(), z.string()).parse(metadata);
  const result = new Map<string, WeightTensor>();
  for (const [name, value] of Object.entries(tensors)) {
    const { shape, data_offsets: [from, to] } = tensor.parse(value);
    const { scale, min } = quantisation.parse(JSON.parse(texts[name] ?? "null"));
    const bytes = file.subarray(start + from, start + to);
    const length = shape.reduce((a, b) => a * b, 1);
    if (bytes.length !== length) throw new TypeError(`Tensor "${name}" has ${bytes.length} bytes`);
    const data = new Float32Array(length);
    for (let i = 0; i < length; i++) data[i] = bytes[i]! * scale + min;
    result.set(name, { dims: shape, data });
  }
  return result;
}

/** The weights of the bundled model: InceptionV3 with Keras' names of layers, counted from 1. */
export function readDemoWeights(file: Uint8Array<ArrayBuffer>): ConvolutionWeights[] {
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
