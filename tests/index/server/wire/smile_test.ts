import assert from "node:assert/strict";
import { join } from "node:path";
import { SmileWriter } from "../../../../lib/index/server/wire/smile.ts";
import { ROOT } from "../../../helpers/run_task.ts";

Deno.test("SmileWriter writes what the reference implementation writes, byte for byte", async () => {
  const ascii = [32, 33, 64, 65].map((n) => [`ascii${n}`, "x".repeat(n)]);
  const unicode = [32, 33, 34, 64, 65].map((n) => [`unicode${n}`, `ø${"x".repeat(n - 2)}`]);
  const writer = new SmileWriter(1);
  writer.document({
    id: "a1",
    "": "",
    Øre: "Bjørnen 😀",
    ...Object.fromEntries([...ascii, ...unicode]),
    ["k".repeat(64)]: "1",
    ["k".repeat(65)]: "2",
    [`ø${"k".repeat(54)}`]: "3",
    [`ø${"k".repeat(55)}`]: "4",
    int: [
      ...[0, -1, 15, -16, 16, -17, 31, 32, 63, 64, 1000, -1000, 8191, 8192],
      ...[1048575, 1048576, 2 ** 31 - 1, -(2 ** 31)],
    ],
    t: true,
    f: false,
    n: null,
    vector: new Float32Array([
      ...[0, -0, 1, -1, 0.1, -0.333, 1e-45],
      ...[3.4028234663852886e38, -3.4028234663852886e38, 123456.79],
    ]),
    object: { list: ["a", "b"] },
  });
  const expected = await Deno.readFile(join(ROOT, "tests/fixtures/index/jackson.smile"));
  assert.equal(writer.bytes().toHex(), expected.toHex());
});

Deno.test("SmileWriter begins anew in the same memory, and refuses what it cannot write", () => {
  const writer = new SmileWriter();
  writer.document({ a: "b" });
  const first = writer.bytes().toHex();
  writer.document({ a: "b" });
  assert.equal(writer.bytes().toHex(), first + first);
  writer.clear();
  writer.document({ a: "b" });
  assert.equal(writer.bytes().toHex(), first);
  for (const number of [0.5, NaN, -0, 2 ** 31]) {
    assert.throws(() => writer.document({ number }), RangeError);
  }
});
