import assert from "node:assert/strict";
import { zipSync } from "fflate";
import { Dataset, File, Group, ready } from "h5wasm";
import { readKerasModel } from "../../../lib/inference/models/keras_weights.ts";
import { buildOnnx, readConvolutions } from "../../../lib/inference/models/onnx_graph.ts";

// The files are described in tests/fixtures/keras/make_keras_weights.py.
async function fixture(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await Deno.open(new URL(`../../fixtures/keras/${name}.gz`, import.meta.url));
  return new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).bytes();
}

/** An HDF5 file after a change; from an empty one where none is given. */
async function edited(change: (root: File) => void, file?: Uint8Array): Promise<Uint8Array> {
  const { FS } = await ready;
  if (file) FS.writeFile("/edited.h5", file);
  const root = new File("/edited.h5", file ? "a" : "w");
  change(root);
  root.close();
  const bytes = FS.readFile("/edited.h5");
  FS.unlink("/edited.h5");
  return bytes;
}

/** Gives a layer other weights, all 0. */
function replace(root: Group, name: string, shapes: number[][], dtype = "<f"): void {
  const layer = root.get(name) as Group;
  const names = shapes.map((_, i) => `other_${i}`);
  shapes.forEach((shape, i) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    layer.create_dataset({ name: names[i]!, data, shape, dtype });
  });
  layer.delete_attribute("weight_names");
  layer.create_attribute("weight_names", names);
}

const all = (array: Float32Array, length: number, value: number) =>
  array.length === length && array.every((x) => x === value);

// What each kind of file makes of values from 0 to 255, and of which size of pictures.
const usual = { size: 299, preprocess: "tf" };
const FILES: Record<string, unknown> = {
  "top.h5": usual,
  "whole.h5": usual,
  "odd.h5": usual,
  "nested.h5": usual,
  "nested.weights.h5": usual,
  "inlined.keras": usual,
  "tutorial.h5": { size: 224, preprocess: "tf" },
  "normalized.keras": {
    size: 299,
    preprocess: { mean: [0.5, 0.5, 0.75], std: [0.5, 0.25, 0.25] },
  },
};

for (const [name, wanted] of Object.entries(FILES)) {
  Deno.test(`readKerasModel() gives each convolution its own weights: ${name}`, async () => {
    const { convolutions, input } = await readKerasModel(await fixture(name));
    assert.deepEqual(input, wanted);
    assert.equal(convolutions.length, 94);
    for (const [n, { kernel, dims, beta, mean, variance }] of convolutions.entries()) {
      const [height, width, channels, filters] = dims;
      assert.ok(all(kernel, height * width * channels * filters, n), `kernel ${n}`);
      assert.ok(all(beta, filters, n + 0.25), `beta ${n}`);
      assert.ok(all(mean, filters, n + 0.5), `mean ${n}`);
      assert.ok(all(variance, filters, n + 0.75), `variance ${n}`);
    }
    assert.ok(buildOnnx(convolutions).length > 87_000_000); // all shapes fit
  });
}

Deno.test("readKerasModel() takes batch normalisation with gamma, as variants have it", async () => {
  const file = await edited((root) => {
    for (const name of root.keys().filter((name) => name.startsWith("batch_normalization"))) {
      const layer = root.get(name) as Group;
      const [beta, ...others] = layer.attrs["weight_names"]!.value as string[];
      const gamma = beta!.replace("beta", "gamma");
      const { shape } = layer.get(beta!) as Dataset;
      layer.create_dataset({ name: gamma, data: new Float32Array(shape![0]!).fill(2), shape });
      layer.delete_attribute("weight_names");
      layer.create_attribute("weight_names", [gamma, beta!, ...others]);
    }
  }, await fixture("top.h5"));
  const plain = await readKerasModel(await fixture("top.h5"));
  const { convolutions } = await readKerasModel(file);
  const onnx = [plain.convolutions, convolutions].map((c) => [...readConvolutions(buildOnnx(c))]);
  for (const [n, { kernel, bias }] of onnx[0]!.entries()) {
    const scaled = onnx[1]![n]!;
    assert.equal(scaled.kernel[0], 2 * kernel[0]!);
    const beta = n + 0.25;
    assert.ok(Math.abs(scaled.bias[0]! - beta - 2 * (bias[0]! - beta)) < 1e-4, `bias ${n}`);
  }
});

