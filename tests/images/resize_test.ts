import assert from "node:assert/strict";
import { join } from "node:path";
import { resize } from "../../lib/images/resize.ts";
import { memory } from "../../lib/images/resize_kernel/kernel.wasm";
import { testKernelBuild } from "../helpers/kernel_build.ts";
import { ROOT } from "../helpers/run_task.ts";

const KERNEL = join(ROOT, "lib/images/resize_kernel");

/** For each output position: where its window begins, and its coefficients. */
type Windows = { begin: number; coefficients: number[] }[];

function windowsOf(inSize: number, outSize: number): Windows {
  const scale = inSize / outSize;
  const widening = Math.max(1, scale);
  return Array.from({ length: outSize }, (_, x) => {
    const center = (x + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(center - 2 * widening + 0.5));
    const end = Math.min(inSize, Math.trunc(center + 2 * widening + 0.5));
    const weights = Array.from(
      { length: end - begin },
      (_, i) => keys(Math.abs((begin + i - center + 0.5) * (1 / widening))),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const coefficients = weights.map((weight) => {
      const scaled = weight / total * 2 ** 22;
      return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
    return { begin, coefficients };
  });
}

function keys(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

/** The pixel of a window in a row or column, whose pixels are `step` bytes apart. */
function weighted(
  { begin, coefficients }: Windows[number],
  pixels: Uint8Array,
  start: number,
  step: number,
): number {
  let sum = 2 ** 21;
  for (let i = 0, p = start + begin * step; i < coefficients.length; i++, p += step) {
    sum += coefficients[i]! * pixels[p]!;
  }
  return Math.max(0, Math.min(255, Math.floor(sum / 2 ** 22)));
}

/** Pillow's arithmetic, pixel by pixel. */
function reference(
  pixels: Uint8Array,
  [width, height, channels, outWidth, outHeight]: readonly [number, number, number, number, number],
): Uint8Array {
  const rowLength = outWidth * channels;
  const across = windowsOf(width, outWidth);
  const down = windowsOf(height, outHeight);
  const rows = new Uint8Array(height * rowLength);
  for (let i = 0; i < rows.length; i++) {
    const [y, x] = [Math.floor(i / rowLength), Math.floor(i % rowLength / channels)];
    rows[i] = weighted(across[x]!, pixels, y * width * channels + i % channels, channels);
  }
  const result = new Uint8Array(outHeight * rowLength);
  for (let i = 0; i < result.length; i++) {
    result[i] = weighted(down[Math.floor(i / rowLength)]!, rows, i % rowLength, rowLength);
  }
  return result;
}

/** Bytes that are the same in every run. */
function noise(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed >>> 24;
  });
}

const SIZES: [width: number, height: number][] = [
  ...[[1, 1], [1, 9], [9, 1], [2, 3], [3, 800], [800, 3], [299, 17], [17, 299], [298, 300]],
  ...[[300, 298], [299, 299], [600, 451], [70_000, 2], [2, 2500]],
] as [number, number][];
const OUT_SIZES: [width: number, height: number][] = [[299, 299], [224, 224], [31, 77], [1, 1]];

for (const channels of [1, 3] as const) {
  Deno.test(`resize() of ${channels} channels equals the plain arithmetic`, () => {
    for (const [i, [width, height]] of SIZES.entries()) {
      for (const [outWidth, outHeight] of OUT_SIZES) {
        const shades = noise(width * height * channels, i);
        // Black and white alone make the sums overshoot to either side.
        const contrasts = shades.map((value) => value < 128 ? 0 : 255);
        for (const pixels of [shades, contrasts]) {
          const sizes = [width, height, channels, outWidth, outHeight] as const;
          assert.deepEqual(resize(pixels, ...sizes), reference(pixels, sizes), `${sizes}`);
        }
      }
    }
  });
}

Deno.test("resize() leaves the memory of its kernel small", () => {
  resize(new Uint8Array(20e6 * 3), 10_000, 2000, 3, 299, 299);
  resize(new Uint8Array(300_000 * 3), 1, 300_000, 3, 299, 299);
  resize(new Uint8Array(300_000 * 3), 300_000, 1, 3, 299, 299);
  assert.ok(memory.buffer.byteLength < 16e6, `${memory.buffer.byteLength}`);
});

await testKernelBuild("resize", KERNEL);
