/**
 * Reads InceptionV3's weights from Keras' legacy HDF5 format: what `model.save_weights("x.h5")` and
 * `model.save("x.h5")` write, and the pre-trained weights that Keras downloads. As Keras itself
 * does, it goes by the order of the layers in the file, not by their names.
 */
import { Dataset, File, Group, ready } from "h5wasm";
import { CONVOLUTIONS, VECTOR_SIZE } from "./inception_v3.ts";
import { kerasOrder, type WeightedLayer } from "./keras_order.ts";
import type { ConvolutionWeights } from "./onnx_graph.ts";

/** What every HDF5 file begins with. */
const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** A layer of the file that has weights. */
interface SavedLayer {
  readonly name: string;
  readonly weights: readonly Dataset[];
}

/**
 * The weights of each convolution, in the order in which `inceptionV3()` makes them. Those of a
 * classifier (`include_top=True`) are left out. Needs no permissions.
 *
 * @param file of HDF5; it is neither copied nor changed
 * @throws {TypeError} if it does not hold InceptionV3's weights in this format
 */
export async function readKerasWeights(file: Uint8Array): Promise<ConvolutionWeights[]> {
  if (SIGNATURE.some((byte, i) => file[i] !== byte)) throw new TypeError("It is no HDF5 file");
  const { FS, activate_throwing_error_handler } = await ready;
  activate_throwing_error_handler();
  const path = `/${crypto.randomUUID()}.h5`; // in h5wasm's own memory
  FS.createDataFile("/", path, file, true, false, true); // the last: without a copy
  try {
    const root = new File(path, "r");
    try {
      return takeWeights(savedLayers(root));
    } finally {
      root.close();
    }
  } catch (error) {
    if (error instanceof TypeError) throw error;
    throw new TypeError("The HDF5 file is cut short or damaged", { cause: error });
  } finally {
    FS.unlink(path);
  }
}

/** The layers that have weights, in the file's order. */
function savedLayers(root: Group): SavedLayer[] {
  const model = "layer_names" in root.attrs ? root : root.get("model_weights");
  if (!(model instanceof Group)) {
    throw new TypeError(
      root.keys().includes("layers")
        ? "It is in the newer format of Keras 3: write it with model.save('NAME.h5') instead"
        : "It holds no weights of Keras in the legacy HDF5 format",
    );
  }
  const layers = names(model, "layer_names").map((name) => {
    const group = member(model, name, Group);
    const weights = names(group, "weight_names").map((weight) => member(group, weight, Dataset));
    return { name, weights };
  });
  return layers.filter(({ weights }) => weights.length > 0);
}

/** The names that an attribute lists. */
function names(group: Group, attribute: string): string[] {
  const value = group.attrs[attribute]?.value;
  if (value === undefined) throw new TypeError(`Group "${group.path}" has no ${attribute}`);
  return Array.isArray(value) ? value.map(String) : []; // an empty list is stored as numbers
}

function member<T>(group: Group, name: string, type: new (file: bigint, path: string) => T): T {
  const found = group.get(name);
  if (found instanceof type) return found;
  throw new TypeError(`Group "${group.path}" has no ${type.name.toLowerCase()} "${name}"`);
}

function takeWeights(saved: readonly SavedLayer[]): ConvolutionWeights[] {
  const order = kerasOrder();
  const n = order.length;
  if (saved.length !== n && saved.length !== n + 1) { // one more: the classifier
    throw new TypeError(
      `It has ${saved.length} layers with weights, but InceptionV3 ${n} or ${n + 1}`,
    );
  }
  order.forEach(({ shapes }, i) => checkShapes(saved[i]!, shapes));
  const classifier = saved[n];
  if (classifier !== undefined) {
    const classes = classifier.weights[0]?.shape?.[1] ?? 1000;
    checkShapes(classifier, [[VECTOR_SIZE, classes], [classes]]);
  }

  const weights = (kind: WeightedLayer["kind"], convolution: number) =>
    saved[order.findIndex((o) => o.kind === kind && o.convolution === convolution)]!.weights;
  const values = (tensor?: Dataset) => tensor?.value as Float32Array;
  return Array.from({ length: CONVOLUTIONS }, (_, i) => {
    const [kernel] = weights("Conv2D", i);
    const [beta, mean, variance] = weights("BatchNormalization", i);
    return {
      kernel: values(kernel),
      dims: kernel?.shape as unknown as ConvolutionWeights["dims"],
      beta: values(beta),
      mean: values(mean),
      variance: values(variance),
    };
  });
}

function checkShapes({ name, weights }: SavedLayer, shapes: readonly (readonly number[])[]): void {
  const text = (shapes: readonly (readonly number[])[]) =>
    shapes.map((shape) => `[${shape.join(", ")}]`).join(", ");
  const found = text(weights.map(({ shape }) => shape ?? []));
  const wanted = text(shapes);
  if (found !== wanted) {
    throw new TypeError(
      `Layer "${name}" has weights of ${found}, but InceptionV3 has ${wanted} here`,
    );
  }
  for (const { dtype } of weights) {
    if (dtype !== "<f") throw new TypeError(`Layer "${name}" is not of float32`);
  }
}
