import assert from "node:assert/strict";
import { layRows } from "../../lib/serve/page/rows.js";

const RATIOS = [1.5, 0.7, 1, 1.33, 1.5, 2.4, 0.66, 0.75, 1.2, 1.5, 1.5, 0.8, 3, 1, 0.6, 1.4];

Deno.test("layRows() fills the width and keeps each picture's shape", () => {
  for (const width of [328, 358, 700, 1333, 2400]) {
    const size = { width, height: 200, gap: 16 };
    const rows = layRows(RATIOS, size);
    assert.equal(rows.flatMap(({ widths }) => widths).length, RATIOS.length);
    let i = 0;
    for (const { widths, height, isFull } of rows) {
      const used = widths.reduce((sum, w) => sum + w, 16 * (widths.length - 1));
      if (isFull) assert.equal(used, width);
      else assert.ok(used <= width);
      for (const w of widths) {
        const wanted = RATIOS[i++]!;
        const error = Math.abs(w / height / wanted - 1);
        assert.ok(error < 0.06, `at ${width}: ${w} × ${height} for a shape of ${wanted}`);
      }
    }
  }
});

Deno.test("layRows() makes rows of about the wanted height", () => {
  const rows = layRows(RATIOS, { width: 1333, height: 240, gap: 18 });
  for (const { height } of rows) assert.ok(height > 170 && height < 340, `${height}`);
});

Deno.test("layRows() lets no picture take the whole screen, and no row be too wide", () => {
  const [strip, tower] = layRows([40, 0.01], { width: 360, height: 160, gap: 12 });
  assert.deepEqual(strip, { widths: [360], height: 120, isFull: true });
  assert.deepEqual(tower, { widths: [72], height: 160, isFull: false });
  assert.deepEqual(layRows([], { width: 360, height: 160, gap: 12 }), []);
});
