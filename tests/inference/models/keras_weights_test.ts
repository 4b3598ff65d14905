import assert from "node:assert/strict";
import { File, Group, ready } from "h5wasm";
import { readKerasWeights } from "../../../lib/inference/models/keras_weights.ts";
import { buildOnnx } from "../../../lib/inference/models/onnx_graph.ts";

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

for (const name of ["top.h5", "whole.h5"]) {
  Deno.test(`readKerasWeights() gives each convolution its own weights: ${name}`, async () => {
    const weights = await readKerasWeights(await fixture(name));
    assert.equal(weights.length, 94);
    for (const [n, { kernel, dims, beta, mean, variance }] of weights.entries()) {
      const [height, width, channels, filters] = dims;
      assert.ok(all(kernel, height * width * channels * filters, n), `kernel ${n}`);
      assert.ok(all(beta, filters, n + 0.25), `beta ${n}`);
      assert.ok(all(mean, filters, n + 0.5), `mean ${n}`);
      assert.ok(all(variance, filters, n + 0.75), `variance ${n}`);
    }
    assert.ok(buildOnnx(weights).length > 87_000_000); // all shapes fit
  });
}

Deno.test("readKerasWeights() takes any number of classes", async () => {
  const file = await edited(
    (root) => replace(root, "predictions", [[2048, 7], [7]]),
    await fixture("top.h5"),
  );
  assert.equal((await readKerasWeights(file)).length, 94);
});

Deno.test("readKerasWeights() tells why a file cannot be used", async () => {
  const top = await fixture("top.h5");
  const change = (change: (root: File) => void) => edited(change, top);
  const listLayers = (names: string[]) =>
    change((root) => {
      root.delete_attribute("layer_names");
      root.create_attribute("layer_names", names);
    });
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(), /^It is no HDF5 file$/],
    [new TextEncoder().encode("<!doctype html>"), /^It is no HDF5 file$/],
    [top.slice(0, 100), /^The HDF5 file is cut short or damaged$/],
    [top.slice(0, -1), /^The HDF5 file is cut short or damaged$/],
    [await fixture("keras3.weights.h5"), /^It is in the newer format of Keras 3: .*model\.save/],
    [await edited(() => {}), /^It holds no weights of Keras in the legacy HDF5 format$/],
    [await listLayers(["conv2d"]), /^It has 1 layers with weights, but InceptionV3 188 or 189$/],
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
      await change((root) => replace(root, "batch_normalization", [[32], [32], [32], [32]])),
      /^Layer "batch_normalization" has weights of \[32\], \[32\], \[32\], \[32\], but .* here$/,
    ],
    [
      await change((root) => replace(root, "predictions", [[1024, 1000], [1000]])),
      /^Layer "predictions" has weights of \[1024, 1000\], \[1000\], but .*\[2048, 1000\]/,
    ],
    [
      await change((root) => replace(root, "conv2d", [[3, 3, 3, 32]], "<d")),
      /^Layer "conv2d" is not of float32$/,
    ],
  ];
  for (const [file, message] of cases) {
    await assert.rejects(readKerasWeights(file), { name: "TypeError", message });
  }
  const { FS } = await ready;
  assert.deepEqual(FS.readdir("/").filter((name: string) => name.endsWith(".h5")), []);
});
