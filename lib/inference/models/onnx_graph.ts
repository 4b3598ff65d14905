/**
 * Writes a network as an ONNX model (onnx.proto, IR version 8, operator set 17), and reads the
 * weights of one that was written here.
 */
import { PbfReader, PbfWriter } from "./protobuf.ts";
import { CONVOLUTIONS, inceptionV3, INPUT_SIZE, type Layers, VECTOR_SIZE } from "./inception_v3.ts";

/** Weights of one convolution with its batch normalisation, as Keras stores them. */
export interface ConvolutionWeights {
  /** float32[height, width, in, out], row-major. */
  readonly kernel: Float32Array;
  /** Height, width, in, out. */
  readonly dims: readonly [number, number, number, number];
  /** float32[out] each; without gamma it is 1. */
  readonly gamma?: Float32Array;
  readonly beta: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

/** One convolution in a model's file: its batch normalisation is folded into it. */
export interface FoldedConvolution {
  /** float32[out, in, height, width], row-major. */
  readonly kernel: Float32Array;
  /** Out, in, height, width. */
  readonly dims: readonly [number, number, number, number];
  /** float32[out]. */
  readonly bias: Float32Array;
}

/** One convolution in a model's file: its batch normalisation is folded into it. */
export interface FoldedConvolution {
  /** float32[out, in, height, width], row-major. */
  readonly kernel: Float32Array;
  /** Out, in, height, width. */
  readonly dims: readonly [number, number, number, number];
  /** float32[out]. */
  readonly bias: Float32Array;
}

/** Name of the model's input: float32[n, 3, 299, 299], RGB. */
export const INPUT_NAME = "picture";
/** Name of the model's output: float32[n, 2048]. */
export const OUTPUT_NAME = "vector";

/** What tells a model that was written here from others. */
const PRODUCER = "maken";
const GRAPH = "InceptionV3";

/** Keras' default of `BatchNormalization(epsilon)`. */
const EPSILON = 0.001;

type Attribute = readonly [name: string, value: number | readonly number[]];
interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: readonly Attribute[];
}
interface Tensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/**
 * The ONNX file of InceptionV3 with these weights, in the order of {@linkcode inceptionV3}.
 *
 * @param size height and width of the pictures that it takes
 */
export function buildOnnx(
  weights: readonly ConvolutionWeights[],
  size = INPUT_SIZE,
): Uint8Array<ArrayBuffer> {
  const graph = new OnnxGraph(weights, size);
  return graph.encode(inceptionV3(graph, INPUT_NAME)) as Uint8Array<ArrayBuffer>;
}

/** Layers that become nodes of an ONNX graph; a tensor is its name. */
class OnnxGraph implements Layers<string> {
  readonly #nodes: Node[] = [];
  readonly #tensors: Tensor[] = [];
  #convolutions = 0;

  /** @param weights of each convolution, in the order in which the network makes them */
  constructor(
    private readonly weights: readonly ConvolutionWeights[],
    private readonly size: number,
  ) {}

  convolution(
    input: string,
    filters: number,
    kernel: readonly [number, number],
    stride: 1 | 2,
    padding: "valid" | "same",
  ): string {
    const n = this.#convolutions++;
    const weights = this.weights[n];
    if (weights === undefined) throw new RangeError(`No weights for convolution ${n + 1}`);
    const [height, width, , out] = weights.dims;
    if (height !== kernel[0] || width !== kernel[1] || out !== filters) {
      throw new TypeError(`Weights of convolution ${n + 1} have the shape ${weights.dims}`);
    }
    const folded = foldBatchNormalisation(weights);
    this.#tensors.push({ name: `kernel_${n}`, ...folded.kernel });
    this.#tensors.push({ name: `bias_${n}`, dims: [out], data: folded.bias });
    const pads = padding === "valid" ? [0, 0] : [(height - 1) / 2, (width - 1) / 2];
    const sum = this.#add("Conv", [input, `kernel_${n}`, `bias_${n}`], [
      ["kernel_shape", [height, width]],
      ["strides", [stride, stride]],
      ["pads", [...pads, ...pads]],
    ]);
    return this.#add("Relu", [sum]);
  }

  maxPool(input: string): string {
    return this.#add("MaxPool", [input], [["kernel_shape", [3, 3]], ["strides", [2, 2]]]);
  }

  averagePool(input: string): string {
    return this.#add("AveragePool", [input], [
      ["kernel_shape", [3, 3]],
      ["strides", [1, 1]],
      ["pads", [1, 1, 1, 1]],
      ["count_include_pad", 0],
    ]);
  }

  concatenate(inputs: readonly string[]): string {
    return this.#add("Concat", inputs, [["axis", 1]]);
  }

  globalAveragePool(input: string): string {
    return this.#add("Flatten", [this.#add("GlobalAveragePool", [input])], [["axis", 1]]);
  }

  /** The model's file, with `output` as its one output. */
  encode(output: string): Uint8Array {
    const size = this.#tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
    const pbf = new PbfWriter(new Uint8Array(size + 1_000_000));
    pbf.writeVarintField(1, 8); // ir_version
    pbf.writeStringField(2, PRODUCER); // producer_name
    pbf.writeMessage(7, (_, pbf) => this.#writeGraph(output, pbf), null);
    pbf.writeMessage(8, (_, pbf) => pbf.writeVarintField(2, 17), null); // opset_import.version
    return pbf.finish();
  }

  #add(op: string, inputs: readonly string[], attributes: readonly Attribute[] = []): string {
    const output = `${op}_${this.#nodes.length}`;
    this.#nodes.push({ op, inputs, output, attributes });
    return output;
  }

  #writeGraph(output: string, pbf: PbfWriter): void {
    for (const node of this.#nodes) pbf.writeMessage(1, writeNode, node);
    pbf.writeMessage(1, writeNode, {
      op: "Identity",
      inputs: [output],
      output: OUTPUT_NAME,
      attributes: [],
    });
    pbf.writeStringField(2, GRAPH);
    for (const tensor of this.#tensors) pbf.writeMessage(5, writeTensor, tensor);
    const picture = ["n", 3, this.size, this.size];
    pbf.writeMessage(11, writeValueInfo, { name: INPUT_NAME, dims: picture });
    pbf.writeMessage(12, writeValueInfo, { name: OUTPUT_NAME, dims: ["n", VECTOR_SIZE] });
  }
}

