import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { decodeNpy, encodeNpy } from "../../lib/vectors/npy.ts";
import { countVct, decodeVct, encodeVct } from "../../lib/vectors/vct.ts";
import { VectorFolder } from "../../lib/vectors/vector_folder.ts";
import { checkVector } from "../../lib/vectors/vector_store.ts";
import { tempDir } from "../helpers/temp_dir.ts";

// Written by numpy.save and numpy.savetxt: tests/fixtures/regenerate.py.
const fixture = (name: string) =>
  Deno.readFile(new URL(`../fixtures/vectors/${name}`, import.meta.url));
const ramp = decodeNpy(await fixture("ramp.npy"));

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

Deno.test("encodeVct() writes the text of numpy.savetxt, and decodeVct() reads it", async () => {
  const text = new TextDecoder().decode(await fixture("ramp.vct"));
  assert.equal(encodeVct(ramp), text);
  assert.deepEqual(decodeVct(text), ramp);
  assert.throws(() => decodeVct("1.0\nabc\n"), { code: "vector_file", message: /line 2 is "abc"/ });
  assert.throws(() => decodeVct(""), { code: "vector_file" });
});

Deno.test("decodeVct() reads what numpy.loadtxt reads, and no number that is cut off", () => {
  const wanted = new Float32Array([1.5, -0.25, NaN, Infinity]);
  for (
    const text of [
      "1.5\n-.25\nnan\ninf",
      "1.5 -0.25\tNaN Inf\n",
      "1.5, -2.5e-1,nan,+Infinity\n",
      "# made by hand\n1.5 # one\n-0.25\r\n\r\nnan\ninf\n",
      "\ufeff1.5\n-0.25\nnan\ninf\n",
    ]
  ) assert.deepEqual(decodeVct(text), wanted, text);
  const text = encodeVct(ramp.slice(0, 8));
  assert.deepEqual(decodeVct(text.trimEnd()), ramp.slice(0, 8));
  for (const cut of [2, 5, 12, 20]) {
    assert.throws(() => decodeVct(text.slice(0, -cut)), {
      code: "vector_file",
      message: /cut off/,
    });
    assert.equal(countVct(text.slice(0, -cut)), 0);
  }
});

Deno.test("VectorFolder.read() looks beside the record's folder, then flat", async () => {
  await using dir = await tempDir();
  const read = (folder: string) =>
    new VectorFolder(dir.path, { format: "npy", suffix: "_v" }).read(folder, "a");
  assert.equal(await read("nb"), undefined);
  await Deno.writeFile(join(dir.path, "a_v.npy"), encodeNpy(ramp.slice(0, 2)));
  assert.equal((await read("nb"))?.length, 2);
  await Deno.mkdir(join(dir.path, "nb"));
  await Deno.writeFile(join(dir.path, "nb/a_v.npy"), encodeNpy(ramp.slice(0, 3)));
  assert.equal((await read("nb"))?.length, 3);
  // A file where the record's folder would be.
  assert.equal((await read("a_v.npy"))?.length, 3);
});

Deno.test("VectorFolder finds vectors by access, and in folders of other case", async () => {
  for (
    const [record, vector] of [
      ["nb/2020-01-01", "nb"],
      ["nb/2020-01-01", "NB"],
      ["", "EVERYWHERE"],
      ["norway", "NORWAY"],
      ["LIBRARY/1905", "library/1905"],
    ] as const
  ) {
    await using dir = await tempDir();
    await Deno.mkdir(join(dir.path, vector), { recursive: true });
    await Deno.writeFile(join(dir.path, vector, "a.npy"), encodeNpy(ramp.slice(0, 3)));
    const vectors = new VectorFolder(dir.path, { format: "npy", suffix: "" });
    assert.equal((await vectors.read(record, "a"))?.length, 3, `${record} in ${vector}`);
    assert.equal(vectors.find(record, "a"), join(dir.path, vector, "a.npy"));
    assert.ok(await vectors.hasWhole(record, "a", 3));
    assert.equal(await vectors.read(record, "b"), undefined);
  }
});

Deno.test("VectorFolder reads text in an .npy file as such, and counts it", async () => {
  await using dir = await tempDir();
  const vectors = new VectorFolder(dir.path, { format: "npy", suffix: "" });
  await Deno.writeTextFile(join(dir.path, "a.npy"), encodeVct(ramp));
  await Deno.writeFile(join(dir.path, "b.npy"), encodeNpy(ramp));
  await Deno.writeTextFile(join(dir.path, "c.npy"), "<html>not found</html>");
  assert.deepEqual(await vectors.read("", "a"), ramp);
  assert.deepEqual(await vectors.read("", "b"), ramp);
  assert.equal(vectors.textFiles, 1);
  assert.ok(await vectors.hasWhole("", "a", 2048));
  await assert.rejects(vectors.read("", "c"), { code: "vector_file" });
});

Deno.test("checkVector() takes only vectors that have a direction", () => {
  checkVector(new Float32Array([0, 1e-17]), 2);
  checkVector(new Float32Array([1e-45, -1e17]), 2);
  const bad: [number[], string][] = [
    [[1], "vector_size"],
    [[0, -0], "vector_values"],
    [[1, NaN], "vector_values"],
    [[Infinity, 1], "vector_values"],
    [[1e19, 1], "vector_values"],
    [[0, -1e-19], "vector_values"],
  ];
  for (const [values, code] of bad) {
    assert.throws(() => checkVector(new Float32Array(values), 2), { code });
  }
});
