import assert from "node:assert/strict";
import { BinaryCoder } from "../../../../lib/index/embedded/codes/binary_code.ts";
import { distance } from "../../../helpers/hamming.ts";
import { randomVectors } from "../../contract.ts";

/** Fast Walsh-Hadamard transform as the textbooks have it. */
function hadamard(x: Float32Array): Float32Array {
  if (x.length === 1) return x;
  const half = x.length / 2;
  const [a, b] = [x.subarray(0, half), x.subarray(half)];
  const sums = hadamard(a.map((value, i) => value + b[i]!));
  const differences = hadamard(a.map((value, i) => value - b[i]!));
  return Float32Array.from([...sums, ...differences]);
}

Deno.test("BinaryCoder makes the signs of two transforms, the same for the same seed", () => {
  for (const dims of [8, 1000, 2048]) {
    const [vector] = randomVectors(1, dims, 9) as [Float32Array];
    const coder = new BinaryCoder(dims, 42);
    const { code, numbers } = coder.encode(vector);
    const length = Math.max(1024, 2 ** Math.ceil(Math.log2(dims)));
    assert.equal(8 * code.length, length);
    const bits = Array.from(numbers, (_, i) => (code[i >> 3]! >> (i & 7)) & 1);
    assert.deepEqual(bits, Array.from(numbers, (x) => x > 0 ? 1 : 0));
    // Undone: the transform is its own inverse but for its scale, and signs keep lengths.
    const back = hadamard(Float32Array.from(numbers)).map((x) => x / length);
    const norm = (x: Float32Array) => Math.hypot(...x);
    assert.ok(Math.abs(norm(back) / norm(vector) / Math.sqrt(length) - 1) < 1e-5);
    assert.deepEqual(new BinaryCoder(dims, 42).encode(vector).code, code);
    assert.notDeepEqual(new BinaryCoder(dims, 43).encode(vector).code, code);
  }
});

Deno.test("BinaryCoder gives near codes for near vectors, in proportion to the angle", () => {
  const [a, b] = randomVectors(2, 100) as [Float32Array, Float32Array];
  const coder = new BinaryCoder(100, 42);
  const codeOf = (vector: Float32Array) => coder.encode(vector).code.slice();
  const near = codeOf(a.map((x, i) => x + 0.05 * b[i]!));
  const bits = 8 * coder.bytes;
  assert.ok(distance(codeOf(a), near) < 0.05 * bits);
  assert.ok(Math.abs(distance(codeOf(a), codeOf(b)) - bits / 2) < 0.1 * bits);
  assert.equal(distance(codeOf(a), codeOf(a.map((x) => -x))), bits);
});
