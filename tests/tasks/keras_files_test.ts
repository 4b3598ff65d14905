import assert from "node:assert/strict";
import { join } from "node:path";
import { jsonOf, ROOT, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";

/** Unpacks a file that tests/fixtures/keras/make_keras_weights.py made. */
async function fixture(name: string, dir: string): Promise<string> {
  const packed = await Deno.open(join(ROOT, `tests/fixtures/keras/${name}.gz`));
  const path = join(dir, name);
  await Deno.writeFile(path, packed.readable.pipeThrough(new DecompressionStream("gzip")));
  return path;
}

Deno.test("model convert makes the same of InceptionV3 wherever it lies in a file of Keras", async () => {
  await using dir = await tempDir();
  const made = new Set<unknown>();
  for (const name of ["top.h5", "nested.h5", "odd.h5", "nested.weights.h5", "normalized.keras"]) {
    const onnx = join(dir.path, `${name}.onnx`);
    const result = await runTask(
      ["model", "convert", await fixture(name, dir.path), onnx, "--json"],
    );
    assert.equal(result.code, 0, result.stderr);
    made.add(jsonOf(result).sha256);
  }
  assert.equal(made.size, 1);
  const manifest = JSON.parse(await Deno.readTextFile(join(dir.path, "normalized.keras.json")));
  assert.deepEqual(manifest.input.preprocess, { mean: [0.5, 0.5, 0.75], std: [0.5, 0.25, 0.25] });
});

Deno.test("model convert names another network in one line", async () => {
  await using dir = await tempDir();
  const file = await fixture("resnet50.h5", dir.path);
  const { code, stderr } = await runTask(["model", "convert", file, join(dir.path, "x.onnx")]);
  assert.deepEqual(
    [code, stderr],
    [2, `model: Cannot convert "${file}": It looks like ResNet, not InceptionV3\n`],
  );
});
