/**
 * The layers of a file that Keras wrote, in each of its two formats: the legacy one of `.h5`, and that of Keras 3,
 * `.weights.h5` and inside `.keras`.
 */
import { CONVOLUTIONS } from "./inception_v3.ts";
import { Dataset, Group, memberOf, namesOf, textOf } from "./hdf5_file.ts";
import { nameParts } from "./keras_names.ts";

/** A layer that has weights. */
export interface SavedLayer {
  readonly name: string;
  readonly weights: readonly Dataset[];
  /** Names of the weights, such as `kernel`; Keras 3 only numbers them. */
  readonly roles: readonly string[];
}

/** Layers of a file that may be an InceptionV3. */
export interface SavedNetwork {
  readonly name: string;
  /** As Keras orders a model's layers, unless `isNested`. */
  readonly layers: readonly SavedLayer[];
  /** One layer of another model: its weights lie with those that are trained first. */
  readonly isNested: boolean;
  /**
   * Names, or in the newer format classes, of layers that may be in front of it; of some it cannot
   * be told.
   */
  readonly front: readonly string[];
}

/** What a file holds. */
export interface SavedModel {
  /** Those that have enough convolutions. */
  readonly networks: readonly SavedNetwork[];
  readonly layers: readonly SavedLayer[];
}

/** Groups of the newer format that hold a model's layers, and those that hold none. */
const CONTAINERS = ["layers", "_layer_checkpoint_dependencies"];
const NO_LAYERS = /^(vars|optimizer|seed_generator|_?metrics|_.*tracker)$/;
/** How deep models may lie in each other. */
const MAX_DEPTH = 12;
/** Most layers of a file, counted again where links lead to one twice. */
const MAX_LAYERS = 20_000;

/**
 * The layers of a file.
 *
 * @throws {TypeError} if Keras did not write it
 */
export function savedModel(root: Group): SavedModel {
  for (const group of [root, root.get("model_weights")]) { // of save_weights, of save
    if (!(group instanceof Group)) continue;
    if ("layer_names" in group.attrs || "layer_names0" in group.attrs) return legacyModel(group);
  }
  const model = newerModel(root);
  if (model.layers.length > 0) return model;
  throw new TypeError("It holds no weights of Keras");
}

/** Whether a layer is a convolution, by its weights. */
export function isConvolution({ weights }: SavedLayer): boolean {
  return weights[0]?.shape?.length === 4;
}

/** Whether a layer is a batch normalisation, by its weights. */
export function isNormalisation({ weights }: SavedLayer): boolean {
  const [first] = weights;
  return (weights.length === 3 || weights.length === 4) &&
    weights.every(({ shape }) => shape?.length === 1 && shape[0] === first?.shape?.[0]);
}

function hasConvolutions(layers: readonly SavedLayer[]): boolean {
  return layers.filter(isConvolution).length >= CONVOLUTIONS;
}

/** Layers in groups of their names, a model that is one of them with all its weights in one. */
function legacyModel(model: Group): SavedModel {
  let count = 0;
  const items = namesOf(model, "layer_names").map((name) => {
    const group = memberOf(model, name, Group);
    const weights = namesOf(group, "weight_names");
    count += 1 + weights.length;
    if (count > MAX_LAYERS) throw new TypeError("It has too many layers");
    return { name, layers: byOwner(name, group, weights) };
  });
  const layers = items.flatMap(({ layers }) => layers);
  const nested = items.flatMap(({ name, layers }, i): SavedNetwork[] => {
    const front = items.slice(0, i).map(({ name }) => name);
    return hasConvolutions(layers) ? [{ name, layers, isNested: true, front }] : [];
  });
  if (nested.length > 0 || !hasConvolutions(layers)) return { networks: nested, layers };
  // Only a functional model has branches; its first layer is the input, whatever its name.
  const first = items.findIndex(({ layers }) => layers.some(isConvolution));
  const front = items.slice(1, first).map(({ name }) => name);
  return { networks: [{ name: "", layers, isNested: false, front }], layers };
}

/** Weights of `conv2d_5/kernel:0`, `conv2d_5/bias:0` are of one layer, in a nested model one of many. */
function byOwner(item: string, group: Group, names: readonly string[]): SavedLayer[] {
  const owners = Map.groupBy(names, (name) => name.slice(0, Math.max(0, name.lastIndexOf("/"))));
  return [...owners].map(([owner, names]) => ({
    name: owners.size === 1 ? item : owner.slice(owner.lastIndexOf("/") + 1),
    weights: names.map((name) => memberOf(group, name, Dataset)),
    roles: names.map((name) => name.slice(name.lastIndexOf("/") + 1).replace(/:\d+$/, "")),
  }));
}

/**
 * Layers in groups of their classes, numbered in Keras' order: `layers/conv2d_5/vars/0`; in a model
 * of an own class in groups of its attributes: `base/layers/conv2d_5/vars/0`.
 */
function newerModel(root: Group): SavedModel {
  const networks: SavedNetwork[] = [];
  const layers: SavedLayer[] = [];
  const front: string[] = [];
  let count = 0;
  const visit = (model: Group, depth: number) => {
    if (depth > MAX_DEPTH) throw new TypeError("Its models lie too deep in each other");
    const found: SavedLayer[] = [];
    for (const { name, group } of groupsIn(model)) {
      if (++count > MAX_LAYERS) throw new TypeError("It has too many layers");
      front.push(name);
      found.push(...numbered(name, group));
      visit(group, depth + 1);
    }
    layers.push(...found);
    if (hasConvolutions(found)) {
      networks.push({ name: model.path, layers: found, isNested: false, front });
    }
  };
  visit(root, 0);
  return { networks, layers };
}

/** The groups of a model's layers, by their classes or else by names that Keras gives. */
function groupsIn(model: Group): { name: string; group: Group }[] {
  const groups = (parent: Group) =>
    parent.keys().sort(byNumber).flatMap((name) => {
      const group = NO_LAYERS.test(name) ? null : parent.get(name);
      return group instanceof Group ? [{ name, group }] : [];
    });
  return groups(model).flatMap(({ name, group }) =>
    CONTAINERS.includes(name) ? groups(group) : [{ name: nameOf(group) ?? name, group }]
  );
}

/** `conv2d_9` before `conv2d_10`, and both before other classes. */
function byNumber(a: string, b: string): number {
  const [one, other] = [nameParts(a), nameParts(b)];
  return one.base === other.base ? one.n - other.n : one.base < other.base ? -1 : 1;
}

function numbered(name: string, layer: Group): SavedLayer[] {
  const vars = layer.get("vars");
  if (!(vars instanceof Group)) return [];
  const roles = vars.keys().filter((key) => /^\d+$/.test(key)).sort((a, b) =>
    Number(a) - Number(b)
  );
  const weights = roles.map((key) => memberOf(vars, key, Dataset));
  return weights.length === 0 ? [] : [{ name: nameOf(layer) ?? name, weights, roles }];
}

function nameOf(layer: Group): string | undefined {
  const vars = layer.get("vars");
  return vars instanceof Group ? textOf(vars, "name") : undefined;
}
