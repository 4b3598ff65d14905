/**
 * The configuration that Keras keeps with a whole model (JSON): which layers are in front of a
 * network. Two forms: that of the legacy HDF5 file, and that of Keras 3.
 */
import { kerasOrder } from "./keras_order.ts";

/** A layer, which may be a model. */
export interface ConfigLayer {
  readonly kind: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Each use of the layer: the names of the layers that it takes, and the numbers beside them. */
  readonly uses: readonly LayerUse[];
}

interface LayerUse {
  readonly sources: readonly string[];
  readonly numbers: readonly number[];
  /** Whether a layer's output comes before the numbers, as in `x - 1` but not in `1 - x`. */
  readonly isFirst: boolean;
}

/** The way of a picture to the network. */
export interface ConfigPath {
  /** From the picture on, without the network. */
  readonly layers: readonly ConfigLayer[];
  readonly network: readonly ConfigLayer[];
}

const MODELS = ["Sequential", "Functional", "Model"];
/** How deep models may lie in each other. */
const MAX_DEPTH = 12;
/** Most ways from pictures to the network, and most layers on one. */
const MAX_PATHS = 16;
const MAX_LAYERS = 1000;

/**
 * The ways of pictures to the first InceptionV3, known by its convolutions.
 *
 * @param config as Keras' `model.to_json()` gives it
 * @throws {TypeError} if it cannot be told
 */
export function pathsToNetwork(config: string): ConfigPath[] {
  let model: ConfigLayer;
  try {
    model = layerOf(JSON.parse(config));
  } catch (cause) {
    throw new TypeError("Its configuration cannot be read", { cause });
  }
  const paths = pathsIn(model, 0);
  if (paths === undefined) {
    throw new TypeError("Its configuration has no InceptionV3 of Keras: save InceptionV3 alone");
  }
  return paths;
}

/** Whether a layer is a model with layers of its own. */
export function isModel({ kind, config }: ConfigLayer): boolean {
  return MODELS.includes(kind) && layersOf(config).length > 0;
}

/** The layers on the way from a model's picture to its end. */
export function layersThrough(model: ConfigLayer): readonly ConfigLayer[] {
  const layers = configLayers(model);
  if (model.kind === "Sequential") return layers;
  const last = layers.at(-1);
  const [path, ...others] = last ? pathsTo(last, layers) : [];
  if (path === undefined || others.length > 0) throw unclear(model.name);
  return [...path, last!];
}

/** The layers of a model. */
export function configLayers({ config }: ConfigLayer): ConfigLayer[] {
  return layersOf(config).map(layerOf);
}

function pathsIn(model: ConfigLayer, depth: number): ConfigPath[] | undefined {
  if (!isModel(model) || depth > MAX_DEPTH) return undefined;
  const layers = configLayers(model);
  const convolutions = layers.filter(({ kind }) => kind === "Conv2D");
  const wanted = kerasOrder().filter(({ kind }) => kind === "Conv2D");
  if (
    wanted.every(({ shapes: [kernel] }, i) => kernel![3] === convolutions[i]?.config["filters"])
  ) {
    return pathsTo(convolutions[0]!, layers).map((path) => ({ layers: path, network: layers }));
  }
  for (const [i, layer] of layers.entries()) {
    const inner = pathsIn(layer, depth + 1);
    if (inner === undefined) continue;
    const outer = model.kind === "Sequential" ? [layers.slice(0, i)] : pathsTo(layer, layers);
    return outer.flatMap((before) =>
      inner.map(({ layers, network }) => ({ layers: [...before, ...layers], network }))
    );
  }
  return undefined;
}

/** Every way through a functional model to a layer, without it. */
function pathsTo(target: ConfigLayer, layers: readonly ConfigLayer[]): ConfigLayer[][] {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const walk = (layer: ConfigLayer, left: number): ConfigLayer[][] => {
    if (layer.kind === "InputLayer") return [[]];
    if (left === 0 || layer.uses.length === 0) throw unclear(layer.name);
    const paths = layer.uses.flatMap(({ sources }) => {
      const source = byName.get(sources[0] ?? "");
      if (sources.length !== 1 || source === undefined) throw unclear(layer.name);
      return walk(source, left - 1).map((path) => [...path, source]);
    });
    if (paths.length > MAX_PATHS) throw unclear(layer.name);
    return paths;
  };
  return walk(target, MAX_LAYERS);
}

function unclear(name: string): TypeError {
  return new TypeError(`It cannot be told what its layer "${name}" takes`);
}

type Json = Readonly<Record<string, unknown>>;

function layersOf(config: unknown): Json[] {
  const layers = Array.isArray(config) ? config : (config as { layers?: unknown }).layers;
  return Array.isArray(layers) ? layers : [];
}

function layerOf(json: Json): ConfigLayer {
  const config = (json["config"] ?? {}) as Json;
  const uses = Array.isArray(json["inbound_nodes"]) ? json["inbound_nodes"] : [];
  return {
    kind: String(json["class_name"]),
    name: String(json["name"] ?? config["name"]),
    config,
    uses: uses.map(useOf),
  };
}

/** Collects what one use of a layer names, in either form. */
function useOf(node: unknown): LayerUse {
  const sources: string[] = [];
  const numbers: number[] = [];
  let isFirst = false;
  const visit = (value: unknown) => {
    if (typeof value === "number") {
      isFirst ||= numbers.length === 0 && sources.length === 1;
      numbers.push(value);
    } else if (Array.isArray(value)) {
      const [name, node, tensor, more] = value;
      if (typeof name === "string" && typeof node === "number" && typeof tensor === "number") {
        sources.push(name);
        visit(more);
      } else value.forEach(visit);
    } else if (typeof value === "object" && value !== null) {
      const { class_name, config } = value as { class_name?: unknown; config?: Json };
      if (class_name === "__keras_tensor__") visit(config?.["keras_history"]);
      else Object.values(value).forEach(visit);
    }
  };
  visit(node);
  return { sources, numbers, isFirst };
}
