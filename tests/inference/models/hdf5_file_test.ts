import assert from "node:assert/strict";
import {
  Dataset,
  floatsOf,
  isHdf5,
  memberOf,
  withHdf5,
} from "../../../lib/inference/models/hdf5_file.ts";

// tests/fixtures/keras/make_keras_weights.py makes it.
const file = await Deno.readFile(new URL("../../fixtures/keras/datasets.h5", import.meta.url));

function floats(name: string): Promise<Float32Array> {
  return withHdf5(file, (root) => floatsOf(memberOf(root, name, Dataset)));
}

Deno.test("floatsOf() reads all floating-point numbers, in both orders of bytes, packed or not", async () => {
  for (const name of ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "gzip", "scaleoffset"]) {
    assert.deepEqual(await floats(name), new Float32Array([0.5, -1.25, 2, 93.75]), name);
  }
});

Deno.test("floatsOf() reads nothing that is elsewhere, or packed in an unknown way", async () => {
  const cases: [string, RegExp][] = [
    ["<i4", /does not hold floating-point numbers$/],
    ["lzf", /is compressed by "lzf", which cannot be read here: .* save it again$/],
    ["virtual", /is virtual: its numbers are in other files$/],
    ["external", /^The HDF5 file is cut short or damaged$/],
    ["huge", /^The HDF5 file is cut short or damaged$/],
    ["link", /^Group "\/" has no dataset "link"$/],
  ];
  for (const [name, message] of cases) {
    await assert.rejects(floats(name), { name: "TypeError", message }, name);
  }
});

Deno.test("isHdf5() finds the signature after a block of the user's", () => {
  for (const block of [0, 512, 1024, 4096]) {
    assert.ok(
      isHdf5(new Uint8Array([...new Uint8Array(block), ...file.subarray(0, 64)])),
      `${block}`,
    );
  }
  assert.ok(!isHdf5(new Uint8Array([...new Uint8Array(100), ...file.subarray(0, 64)])));
  assert.ok(!isHdf5(new Uint8Array()));
});
