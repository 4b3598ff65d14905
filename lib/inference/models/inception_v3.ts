/**
 * InceptionV3 without its classifier (Szegedy et al., "Rethinking the Inception Architecture for
 * Computer Vision", 2015), layer for layer as `keras.applications.InceptionV3(include_top=False,
 * pooling="avg")` makes it. Defined once; what a layer becomes is up to {@linkcode Layers}.
 */

/** Kernel height and width. */
type Kernel = readonly [height: number, width: number];

/** What a network is built from; `T` stands for a tensor, such as its name in a graph. */
export interface Layers<T> {
  /** Convolution without bias, batch normalisation (epsilon 0.001, no gamma) and ReLU. */
  convolution(input: T, filters: number, kernel: Kernel, stride: 1 | 2, padding: Padding): T;
  /** 3 × 3, stride 2, `valid`. */
  maxPool(input: T): T;
  /** 3 × 3, stride 1, `same`; the padding is not part of the mean. */
  averagePool(input: T): T;
  /** Joins channels. */
  concatenate(inputs: readonly T[]): T;
  /** Mean over height and width. */
  globalAveragePool(input: T): T;
}

/** Keras' names: `valid` is none, `same` keeps height and width. */
export type Padding = "valid" | "same";

/** Height and width of the input picture. */
export const INPUT_SIZE = 299;
/** Length of the vector. */
export const VECTOR_SIZE = 2048;
/** Convolutions of the network, in the order in which {@linkcode inceptionV3} makes them. */
export const CONVOLUTIONS = 94;

/**
 * Builds the network: a picture of 299 × 299 × 3, each value from -1 to 1, becomes 2048 numbers.
 * The convolutions are made in the order in which Keras makes and numbers them; the order of a
 * file that Keras wrote is another one, `kerasOrder()`.
 */
export function inceptionV3<T>(layers: Layers<T>, picture: T): T {
  const conv = (x: T, filters: number, height = 1, width = height): T =>
    layers.convolution(x, filters, [height, width], 1, "same");
  const halve = (x: T, filters: number): T => layers.convolution(x, filters, [3, 3], 2, "valid");
  const chain = (x: T, filters: readonly number[], kernels: readonly Kernel[]): T =>
    kernels.reduce((y, [height, width], i) => conv(y, filters[i]!, height, width), x);
  const pooled = (x: T, filters: number): T => conv(layers.averagePool(x), filters);

  const narrow = (x: T, poolFilters: number): T =>
    layers.concatenate([
      conv(x, 64),
      conv(conv(x, 48), 64, 5),
      conv(conv(conv(x, 64), 96, 3), 96, 3),
      pooled(x, poolFilters),
    ]);
  const factorised = (x: T, n: number): T =>
    layers.concatenate([
      conv(x, 192),
      chain(x, [n, n, 192], [[1, 1], [1, 7], [7, 1]]),
      chain(x, [n, n, n, n, 192], [[1, 1], [7, 1], [1, 7], [7, 1], [1, 7]]),
      pooled(x, 192),
    ]);
  const fork = (x: T): T => layers.concatenate([conv(x, 384, 1, 3), conv(x, 384, 3, 1)]);
  const wide = (x: T): T =>
    layers.concatenate([
      conv(x, 320),
      fork(conv(x, 384)),
      fork(conv(conv(x, 448), 384, 3)),
      pooled(x, 192),
    ]);

  let x = halve(picture, 32);
  x = layers.convolution(x, 32, [3, 3], 1, "valid");
  x = layers.maxPool(conv(x, 64, 3));
  x = layers.convolution(x, 80, [1, 1], 1, "valid");
  x = layers.maxPool(layers.convolution(x, 192, [3, 3], 1, "valid"));
  for (const poolFilters of [32, 64, 64]) x = narrow(x, poolFilters); // mixed 0 to 2, 35 × 35
  x = layers.concatenate([ // mixed 3, to 17 × 17
    halve(x, 384),
    halve(conv(conv(x, 64), 96, 3), 96),
    layers.maxPool(x),
  ]);
  for (const filters of [128, 160, 160, 192]) x = factorised(x, filters); // mixed 4 to 7
  x = layers.concatenate([ // mixed 8, to 8 × 8
    halve(conv(x, 192), 320),
    halve(chain(x, [192, 192, 192], [[1, 1], [1, 7], [7, 1]]), 192),
    layers.maxPool(x),
  ]);
  x = wide(wide(x)); // mixed 9 and 10
  return layers.globalAveragePool(x);
}
