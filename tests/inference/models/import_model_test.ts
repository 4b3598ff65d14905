import assert from "node:assert/strict";
import { File, Group, ready } from "h5wasm";
import { storeKerasModel } from "../../../lib/inference/models/import_model.ts";
import { Stage } from "../../../lib/shared/run.ts";
import { tempDir } from "../../helpers/temp_dir.ts";

/** The weights of tests/fixtures/keras/make_keras_weights.py with one layer of other numbers. */
async function kerasWeights(name: string, value: number): Promise<Uint8Array<ArrayBuffer>> {
  const packed = await Deno.open(new URL("../../fixtures/keras/top.h5.gz", import.meta.url));
  const gunzip = new DecompressionStream("gzip");
  const { FS } = await ready;
  FS.writeFile("/odd.h5", await new Response(packed.readable.pipeThrough(gunzip)).bytes());
  const root = new File("/odd.h5", "a");
  const layer = root.get(name) as Group;
  const names = ["beta", "moving_mean", "moving_variance"];
  for (const name of names) {
    layer.create_dataset({
      name,
      data: new Float32Array(32).fill(value),
      shape: [32],
      dtype: "<f",
    });
  }
  layer.delete_attribute("weight_names");
  layer.create_attribute("weight_names", names);
  root.close();
  const bytes = FS.readFile("/odd.h5");
  FS.unlink("/odd.h5");
  return bytes as Uint8Array<ArrayBuffer>;
}

Deno.test("weights of Keras that are no numbers make no model", async () => {
  await using dir = await tempDir();
  await using stage = new Stage("model", new AbortController().signal);
  const output = await stage.openOutput(dir.path);
  const origin = { name: "odd", source: "odd.h5", licence: "not known" };
  for (const value of [NaN, Infinity, -1]) {
    const weights = await kerasWeights("batch_normalization", value);
    await assert.rejects(storeKerasModel(weights, origin, output, () => Promise.resolve()), {
      code: "setup",
      message: /convolution 1 hold NaN, infinite numbers or variances below 0/,
    });
  }
  assert.ok(!output.has("odd.onnx"));
});
