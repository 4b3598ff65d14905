/**
 * The order in which Keras keeps the layers of InceptionV3. It is not the order in which they are
 * made: Keras sorts a model's layers by how far they are from the output, the farthest first.
 */
import { inceptionV3, type Layers } from "./inception_v3.ts";

/** A layer of Keras' model that has weights. */
export interface WeightedLayer {
  readonly kind: "Conv2D" | "BatchNormalization";
  /** Which convolution it is, or belongs to, counted from 0 as the network makes them. */
  readonly convolution: number;
  /** Kernel (height, width, in, out); or beta, mean and variance (out each). */
  readonly shapes: readonly (readonly number[])[];
}

interface Layer {
  readonly inputs: readonly Layer[];
  readonly channels: number;
  readonly weighted?: WeightedLayer;
}

/** The layers of Keras' InceptionV3 that have weights, without its classifier, in Keras' order. */
export function kerasOrder(): WeightedLayer[] {
  const layers = new KerasLayers();
  const output = inceptionV3(layers, layers.picture());

  // The longest way to the output. A layer is made after its inputs, so its own way is known first.
  const depths = new Map<Layer, number>();
  for (const layer of layers.made.toReversed()) {
    const depth = (depths.get(layer) ?? 0) + 1;
    for (const input of layer.inputs) depths.set(input, Math.max(depth, depths.get(input) ?? 0));
  }

  // Layers that are equally far stay as they are met on a walk from the output to the picture.
  const met = new Set<Layer>();
  const walk = (layer: Layer) => {
    if (met.has(layer)) return;
    met.add(layer);
    layer.inputs.forEach(walk);
  };
  walk(output);
  const sorted = [...met].sort((a, b) => (depths.get(b) ?? 0) - (depths.get(a) ?? 0));
  return sorted.flatMap(({ weighted }) => weighted ?? []);
}

/** Keeps what is made; a convolution of the network is three layers of Keras. */
class KerasLayers implements Layers<Layer> {
  readonly made: Layer[] = [];
  #convolutions = 0;

  picture(): Layer {
    return this.#add([], 3);
  }

  convolution(
    input: Layer,
    filters: number,
    [height, width]: readonly [number, number],
  ): Layer {
    const convolution = this.#convolutions++;
    const conv = this.#add([input], filters, {
      kind: "Conv2D",
      convolution,
      shapes: [[height, width, input.channels, filters]],
    });
    const normalisation = this.#add([conv], filters, {
      kind: "BatchNormalization",
      convolution,
      shapes: [[filters], [filters], [filters]],
    });
    return this.#add([normalisation], filters); // Activation
  }

  maxPool(input: Layer): Layer {
    return this.#add([input], input.channels);
  }

  averagePool(input: Layer): Layer {
    return this.#add([input], input.channels);
  }

  concatenate(inputs: readonly Layer[]): Layer {
    return this.#add(inputs, inputs.reduce((sum, { channels }) => sum + channels, 0));
  }

  globalAveragePool(input: Layer): Layer {
    return this.#add([input], input.channels);
  }

  #add(inputs: readonly Layer[], channels: number, weighted?: WeightedLayer): Layer {
    const layer: Layer = { inputs, channels, ...weighted && { weighted } };
    this.made.push(layer);
    return layer;
  }
}
