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

/** A file of format 1.0 with such a header. */
function npy(header: string, data: ArrayBufferLike): Uint8Array<ArrayBuffer> {
  const dict = `${header.padEnd(117)}\n`;
  const start = Buffer.from(
    `\x93NUMPY\x01\x00${String.fromCharCode(dict.length, 0)}${dict}`,
    "latin1",
  );
  return new Uint8Array(Buffer.concat([start, Buffer.from(data)]));
}

Deno.test("decodeNpy() takes the other names that NumPy has for types", () => {
  const numbers = [1, 2, -3, 4];
  const swapped = (array: Float64Array | Float32Array) =>
    new Uint8Array(array.buffer).reverse().buffer;
  for (
    const [descr, data] of [
      ["u'<f4'", new Float32Array(numbers).buffer],
      ["b'<f4'", new Float32Array(numbers).buffer],
      ...["float32", "f", "<f", "single", "f4"].map((name) =>
        [`'${name}'`, new Float32Array(numbers).buffer] as const
      ),
      ...["float64", "float", "double", "d", "<d", "=d"].map((name) =>
        [`'${name}'`, new Float64Array(numbers).buffer] as const
      ),
      ["'>d'", swapped(new Float64Array(numbers.toReversed()))],
      ["'>f'", swapped(new Float32Array(numbers.toReversed()))],
      ["'float16'", new Float16Array(numbers).buffer],
      ["'e'", new Float16Array(numbers).buffer],
      ["'int64'", new BigInt64Array(numbers.map(BigInt)).buffer],
      ["'<q'", new BigInt64Array(numbers.map(BigInt)).buffer],
      ["'int8'", new Int8Array(numbers).buffer],
      ["'b'", new Int8Array(numbers).buffer],
      ["'h'", new Int16Array(numbers).buffer],
    ] as const
  ) {
    const file = npy(`{'descr': ${descr}, 'fortran_order': False, 'shape': (4,), }`, data);
    assert.deepEqual([...decodeNpy(file)], numbers, descr);
  }
  for (const descr of ["<float32", "float128", "?", "<F", "|O", "<U4", "toString"]) {
    const file = npy(
      `{'descr': '${descr}', 'fortran_order': False, 'shape': (1,), }`,
      new ArrayBuffer(64),
    );
    assert.throws(() => decodeNpy(file), {
      code: "vector_file",
      message: /not numbers that Maken/,
    });
  }
});

Deno.test("decodeNpy() says what a file is instead", () => {
  for (
    const [start, message] of [
      ["PK\x03\x04\x14\x00", /a ZIP archive, as \.npz files are/],
      ["\x1f\x8b\x08\x00", /compressed with gzip/],
      ["\x80\x04\x95\x10", /a Python pickle/],
      ["\x89HDF\r\n\x1a\n", /an HDF5 file/],
      ["\x00\x01\x02\x03", /does not begin as such files do/],
    ] as const
  ) {
    const file = new Uint8Array(Buffer.from(start, "latin1"));
    assert.throws(() => decodeNpy(file), { code: "vector_file", message }, start);
  }
  const empty = npy(
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 64), }",
    new ArrayBuffer(0),
  );
  assert.throws(() => decodeNpy(empty), { message: /holds no numbers: its shape is \(0, 64\)/ });
});