/** Folds the normalisation into the convolution and turns HWIO into ONNX's OIHW. */
function foldBatchNormalisation(weights: ConvolutionWeights) {
  const { kernel, dims, gamma, beta, mean, variance } = weights;
  const [height, width, channels, filters] = dims;
  const area = height * width;
  const data = new Float32Array(kernel.length);
  const bias = new Float32Array(filters);
  for (let f = 0; f < filters; f++) {
    const scale = (gamma?.[f] ?? 1) / Math.sqrt(variance[f]! + EPSILON);
    bias[f] = beta[f]! - mean[f]! * scale;
    for (let c = 0; c < channels; c++) {
      for (let a = 0; a < area; a++) {
        data[(f * channels + c) * area + a] = kernel[(a * channels + c) * filters + f]! * scale;
      }
    }
  }
  return { kernel: { dims: [filters, channels, height, width], data }, bias };
}

function writeNode({ op, inputs, output, attributes }: Node, pbf: PbfWriter): void {
  for (const input of inputs) pbf.writeStringField(1, input);
  pbf.writeStringField(2, output);
  pbf.writeStringField(3, output); // name
  pbf.writeStringField(4, op);
  for (const attribute of attributes) pbf.writeMessage(5, writeAttribute, attribute);
}

function writeAttribute([name, value]: Attribute, pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  if (typeof value === "number") {
    pbf.writeVarintField(3, value);
    pbf.writeVarintField(20, 2); // type INT
  } else {
    for (const n of value) pbf.writeVarintField(8, n);
    pbf.writeVarintField(20, 7); // type INTS
  }
}

function writeTensor({ name, dims, data }: Tensor, pbf: PbfWriter): void {
  for (const dim of dims) pbf.writeVarintField(1, dim);
  pbf.writeVarintField(2, 1); // data_type FLOAT
  pbf.writeStringField(8, name);
  pbf.writeBytesField(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)); // raw_data
}

function writeValueInfo(
  { name, dims }: { name: string; dims: readonly (string | number)[] },
  pbf: PbfWriter,
): void {
  pbf.writeStringField(1, name);
  pbf.writeMessage(2, (_, pbf) => { // type
    pbf.writeMessage(1, (_, pbf) => { // tensor_type
      pbf.writeVarintField(1, 1); // elem_type FLOAT
      pbf.writeMessage(2, (_, pbf) => { // shape
        for (const dim of dims) {
          pbf.writeMessage(1, (_, pbf) => {
            if (typeof dim === "number") pbf.writeVarintField(1, dim); // dim_value
            else pbf.writeStringField(2, dim); // dim_param
          }, null);
        }
      }, null);
    }, null);
  }, null);
}

/**
 * The convolutions of a model that {@linkcode buildOnnx} wrote, in the network's order, each copied
 * out of the file when it is asked for.
 *
 * @throws {TypeError} if the file is anything else
 */
export function* readConvolutions(file: Uint8Array): Generator<FoldedConvolution> {
  const model: FileModel = { producer: "", graph: "", tensors: new Map() };
  try {
    new PbfReader(file).readFields(readModel, model);
  } catch (cause) {
    throw new TypeError("The file is no ONNX model", { cause });
  }
  if (model.producer !== PRODUCER || model.graph !== GRAPH) {
    throw new TypeError(`The model is not ${GRAPH} by ${PRODUCER}`);
  }
  for (let n = 0; n < CONVOLUTIONS; n++) {
    const kernel = model.tensors.get(`kernel_${n}`);
    const bias = model.tensors.get(`bias_${n}`);
    if (kernel === undefined || bias === undefined) {
      throw new TypeError(`The model has no weights for convolution ${n + 1}`);
    }
    const [out = 0, channels = 0, height = 0, width = 0] = kernel.dims;
    const dims = [out, channels, height, width] as const;
    yield { kernel: floats(kernel), dims, bias: floats(bias) };
  }
}

interface FileTensor {
  name: string;
  readonly dims: number[];
  data: Uint8Array;
}
interface FileModel {
  producer: string;
  graph: string;
  readonly tensors: Map<string, FileTensor>;
}

function readModel(tag: number, model: FileModel, pbf: PbfReader): void {
  if (tag === 2) model.producer = pbf.readString();
  else if (tag === 7) pbf.readMessage(readGraph, model);
}

function readGraph(tag: number, model: FileModel, pbf: PbfReader): void {
  if (tag === 2) model.graph = pbf.readString();
  else if (tag === 5) {
    const empty = { name: "", dims: [], data: new Uint8Array() };
    const tensor = pbf.readMessage(readTensor, empty);
    model.tensors.set(tensor.name, tensor);
  }
}

function readTensor(tag: number, tensor: FileTensor, pbf: PbfReader): void {
  if (tag === 1) tensor.dims.push(pbf.readVarint());
  else if (tag === 8) tensor.name = pbf.readString();
  else if (tag === 9) tensor.data = pbf.readBytes();
}

/** A copy, as the file's numbers need not start at a multiple of 4. */
function floats({ data }: FileTensor): Float32Array {
  return new Float32Array(data.slice().buffer);
}
