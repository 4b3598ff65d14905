/**
 * Guesses detail that a progressive JPEG file leaves out from the brightness of the blocks around, as
 * the libjpeg-turbo of Pillow 9.5 does: later ones and mozjpeg guess otherwise near the edges.
 */
import type { Component } from "./blocks.ts";
import type { JpegScans } from "./scans.ts";

type Size = Pick<Component, "columns" | "rows" | "allColumns" | "allRows" | "down">;

/** Weights of the 25 blocks around and including a block, row by row; of those not named, 0. */
type Kernel = readonly number[];

/** Weights for a block of which only the brightness is known, by the number in zigzag order. */
const FROM_NOTHING: readonly Kernel[] = (() => {
  const slope = [
    ...[-1, -1, 0, 1, 1],
    ...[-3, 13, 0, -13, 3],
    ...[-3, 38, 0, -38, 3],
    ...[-3, 13, 0, -13, 3],
    ...[-1, -1, 0, 1, 1],
  ];
  const saddle = [
    ...[-1, 0, 0, 0, 1],
    ...[0, 9, 0, -9, 0],
    ...[0, 0, 0, 0, 0],
    ...[0, -9, 0, 9, 0],
    ...[1, 0, 0, 0, -1],
  ];
  const bend = [
    ...[0, 0, 0, 0, 0],
    ...[0, 2, -5, 2, 0],
    ...[1, 7, -14, 7, 1],
    ...[0, 2, -5, 2, 0],
    ...[0, 0, 0, 0, 0],
  ];
  const wave = [
    ...[0, 0, 0, 0, 0],
    ...[0, 1, 0, -1, 0],
    ...[0, 2, 0, -2, 0],
    ...[0, 1, 0, -1, 0],
    ...[0, 0, 0, 0, 0],
  ];
  const twist = [
    ...[0, 0, 0, 0, 0],
    ...[0, 1, -3, 1, 0],
    ...[0, 0, 0, 0, 0],
    ...[0, -1, 3, -1, 0],
    ...[0, 0, 0, 0, 0],
  ];
  const mean = [
    ...[-2, -6, -8, -6, -2],
    ...[-6, 6, 42, 6, -6],
    ...[-8, 42, 152, 42, -8],
    ...[-6, 6, 42, 6, -6],
    ...[-2, -6, -8, -6, -2],
  ];
  const t = transposed;
  return [mean, slope, t(slope), t(bend), saddle, bend, wave, twist, t(twist), t(wave)];
})();

/** Weights for a block of which something more is known. */
const FROM_SOME: readonly Kernel[] = (() => {
  const none = Array(25).fill(0);
  const slope = none.with(10, -7).with(11, 50).with(13, -50).with(14, 7);
  const bend = none.with(10, -1).with(11, 13).with(12, -24).with(13, 13).with(14, -1);
  const saddle = [
    ...[0, -1, 0, 1, 0],
    ...[-1, 10, 0, -10, 1],
    ...[0, 0, 0, 0, 0],
    ...[1, -10, 0, 10, -1],
    ...[0, 1, 0, -1, 0],
  ];
  return [none, slope, transposed(slope), transposed(bend), saddle, bend];
})();

function transposed(kernel: Kernel): Kernel {
  return kernel.map((_, i) => kernel[5 * (i % 5) + Math.floor(i / 5)]!);
}

/** Fills in what can be guessed of the first ten numbers of each block, in place. */
export function smoothJpeg({ components }: JpegScans): void {
  const isKnown = ({ lowestBits }: Component) => lowestBits.subarray(1, 10).every((b) => b === 0);
  const canDivide = ({ steps }: Component) => steps?.subarray(0, 10).every((s) => s > 0) ?? false;
  if (components.every(isKnown) || !components.every(canDivide)) return;
  for (const component of components) {
    if (!isKnown(component)) smooth(component);
  }
}

function smooth({ lowestBits, steps, numbers, ...size }: Component): void {
  const hasNothing = lowestBits.subarray(1, 10).every((bit) => bit < 0);
  const kernels = hasNothing ? FROM_NOTHING : FROM_SOME;
  const brightness = Int16Array.from({ length: numbers.length / 64 }, (_, i) => numbers[64 * i]!);
  const around = new Int32Array(25);
  for (let row = 0; row < size.rows; row++) {
    const rows = rowsAround(row, size);
    for (let column = 0; column < size.columns; column++) {
      columnsAround(column, size.columns).forEach((x, i) => {
        for (let j = 0; j < 5; j++) around[5 * j + i] = brightness[rows[j]! * size.allColumns + x]!;
      });
      const block = 64 * (row * size.allColumns + column);
      kernels.forEach((kernel, k) => {
        if (k === 0 ? !hasNothing : lowestBits[k] === 0 || numbers[block + k] !== 0) return;
        const sum = kernel.reduce((total, weight, i) => total + weight * around[i]!, 0);
        const step = 256 * steps![k]!;
        const guess = Math.floor((step / 2 + Math.abs(steps![0]! * sum)) / step);
        const most = k > 0 && lowestBits[k]! > 0 ? (1 << lowestBits[k]!) - 1 : Infinity;
        numbers[block + k] = Math.sign(sum) * Math.min(guess, most);
      });
    }
  }
}

/** The rows of blocks from two above to two below, where there are any: a row of MCUs has several. */
function rowsAround(row: number, { rows, allRows, down }: Size): number[] {
  const mcuRow = Math.floor(row / down), inMcu = row % down;
  const lastMcuRow = allRows / down - 1;
  const ownRows = mcuRow < lastMcuRow ? down : (rows - 1) % down + 1;
  const above = row > 0 ? row - 1 : row;
  const below = inMcu < ownRows - 1 || mcuRow < lastMcuRow ? row + 1 : row;
  return [
    inMcu > 1 || mcuRow > 1 ? row - 2 : above,
    above,
    row,
    below,
    inMcu < ownRows - 2 || mcuRow + 1 < lastMcuRow ? row + 2 : below,
  ];
}

/** The columns of blocks from two to the left to two to the right, where there are any. */
function columnsAround(column: number, columns: number): number[] {
  // Of two columns, the first one also stands for what is beyond the second.
  if (columns === 2) return column === 0 ? [0, 0, 0, 1, 0] : [0, 0, 1, 0, 0];
  return [-2, -1, 0, 1, 2].map((way) => Math.max(0, Math.min(columns - 1, column + way)));
}
