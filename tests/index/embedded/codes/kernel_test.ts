import assert from "node:assert/strict";
import { join } from "node:path";
import { BinaryCoder } from "../../../../lib/index/embedded/codes/binary_code.ts";
import { CodeScan } from "../../../../lib/index/embedded/codes/code_scan.ts";
import { testKernelBuild } from "../../../helpers/kernel_build.ts";
import { ROOT } from "../../../helpers/run_task.ts";
import { randomVectors } from "../../contract.ts";

const KERNEL = join(ROOT, "lib/index/embedded/codes/kernel");

const ONES = Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

function distance(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ONES[a[i]! ^ b[i]!]!;
  return sum;
}

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

Deno.test("CodeScan finds what plain counting finds, with and without filters", () => {
  const coder = new BinaryCoder(64, 1);
  const scan = new CodeScan(coder.bytes);
  const vectors = randomVectors(40_000, 64);
  const codes = vectors.map((vector) => coder.encode(vector).code.slice());
  const accessOf = (row: number) => row % 10 === 7 ? 0 : 1 + row % 3;
  for (let row = 0; row < codes.length; row += 64) {
    const block = new Uint8Array(64 * coder.bytes);
    codes.slice(row, row + 64).forEach((code, i) => block.set(code, i * coder.bytes));
    scan.set(row, block, Uint32Array.from({ length: 64 }, (_, i) => accessOf(row + i)));
  }
  const every5th = Uint32Array.from({ length: 8000 }, (_, i) => 5 * i);
  const filters = [{}, { access: 2 }, { rows: every5th }, { rows: every5th, access: 3 }];
  for (const filter of [...filters, { rows: new Uint32Array() }, { access: 9 }]) {
    const query = coder.encode(vectors[123]!);
    const expected = codes
      .map((code, row) => ({ row, distance: distance(code, query.code) }))
      .filter(({ row }) => accessOf(row) !== 0)
      .filter(({ row }) => !filter.access || accessOf(row) === filter.access)
      .filter(({ row }) => !filter.rows || row % 5 === 0);
    const rows = scan.nearest(query, 50, filter);
    assert.ok(rows.length >= Math.min(50, filter.rows?.length === 0 ? 0 : expected.length));
    const near = expected.sort((a, b) => a.distance - b.distance).slice(0, 5);
    if (filter.rows?.length === 0) assert.deepEqual(rows, []);
    else for (const { row } of near) assert.ok(rows.includes(row), JSON.stringify(filter));
    assert.ok(rows.every((row, i) => i === 0 || row > rows[i - 1]!), "ascending");
    const possible = new Set(expected.map(({ row }) => row));
    assert.ok(rows.every((row) => possible.has(row)));
  }
});

await testKernelBuild("scan", KERNEL);
