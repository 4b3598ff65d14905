// @ts-nocheck: AssemblyScript has types of its own
/**
 * The two passes of the resize, in AssemblyScript with 128-bit vectors; `deno task build-kernel`
 * compiles it to `kernel.wasm`. `../resize.ts` lays out the memory and calls it.
 *
 * A coefficient c of 23 bits and a sign is split into c >> 11 and c & 2047, so that both fit int16
 * and one dot product adds two pixels to each of four sums; then sum = (high << 11) + low, exactly.
 *
 * A window is: int32 offset of its first pixel, int32 number of groups, then its groups, which are
 * the high parts of four coefficients and their low parts, as int16. What fills up the last group is
 * zero. Groups are few and large because every load is checked against the size of the memory.
 */

const HALF: i32 = 1 << 21;
const HEADER: usize = 8;
const GROUP: usize = 16;

/**
 * Where the pixels of RGB pairs come from, as int16: r r, g g, b b, 0 0. They are in memory because
 * a constant would be made anew in every round of a loop.
 */
const PAIR_01: usize = memory.data<u16>(
  [0xff00, 0xff03, 0xff01, 0xff04, 0xff02, 0xff05, 0xffff, 0xffff],
);
const PAIR_23: usize = memory.data<u16>(
  [0xff06, 0xff09, 0xff07, 0xff0a, 0xff08, 0xff0b, 0xffff, 0xffff],
);

/** From here on the memory is the caller's. */
export const freeMemory: usize = __heap_base;

function firstPixel(window: usize): usize {
  return load<u32>(window) as usize;
}

function endOfGroups(window: usize): usize {
  return window + HEADER + GROUP * (load<u32>(window, 4) as usize);
}

/** To each of four sums, two pixels times their coefficients. */
function plusDot(sums: v128, pixels: v128, coefficients: v128): v128 {
  return i32x4.add(sums, i32x4.dot_i16x8_s(pixels, coefficients));
}

/** From the sums to pixels, which the packing afterwards clamps to 0…255. */
function rounded(high: v128, low: v128): v128 {
  const sums = i32x4.add(i32x4.shl(high, 11), low);
  return i32x4.shr_s(i32x4.add(sums, i32x4.splat(HALF)), 22);
}

