/**
 * Reads InceptionV3 from the files of Keras: the legacy HDF5 format (`model.save_weights("x.h5")`,
 * `model.save("x.h5")`, the weights that Keras publishes), and that of Keras 3 (`.weights.h5`,
 * `.keras`). It may be a layer of another model, and layers may follow it.
 */
import { foreignKind } from "./file_kind.ts";
import { floatsOf, type Group, isHdf5, textOf, withHdf5 } from "./hdf5_file.ts";
import { CONVOLUTIONS } from "./inception_v3.ts";
import { kerasArchive } from "./keras_archive.ts";
import { inputByConfig, inputByNames, type PreparedInput } from "./keras_front.ts";
import { isConvolution, type SavedModel, savedModel, type SavedNetwork } from "./keras_layers.ts";
import { type MatchedConvolution, matchLayers } from "./keras_match.ts";
import { looksLike } from "./keras_names.ts";
import type { ConvolutionWeights } from "./onnx_graph.ts";

/** InceptionV3 as a file of Keras has it. */
export interface KerasModel {
  /** In the order in which `inceptionV3()` makes them. */
  readonly convolutions: readonly ConvolutionWeights[];
  readonly input: PreparedInput;
}

/**
 * Reads InceptionV3 without what follows it. Needs no permissions.
 *
 * @param file it is not changed
 * @throws {TypeError} if it does not hold one InceptionV3, or prepares pictures in a way that is not
 *   known here
 */
export async function readKerasModel(file: Uint8Array): Promise<KerasModel> {
  if (isHdf5(file)) {
    return await withHdf5(file, (root) => readModel(root, textOf(root, "model_config")));
  }
  const archive = kerasArchive(file);
  if (archive !== undefined) {
    return await withHdf5(archive.weights, (root) => readModel(root, archive.config));
  }
  throw new TypeError(whatElse(file));
}

function whatElse(file: Uint8Array): string {
  const [first = 0, second = 0] = file;
  if (first === 0x89 && second === 0x48) return "The HDF5 file is cut short or damaged";
  if (first === 8 && second > 1 && second < 32) { // the version of its format comes first
    return "It is no HDF5 file: it looks like an ONNX model; give it a name that ends in .onnx";
  }
  const kind = foreignKind(file.subarray(0, 1024));
  return kind === undefined ? "It is no HDF5 file" : `It is no HDF5 file: ${kind}`;
}

function readModel(root: Group, config: string | undefined): KerasModel {
  const model = savedModel(root);
  const [network, convolutions] = inceptionV3Of(model, config);
  const input = config === undefined
    ? inputByNames(network, model.layers)
    : inputByConfig(config, model.layers);
  return { convolutions: convolutions.map(valuesOf), input };
}

/** The one network of a file that is InceptionV3. */
function inceptionV3Of(
  { networks, layers }: SavedModel,
  config: string | undefined,
): [SavedNetwork, MatchedConvolution[]] {
  const found: [SavedNetwork, MatchedConvolution[]][] = [];
  let reason = `It has ${
    layers.filter(isConvolution).length
  } convolutions, but InceptionV3 ${CONVOLUTIONS}`;
  for (const network of networks) {
    try {
      found.push([network, matchLayers(network)]);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      reason = error.message;
    }
  }
  const [first, ...others] = found;
  if (others.length > 0) throw new TypeError("It has several InceptionV3: save one alone");
  if (first !== undefined) return first;
  const names = [...networks, ...layers].map(({ name }) => name);
  const other = looksLike([...names, ...config?.match(/(?<="name": ?")[^"]+/g) ?? []]);
  throw new TypeError(other === undefined ? reason : `It looks like ${other}, not InceptionV3`);
}

function valuesOf(layers: MatchedConvolution): ConvolutionWeights {
  const { kernel, gamma, beta, mean, variance } = layers;
  return {
    kernel: floatsOf(kernel),
    dims: kernel.shape as unknown as ConvolutionWeights["dims"],
    ...gamma && { gamma: floatsOf(gamma) },
    beta: floatsOf(beta),
    mean: floatsOf(mean),
    variance: floatsOf(variance),
  };
}