Deno.test("readKerasModel() takes any number of classes, and other layers on top", async () => {
  for (const shapes of [[[2048, 7], [7]], [[131072, 10]]]) {
    const file = await edited(
      (root) => replace(root, "predictions", shapes),
      await fixture("top.h5"),
    );
    assert.equal((await readKerasModel(file)).convolutions.length, 94);
  }
});

Deno.test("readKerasModel() takes a file of weights only if no layer in front may change pictures", async () => {
  const nested = await fixture("nested.h5");
  const inFront = (...layers: [name: string, weights: number[][]][]) =>
    edited((root) => {
      for (const [name, weights] of layers) {
        const group = root.create_group(name);
        const names = weights.map((_, i) => `${name}/${i}`);
        if (weights.length > 0) group.create_group(name);
        weights.forEach((numbers, i) => {
          const shape = numbers.length === 1 ? [] : [numbers.length];
          group.create_dataset({ name: names[i]!, data: new Float32Array(numbers), shape });
        });
        group.create_attribute("weight_names", weights.length > 0 ? names : new Float64Array());
      }
      const names = root.attrs["layer_names"]!.value as string[];
      root.delete_attribute("layer_names");
      root.create_attribute("layer_names", [...layers.map(([name]) => name), ...names]);
    }, nested);
  for (
    const name of ["input_1", "random_flip", "gaussian_noise_2", "spatial_dropout2d", "dense_7"]
  ) {
    assert.deepEqual((await readKerasModel(await inFront([name, []]))).input, usual, name);
  }
  const adapted: [string, number[][]] = ["normalization", [[51, 102, 51], [2601, 2601, 2601], [
    9,
  ]]];
  assert.deepEqual((await readKerasModel(await inFront(adapted))).input, {
    size: 299,
    preprocess: { mean: [0.2, 0.4, 0.2], std: [0.2, 0.2, 0.2] },
  });
  for (
    const name of ["rescaling", "input_scaling", "sequential", "tf.math.truediv", "random_crop"]
  ) {
    await refused(await inFront([name, []]), new RegExp(`^Its layer "${name}" may .*model\\.save`));
  }
  await refused(await inFront(["normalization", []]), /^Its layer "normalization" may/);
  await refused(await inFront(["rescaling", []], adapted), /^Its layer "rescaling" may/);
});

async function refused(file: Uint8Array, message: RegExp): Promise<void> {
  await assert.rejects(readKerasModel(file), { name: "TypeError", message });
}

Deno.test("readKerasModel() tells why a file of Keras cannot be used", async () => {
  const top = await fixture("top.h5");
  const change = (change: (root: File) => void) => edited(change, top);
  const listLayers = (names: string[]) =>
    change((root) => {
      root.delete_attribute("layer_names");
      root.create_attribute("layer_names", names);
    });
  const cases: [Uint8Array, RegExp][] = [
    [top.slice(0, 100), /^The HDF5 file is cut short or damaged$/],
    [top.slice(0, -1), /^The HDF5 file is cut short or damaged$/],
    [(await fixture("inlined.keras")).slice(0, 90_000), /^The zip file is cut short or damaged$/],
    [await fixture("keras3.weights.h5"), /^It has 0 convolutions, but InceptionV3 94$/],
    [await fixture("resnet50.h5"), /^It looks like ResNet, not InceptionV3$/],
    [await edited(() => {}), /^It holds no weights of Keras$/],
    [await listLayers(["conv2d"]), /^It has 1 convolutions, but InceptionV3 94$/],
    [await listLayers(["conv2d", "none"]), /^Group "\/" has no group "none"$/],
    [
      await change((root) => (root.get("conv2d_4") as Group).delete_attribute("weight_names")),
      /^Group "\/conv2d_4" has no weight_names$/,
    ],
    [
      await change((root) => replace(root, "conv2d_4", [[3, 3, 80, 191]])),
      /^Layer "conv2d_4" has weights of \[3, 3, 80, 191\], but InceptionV3 has \[3, 3, 80, 192\] here$/,
    ],
    [
      await change((root) => replace(root, "conv2d_4", [[3, 3, 80, 192], [192]])),
      /^Layer "conv2d_4" has weights of \[3, 3, 80, 192\], \[192\], but .* here$/,
    ],
    [
      await change((root) => replace(root, "batch_normalization", [[31], [31], [31], [31]])),
      /^Layer "batch_normalization" has weights of \[31\], \[31\], \[31\], \[31\], but .* here$/,
    ],
    [
      await change((root) => replace(root, "conv2d", [[3, 3, 3, 32]], "<i")),
      /^Dataset "\/conv2d\/other_0" does not hold floating-point numbers$/,
    ],
  ];
  for (const [file, message] of cases) await refused(file, message);
  const { FS } = await ready;
  assert.deepEqual(FS.readdir("/").filter((name: string) => name.endsWith(".h5")), []);
});

