/** Which layers of a file are which of InceptionV3. */
import type { Dataset } from "./hdf5_file.ts";
import { CONVOLUTIONS } from "./inception_v3.ts";
import {
  isConvolution,
  isNormalisation,
  type SavedLayer,
  type SavedNetwork,
} from "./keras_layers.ts";
import { nameParts } from "./keras_names.ts";
import { kerasOrder, type WeightedLayer } from "./keras_order.ts";

/** The layers of one convolution. */
export interface MatchedConvolution {
  readonly kernel: Dataset;
  readonly gamma?: Dataset;
  readonly beta: Dataset;
  readonly mean: Dataset;
  readonly variance: Dataset;
}

/**
 * The layers of each convolution, in the order in which `inceptionV3()` makes them. As Keras itself
 * does, it goes by the order of the layers in the file, not by their names. Only where InceptionV3 is
 * a layer of another model may that order be lost, as weights that are trained come first: there the
 * numbers in names count, which Keras gives in the order in which layers are made.
 *
 * @throws {TypeError} if they are not those of InceptionV3
 */
export function matchLayers({ layers, isNested }: SavedNetwork): MatchedConvolution[] {
  const kinds = {
    Conv2D: layers.filter(isConvolution),
    BatchNormalization: layers.filter(isNormalisation),
  };
  const order = kerasOrder();
  const matched = (kind: WeightedLayer["kind"]): SavedLayer[] => {
    const saved = kinds[kind];
    const wanted = order.filter((layer) => layer.kind === kind);
    if (saved.length < CONVOLUTIONS) {
      throw new TypeError(
        `It has ${saved.length} layers like ${kind}, but InceptionV3 ${CONVOLUTIONS}`,
      );
    }
    const made = isNested ? numbered(saved) : undefined;
    const byNumber = wanted.toSorted((a, b) => a.convolution - b.convolution);
    if (made !== undefined && mismatch(made, byNumber) === undefined) return made;
    const reason = mismatch(saved, wanted);
    if (reason !== undefined) throw new TypeError(reason);
    return byNumber.map((layer) => saved[wanted.indexOf(layer)]!);
  };
  const normalisations = matched("BatchNormalization");
  return matched("Conv2D").map(({ weights: [kernel] }, i) => {
    const weights = normalisations[i]!.weights;
    const [beta, mean, variance] = weights.slice(-3);
    const gamma = weights.length === 4 ? weights[0] : undefined;
    return {
      kernel: kernel!,
      ...gamma && { gamma },
      beta: beta!,
      mean: mean!,
      variance: variance!,
    };
  });
}

/** The layers by the numbers in their names, if there are enough whose names else are equal. */
function numbered(layers: readonly SavedLayer[]): SavedLayer[] | undefined {
  const parts = layers.map((layer) => ({ layer, ...nameParts(layer.name) }));
  const groups = [...Map.groupBy(parts, ({ base }) => base).values()];
  const group = groups.find(({ length }) => length >= CONVOLUTIONS);
  return group?.sort((a, b) => a.n - b.n).map(({ layer }) => layer);
}

/** What is wrong with the first layer that does not fit. */
function mismatch(
  saved: readonly SavedLayer[],
  wanted: readonly WeightedLayer[],
): string | undefined {
  for (const [i, { shapes }] of wanted.entries()) {
    const { name, weights, roles } = saved[i]!;
    const found = weights.map(({ shape }) => shape ?? []);
    const isWhole = roles[0] !== "gamma" || found.length === 4;
    const compared = shapes.length === 3 && found.length === 4 ? found.slice(1) : found;
    if (!isWhole || text(compared) !== text(shapes)) {
      return `Layer "${name}" has weights of ${text(found)}, but InceptionV3 has ${
        text(shapes)
      } here`;
    }
  }
  return undefined;
}

function text(shapes: readonly (readonly number[])[]): string {
  return shapes.map((shape) => `[${shape.join(", ")}]`).join(", ");
}
