import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { decodeNpy, encodeNpy } from "../../lib/vectors/npy.ts";
import { fixture, ramp } from "../helpers/vector_fixtures.ts";

Deno.test("encodeNpy() writes the bytes of numpy.save", async () => {
  assert.deepEqual(encodeNpy(ramp), await fixture("ramp.npy"));
  assert.deepEqual(encodeNpy(ramp.slice(0, 3)), await fixture("short.npy"));
});

Deno.test("decodeNpy() reads what NumPy wrote, bit for bit", async () => {
  assert.deepEqual([...ramp.slice(0, 4)], [0, -0, 1.401298464324817e-45, 3.4028234663852886e38]);
  assert.equal(ramp.length, 2048);
  assert.deepEqual(decodeNpy(await fixture("row.npy")), ramp); // shape (1, 2048)
  assert.deepEqual(decodeNpy(await fixture("version2.npy")), ramp.slice(0, 4));
});

Deno.test("decodeNpy() reads other types of numbers, as older and other programs write them", async () => {
  assert.deepEqual(decodeNpy(await fixture("float64.npy")), ramp.slice(0, 4));
  assert.deepEqual(decodeNpy(await fixture("big_endian.npy")), ramp.slice(0, 4));
  // From a header of an odd length, with the type "=f4", and with Python 2's long numbers.
  const odd = ["o_unaligned.npy", "zb_equalsf4.npy", "l_py2long.npy"];
  const [first, ...others] = await Promise.all(
    odd.map(async (name) => decodeNpy(await fixture(name))),
  );
  assert.deepEqual(first!.slice(0, 3), new Float32Array([0.6647801, -1.0698651, 0.18263833]));
  assert.deepEqual(others[0]!.slice(0, 3), new Float32Array([-1.2531332, 1.328526, -0.9428028]));
  assert.deepEqual(others[1]!.slice(0, 3), new Float32Array([0.67133313, -0.5082224, 1.9242032]));
  for (const vector of [first!, ...others]) assert.equal(vector.length, 64);
});

Deno.test("decodeNpy() refuses what is not a vector of numbers", async () => {
  for (const name of ["matrix.npy", "ramp.vct"]) {
    const file = await fixture(name);
    assert.throws(() => decodeNpy(file), { code: "vector_file" }, name);
  }
  const whole = await fixture("ramp.npy");
  for (const length of [0, 5, 60, 128, 131, 8319]) {
    assert.throws(() => decodeNpy(whole.slice(0, length)), { code: "vector_file" }, `${length}`);
  }
});

Deno.test("decodeNpy() reads each file of a folder for itself, however alike they are", async () => {
  const file = await fixture("ramp.npy");
  const other = ramp.map((n) => n / 2);
  assert.deepEqual(decodeNpy(encodeNpy(other)), other);
  assert.deepEqual(decodeNpy(file), ramp);
  const text = Buffer.from(file).toString("latin1");
  for (const [part, odd] of [["<f4", "<c4"], ["(2048,)", "(2049,)"], ["(2048,)", "(2,512)"]]) {
    const bytes = new Uint8Array(Buffer.from(text.replace(part!, odd!), "latin1"));
    const message = /holds <c4|2049 numbers|its shape/;
    assert.throws(() => decodeNpy(bytes), { code: "vector_file", message }, odd);
  }
  const swapped = new Uint8Array(Buffer.from(text.replace("<f4", ">f4"), "latin1"));
  assert.notDeepEqual(decodeNpy(swapped), ramp);
  assert.deepEqual(decodeNpy(file), ramp);
  assert.throws(() => decodeNpy(file.slice(0, -4)), { code: "vector_file" });
});

Deno.test("decodeNpy() reads float16, and what has as many bytes after it", async () => {
  const half = await fixture("half.npy");
  const single = ramp.slice(0, (half.length - 128) / 4);
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(decodeNpy(half), ramp.slice(4, 68).map(Math.f16round));
    assert.deepEqual(decodeNpy(encodeNpy(single)), single);
  }
});
