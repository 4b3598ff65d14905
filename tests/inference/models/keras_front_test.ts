import assert from "node:assert/strict";
import { kerasOrder } from "../../../lib/inference/models/keras_order.ts";
import { inputByConfig } from "../../../lib/inference/models/keras_front.ts";

type Json = Record<string, unknown>;

/** A layer in Keras' own words, in the form of the legacy format or of Keras 3. */
function layer(class_name: string, config: Json = {}, inbound_nodes: unknown[] = []): Json {
  const name = String(config["name"] ?? class_name.toLowerCase());
  return { class_name, name, config: { name, ...config }, inbound_nodes };
}

const takes = (name: string, more: Json = {}) => [[[name, 0, 0, more]]];
const takes3 = (name: string, ...more: unknown[]) => [{
  args: [{ class_name: "__keras_tensor__", config: { keras_history: [name, 0, 0] } }, ...more],
  kwargs: {},
}];

/** InceptionV3, as far as its configuration counts. */
function inceptionV3(shape: unknown[] = [null, null, null, 3], nodes: unknown[] = []): Json {
  const convolutions = kerasOrder().filter(({ kind }) => kind === "Conv2D").map(({ shapes }, i) => {
    const config = { name: `conv2d_${i}`, filters: shapes[0]![3] };
    return layer("Conv2D", config, takes(i === 0 ? "in" : `conv2d_${i - 1}`));
  });
  const norm = layer("BatchNormalization", { epsilon: 0.001, center: true }, takes("conv2d_0"));
  const layers = [layer("InputLayer", { name: "in", batch_shape: shape }), ...convolutions, norm];
  return layer("Functional", { name: "inception_v3", layers }, nodes);
}

const sequential = (...front: Json[]) =>
  layer("Sequential", { layers: [...front, inceptionV3(), layer("Dense")] });
const functional = (...layers: Json[]) =>
  layer("Functional", { layers: [layer("InputLayer", { name: "x" }), ...layers] });

const input = (model: unknown) => inputByConfig(JSON.stringify(model), []);
const usual = { size: 299, preprocess: "tf" };
const folded = (mean: number, std: number) => ({
  size: 299,
  preprocess: { mean: [mean, mean, mean], std: [std, std, std] },
});

Deno.test("inputByConfig() keeps what layers in front of InceptionV3 do, if it is exact", () => {
  const shared = functional(
    layer("InputLayer", { name: "y" }),
    inceptionV3(undefined, [...takes("x"), ...takes("y")]),
  );
  const tutorial = functional(
    layer("TFOpLambda", { name: "a", function: "math.truediv" }, takes("x", { y: 127.5 })),
    layer("TFOpLambda", { name: "b", function: "math.subtract" }, takes("a", { y: 1 })),
    inceptionV3(undefined, takes("b", { training: false })),
  );
  const operations = functional(
    layer("Divide", { name: "a" }, takes3("x", 255)),
    layer("Subtract", { name: "b" }, takes3("a", 0.25)),
    layer("Multiply", { name: "c" }, takes3("b", 2)),
    inceptionV3(undefined, takes3("c")),
  );
  const cases: [Json, unknown][] = [
    [inceptionV3(), usual],
    [inceptionV3([null, 224, 224, 3]), { ...usual, size: 224 }],
    [inceptionV3([null, 3, 150, 150]), { ...usual, size: 150 }],
    [sequential(), usual],
    [sequential(layer("RandomFlip"), layer("GaussianNoise"), layer("Dropout")), usual],
    [sequential(layer("Rescaling", { scale: 1 / 127.5, offset: -1 })), usual],
    [sequential(layer("Rescaling", { scale: 1 / 255, offset: 0 })), folded(0, 1)],
    [sequential(layer("Normalization", { mean: [[[[102]]]], variance: [2601] })), folded(0.4, 0.2)],
    [sequential(layer("Normalization", { mean: 0, variance: 1 })), usual],
    [sequential(layer("Resizing", { height: 128, width: 128 })), { ...usual, size: 128 }],
    [layer("Sequential", { layers: [sequential(layer("RandomZoom"))] }), usual],
    [
      sequential(layer("Sequential", { layers: [layer("Rescaling", { scale: 1 / 255 })] })),
      folded(0, 1),
    ],
    [shared, usual],
    [tutorial, usual],
    [operations, folded(0.25, 0.5)],
  ];
  for (const [model, wanted] of cases) assert.deepEqual(input(model), wanted);
});

Deno.test("inputByConfig() refuses what it cannot keep, and names the layer", () => {
  const subtracted = layer("Subtract", { name: "a" }, [{
    args: [1, { class_name: "__keras_tensor__", config: { keras_history: ["x", 0, 0] } }],
  }]);
  const joined = layer("Add", { name: "a" }, [[["x", 0, 0, {}], ["x", 0, 0, {}]]]);
  const loop = layer("Dropout", { name: "a" }, takes("a"));
  const twoWays = functional(
    layer("Rescaling", { name: "a", scale: 1 / 255 }, takes("x")),
    inceptionV3(undefined, [...takes("x"), ...takes("a")]),
  );
  const epsilon = inceptionV3();
  const layers = (epsilon["config"] as { layers: Json[] }).layers;
  (layers.at(-1)!["config"] as Json)["epsilon"] = 0.1;
  const deep = `${'{"class_name":"Sequential","config":{"layers":['.repeat(5000)}1`;
  const cases: [Json, RegExp][] = [
    [sequential(layer("Lambda")), /^Its layer "lambda" \(Lambda\) changes pictures .* alone$/],
    [sequential(layer("CenterCrop", { height: 299, width: 299 })), /"centercrop" \(CenterCrop\)/],
    [sequential(layer("RandomCrop")), /RandomCrop/],
    [sequential(layer("Normalization")), /Normalization/],
    [sequential(layer("Rescaling", { scale: 0 })), /make 0 to 0 of values from 0 to 255/],
    [
      sequential(layer("Normalization", { mean: 0.5, variance: 0.04 })),
      /make -2\.5 to 1270 of values from 0 to 255: they are for pictures that were prepared before/,
    ],
    [
      sequential(
        layer("InputLayer", { batch_shape: [null, 512, 512, 3] }),
        layer("Resizing", { height: 299, width: 299 }),
      ),
      /"resizing" \(Resizing\) changes pictures/,
    ],
    [inceptionV3([null, 150, 200, 3]), /^It takes pictures of 150 × 200, not squares/],
    [inceptionV3([null, 1e9, 1e9, 3]), /^It takes pictures of 1000000000 ×/],
    [functional(subtracted, inceptionV3(undefined, takes("a"))), /"a" \(Subtract\)/],
    [
      functional(joined, inceptionV3(undefined, takes("a"))),
      /^It cannot be told what .* "a" takes/,
    ],
    [functional(loop, inceptionV3(undefined, takes("a"))), /^It cannot be told what .* "a" takes/],
    [functional(inceptionV3()), /^It cannot be told what its layer "inception_v3" takes$/],
    [twoWays, /^It prepares pictures in several ways$/],
    [epsilon, /"batchnormalization" is not as InceptionV3 has it$/],
    [sequential()["config"] as Json, /^Its configuration has no InceptionV3 of Keras/],
  ];
  for (const [model, message] of cases) {
    assert.throws(() => input(model), { name: "TypeError", message });
  }
  for (const text of ["", "{", "null", "[]", deep]) {
    assert.throws(() => inputByConfig(text, []), { message: /^Its configuration/ });
  }
});