/** 16 sums to uint8[16]. */
function packed(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/**
 * Resizes four rows of RGB pixels to `count` pixels each. Reads up to 13 bytes beyond a row, and
 * writes one byte beyond.
 */
export function resizeRgbRows(
  input: usize,
  inputStride: usize,
  windows: usize,
  windowSize: usize,
  count: i32,
  output: usize,
  outputStride: usize,
): void {
  const pair01 = v128.load(PAIR_01), pair23 = v128.load(PAIR_23);
  for (let i = 0; i < count; i++) {
    let row0 = input + 3 * firstPixel(windows);
    let row1 = row0 + inputStride;
    let row2 = row1 + inputStride;
    let row3 = row2 + inputStride;
    let high0 = i32x4.splat(0), low0 = i32x4.splat(0);
    let high1 = i32x4.splat(0), low1 = i32x4.splat(0);
    let high2 = i32x4.splat(0), low2 = i32x4.splat(0);
    let high3 = i32x4.splat(0), low3 = i32x4.splat(0);
    const end = endOfGroups(windows);
    for (let group = windows + HEADER; group < end; group += GROUP) {
      const coefficients = v128.load(group);
      const high01 = v128.shuffle<u32>(coefficients, coefficients, 0, 0, 0, 0);
      const high23 = v128.shuffle<u32>(coefficients, coefficients, 1, 1, 1, 1);
      const low01 = v128.shuffle<u32>(coefficients, coefficients, 2, 2, 2, 2);
      const low23 = v128.shuffle<u32>(coefficients, coefficients, 3, 3, 3, 3);
      let pixels = v128.load(row0);
      let pair = i8x16.relaxed_swizzle(pixels, pair01);
      high0 = plusDot(high0, pair, high01);
      low0 = plusDot(low0, pair, low01);
      pair = i8x16.relaxed_swizzle(pixels, pair23);
      high0 = plusDot(high0, pair, high23);
      low0 = plusDot(low0, pair, low23);
      pixels = v128.load(row1);
      pair = i8x16.relaxed_swizzle(pixels, pair01);
      high1 = plusDot(high1, pair, high01);
      low1 = plusDot(low1, pair, low01);
      pair = i8x16.relaxed_swizzle(pixels, pair23);
      high1 = plusDot(high1, pair, high23);
      low1 = plusDot(low1, pair, low23);
      pixels = v128.load(row2);
      pair = i8x16.relaxed_swizzle(pixels, pair01);
      high2 = plusDot(high2, pair, high01);
      low2 = plusDot(low2, pair, low01);
      pair = i8x16.relaxed_swizzle(pixels, pair23);
      high2 = plusDot(high2, pair, high23);
      low2 = plusDot(low2, pair, low23);
      pixels = v128.load(row3);
      pair = i8x16.relaxed_swizzle(pixels, pair01);
      high3 = plusDot(high3, pair, high01);
      low3 = plusDot(low3, pair, low01);
      pair = i8x16.relaxed_swizzle(pixels, pair23);
      high3 = plusDot(high3, pair, high23);
      low3 = plusDot(low3, pair, low23);
      row0 += 12;
      row1 += 12;
      row2 += 12;
      row3 += 12;
    }
    const bytes = packed(
      rounded(high0, low0),
      rounded(high1, low1),
      rounded(high2, low2),
      rounded(high3, low3),
    );
    v128.store_lane<u32>(output, bytes, 0);
    v128.store_lane<u32>(output + outputStride, bytes, 1);
    v128.store_lane<u32>(output + 2 * outputStride, bytes, 2);
    v128.store_lane<u32>(output + 3 * outputStride, bytes, 3);
    output += 3;
    windows += windowSize;
  }
}

/** a0 + a1, b0 + b1, a2 + a3, b2 + b3. */
function addedPairs(a: v128, b: v128): v128 {
  return i32x4.add(v128.shuffle<u32>(a, b, 0, 4, 2, 6), v128.shuffle<u32>(a, b, 1, 5, 3, 7));
}

/** Resizes four rows of gray pixels to `count` pixels each. Reads up to 7 bytes beyond a row. */
export function resizeGrayRows(
  input: usize,
  inputStride: usize,
  windows: usize,
  windowSize: usize,
  count: i32,
  output: usize,
  outputStride: usize,
): void {
  for (let i = 0; i < count; i++) {
    let row0 = input + firstPixel(windows);
    let row1 = row0 + inputStride;
    let row2 = row1 + inputStride;
    let row3 = row2 + inputStride;
    let sums0 = i32x4.splat(0), sums1 = i32x4.splat(0);
    let sums2 = i32x4.splat(0), sums3 = i32x4.splat(0);
    const end = endOfGroups(windows);
    for (let group = windows + HEADER; group < end; group += GROUP) {
      // Four pixels, twice: the sums are high, high, low, low.
      const coefficients = v128.load(group);
      let pixels = v128.load32_splat(row0);
      sums0 = plusDot(sums0, i16x8.extend_low_i8x16_u(pixels), coefficients);
      pixels = v128.load32_splat(row1);
      sums1 = plusDot(sums1, i16x8.extend_low_i8x16_u(pixels), coefficients);
      pixels = v128.load32_splat(row2);
      sums2 = plusDot(sums2, i16x8.extend_low_i8x16_u(pixels), coefficients);
      pixels = v128.load32_splat(row3);
      sums3 = plusDot(sums3, i16x8.extend_low_i8x16_u(pixels), coefficients);
      row0 += 4;
      row1 += 4;
      row2 += 4;
      row3 += 4;
    }
    // To the sums of rows 0 to 3, first of the high parts, then of the low parts.
    const rows01 = addedPairs(sums0, sums1);
    const rows23 = addedPairs(sums2, sums3);
    const high = v128.shuffle<u32>(rows01, rows23, 0, 1, 4, 5);
    const low = v128.shuffle<u32>(rows01, rows23, 2, 3, 6, 7);
    const sums = rounded(high, low);
    const bytes = packed(sums, sums, sums, sums);
    v128.store_lane<u8>(output, bytes, 0);
    v128.store_lane<u8>(output + outputStride, bytes, 1);
    v128.store_lane<u8>(output + 2 * outputStride, bytes, 2);
    v128.store_lane<u8>(output + 3 * outputStride, bytes, 3);
    output++;
    windows += windowSize;
  }
}

/** The first eight bytes of two rows, in turn. */
function interleavedLeft(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/** The last eight bytes of two rows, in turn. */
function interleavedRight(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/**
 * Resizes rows of `length` bytes to `count` rows without gaps. Reads up to three rows and 15 bytes
 * beyond the last one, and writes up to 15 bytes beyond the last one.
 */
export function resizeColumns(
  input: usize,
  inputStride: usize,
  windows: usize,
  windowSize: usize,
  count: i32,
  output: usize,
  length: usize,
): void {
  for (let i = 0; i < count; i++) {
    const rows = input + inputStride * firstPixel(windows);
    const end = endOfGroups(windows);
    for (let x: usize = 0; x < length; x += 16) {
      let high0 = i32x4.splat(0), low0 = i32x4.splat(0);
      let high1 = i32x4.splat(0), low1 = i32x4.splat(0);
      let high2 = i32x4.splat(0), low2 = i32x4.splat(0);
      let high3 = i32x4.splat(0), low3 = i32x4.splat(0);
      let row = rows + x;
      for (let group = windows + HEADER; group < end; group += GROUP) {
        const coefficients = v128.load(group);
        let high = v128.shuffle<u32>(coefficients, coefficients, 0, 0, 0, 0);
        let low = v128.shuffle<u32>(coefficients, coefficients, 2, 2, 2, 2);
        let above = v128.load(row);
        row += inputStride;
        let below = v128.load(row);
        row += inputStride;
        let left = interleavedLeft(above, below);
        let right = interleavedRight(above, below);
        let pairs = i16x8.extend_low_i8x16_u(left);
        high0 = plusDot(high0, pairs, high);
        low0 = plusDot(low0, pairs, low);
        pairs = i16x8.extend_high_i8x16_u(left);
        high1 = plusDot(high1, pairs, high);
        low1 = plusDot(low1, pairs, low);
        pairs = i16x8.extend_low_i8x16_u(right);
        high2 = plusDot(high2, pairs, high);
        low2 = plusDot(low2, pairs, low);
        pairs = i16x8.extend_high_i8x16_u(right);
        high3 = plusDot(high3, pairs, high);
        low3 = plusDot(low3, pairs, low);
        high = v128.shuffle<u32>(coefficients, coefficients, 1, 1, 1, 1);
        low = v128.shuffle<u32>(coefficients, coefficients, 3, 3, 3, 3);
        above = v128.load(row);
        row += inputStride;
        below = v128.load(row);
        row += inputStride;
        left = interleavedLeft(above, below);
        right = interleavedRight(above, below);
        pairs = i16x8.extend_low_i8x16_u(left);
        high0 = plusDot(high0, pairs, high);
        low0 = plusDot(low0, pairs, low);
        pairs = i16x8.extend_high_i8x16_u(left);
        high1 = plusDot(high1, pairs, high);
        low1 = plusDot(low1, pairs, low);
        pairs = i16x8.extend_low_i8x16_u(right);
        high2 = plusDot(high2, pairs, high);
        low2 = plusDot(low2, pairs, low);
        pairs = i16x8.extend_high_i8x16_u(right);
        high3 = plusDot(high3, pairs, high);
        low3 = plusDot(low3, pairs, low);
      }
      const bytes = packed(
        rounded(high0, low0),
        rounded(high1, low1),
        rounded(high2, low2),
        rounded(high3, low3),
      );
      v128.store(output + x, bytes);
    }
    output += length;
    windows += windowSize;
  }
}