Deno.test("readKerasModel() tells what a file is that is not of Keras", async () => {
  const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  const none = new Uint8Array();
  const cases: [Uint8Array, RegExp][] = [
    [none, /it is empty$/],
    [bytes("<!doctype html><title>Sign in</title>"), /web page/],
    [bytes("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"), /Git LFS/],
    [zipSync({ "archive/data.pkl": none }), /PyTorch.*ONNX$/],
    [zipSync({ "model/saved_model.pb": none }), /SavedModel.*model\.save/],
    [zipSync({ "weights.h5": none }), /unpack "weights\.h5" first$/],
    [zipSync({ "x.txt": none }), /^It is a zip file, but not one that Keras writes/],
    [zipSync({ "config.json": none, "model.weights.h5": none }), /cut short or damaged$/],
    [bytes("\x80\x02\x8a\nl\xfc\x9c\x46\xf9\x20\x6a\xa8P\x19."), /PyTorch/],
    [bytes("\x08\x01\x12\xa0\x01"), /SavedModel/],
    [bytes("\x08\x08\x12\x07pytorch"), /ONNX.*\.onnx$/],
    [bytes('\x20\0\0\0\0\0\0\0{"a":{}}'), /safetensors/],
    [bytes("\x1f\x8b\x08\0"), /gzip/],
    [bytes("\x89HDF\n\x1a\n\0\0"), /^The HDF5 file is cut short or damaged$/],
    [bytes("\xff\xfe\x00\x01"), /^It is no HDF5 file$/],
  ];
  for (const [file, message] of cases) await refused(file, message);
});

Deno.test("readKerasModel() is not led astray by links and lists without end", async () => {
  const top = await fixture("top.h5");
  const cases: [Uint8Array, RegExp][] = [
    [
      await edited((root) => root.create_hard_link("/", "layers")),
      /^Its models lie too deep in each other$/,
    ],
    [
      await edited((root) => root.create_soft_link("/", "layers")),
      /^The HDF5 file is cut short or damaged$/, // HDF5 follows 16 soft links
    ],
    [
      await edited((root) => {
        root.create_soft_link("/b", "a");
        root.create_soft_link("/a", "b");
        root.create_attribute("layer_names", ["a"]);
      }),
      /^The HDF5 file is cut short or damaged$/,
    ],
    [
      await edited((root) => {
        root.create_external_link("/etc/hosts", "/", "a");
        root.create_attribute("layer_names", ["a"]);
      }),
      /^Group "\/" has no group "a"$/,
    ],
    [
      await edited((root) => {
        root.create_external_link("/etc/hosts", "/", "a");
        root.create_attribute("layer_names", ["a/b"]);
      }),
      /^The HDF5 file is cut short or damaged$/,
    ],
    [
      await edited((root) => {
        (root.get("conv2d") as Group).create_soft_link("/conv2d", "again");
        root.delete_attribute("layer_names");
        root.create_attribute("layer_names", [`conv2d${"/again".repeat(5000)}`], null, "S30006");
      }, top),
      /^The HDF5 file is cut short or damaged$/,
    ],
    [
      await edited((root) => {
        const layer = root.create_group("x");
        layer.create_attribute("weight_names", Array(2000).fill("w"), null, "S1");
        layer.create_dataset({ name: "w", data: new Float32Array(1) });
        root.create_attribute("layer_names", Array(2000).fill("x"), null, "S1");
      }),
      /^It has too many layers$/,
    ],
  ];
  for (const [file, message] of cases) await refused(file, message);
});
