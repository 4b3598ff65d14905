import assert from "node:assert/strict";
import { CONVOLUTIONS } from "../../../lib/inference/models/inception_v3.ts";
import { openModel } from "../../../lib/inference/models/model.ts";
import { readConvolutions } from "../../../lib/inference/models/onnx_graph.ts";

Deno.test("readConvolutions() gives the weights of a model in the network's order", async () => {
  const file = await Deno.readFile((await openModel("demo")).path);
  const convolutions = [...readConvolutions(file)];
  assert.equal(convolutions.length, CONVOLUTIONS);
  assert.deepEqual(convolutions[0]!.dims, [32, 3, 3, 3]);
  assert.deepEqual(convolutions.at(-1)!.dims, [192, 2048, 1, 1]);
  for (const { kernel, dims, bias } of convolutions) {
    assert.equal(kernel.length, dims.reduce((product, size) => product * size));
    assert.equal(bias.length, dims[0]);
    assert.ok(bias.every(Number.isFinite) && kernel.some((weight) => weight !== 0));
  }
});

Deno.test("readConvolutions() refuses what was not written here", async () => {
  const file = await Deno.readFile((await openModel("demo")).path);
  file.set(new TextEncoder().encode("other"), 4); // after the version, and the name's tag and length
  for (const other of [file, new Uint8Array(), new TextEncoder().encode("no model")]) {
    assert.throws(() => [...readConvolutions(other)], TypeError);
  }
});
