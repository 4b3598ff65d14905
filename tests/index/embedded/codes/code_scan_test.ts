import assert from "node:assert/strict";
import { join } from "node:path";
import { BinaryCoder } from "../../../../lib/index/embedded/codes/binary_code.ts";
import { CodeScan } from "../../../../lib/index/embedded/codes/code_scan.ts";
import { distance } from "../../../helpers/hamming.ts";
import { testKernelBuild } from "../../../helpers/kernel_build.ts";
import { ROOT } from "../../../helpers/run_task.ts";
import { randomVectors } from "../../contract.ts";

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

await testKernelBuild("scan", join(ROOT, "lib/index/embedded/codes/kernel"));
