// @ts-nocheck: AssemblyScript has types of its own
/**
 * Codes, their distances and cosines, in AssemblyScript with 128-bit vectors; `deno task build-kernel`
 * compiles it to `kernel.wasm`. `../binary_code.ts`, `../code_scan.ts` and `../cosine.ts` lay out the
 * memory.
 */

/** From here on the memory is the caller's. */
export const freeMemory: usize = __heap_base;

/** Numbers that lie beside each other: a + b and a - b in place of a and b. */
function butterflies1(x: v128, signs: v128): v128 {
  const a = v128.shuffle<f32>(x, x, 0, 0, 2, 2), b = v128.shuffle<f32>(x, x, 1, 1, 3, 3);
  return f32x4.add(a, v128.xor(b, signs));
}

/** The same for numbers that lie two apart. */
function butterflies2(x: v128, signs: v128): v128 {
  const a = v128.shuffle<f32>(x, x, 0, 1, 0, 1), b = v128.shuffle<f32>(x, x, 2, 3, 2, 3);
  return f32x4.add(a, v128.xor(b, signs));
}

/**
 * One round: flips the signs of float32 numbers, then the fast Walsh-Hadamard transform in place,
 * without scaling.
 *
 * @param signs int32[n]: the sign bit is set where a number is to be flipped
 * @param bytes of the numbers, a power of two from 128 on
 */
export function transform(x: usize, signs: usize, bytes: usize): void {
  const minus1 = i32x4(0, i32.MIN_VALUE, 0, i32.MIN_VALUE);
  const minus2 = i32x4(0, 0, i32.MIN_VALUE, i32.MIN_VALUE);
  for (let i: usize = 0; i < bytes; i += 16) {
    const flipped = v128.xor(v128.load(x + i), v128.load(signs + i));
    v128.store(x + i, butterflies2(butterflies1(flipped, minus1), minus2));
  }
  for (let half: usize = 16; half < bytes; half *= 2) {
    for (let start: usize = 0; start < bytes; start += 2 * half) {
      const end = x + start + half;
      for (let p = x + start; p < end; p += 16) {
        const a = v128.load(p), b = v128.load(p + half);
        v128.store(p, f32x4.add(a, b));
        v128.store(p + half, f32x4.sub(a, b));
      }
    }
  }
}

/** One bit for each of float32[8 × bytes]: whether it is above zero, the first one lowest. */
export function positives(x: usize, bytes: i32, code: usize): void {
  const zero = f32x4.splat(0);
  for (let i = 0; i < bytes; i++) {
    const low = i32x4.bitmask(f32x4.gt(v128.load(x), zero));
    const high = i32x4.bitmask(f32x4.gt(v128.load(x, 16), zero));
    store<u8>(code++, low | (high << 4));
    x += 32;
  }
}

/** Lowest bit of the sum of three bits. */
function lowBit(a: v128, b: v128, c: v128): v128 {
  return v128.xor(v128.xor(a, b), c);
}

/** Highest bit of the sum of three bits. */
function highBit(a: v128, b: v128, c: v128): v128 {
  return v128.bitselect(c, a, v128.xor(a, b));
}

function difference(a: usize, b: usize): v128 {
  return v128.xor(v128.load(a), v128.load(b));
}

/**
 * Bits in which codes differ from one code. Counting is what takes time, so seven parts are first
 * added bit by bit to three: ones, twos and fours.
 *
 * @param codes uint8[…, bytes]
 * @param bytes of a code, a multiple of 128
 * @param rows uint32[count] of the wanted codes, or 0 for the first ones
 * @param distances uint16[count], written
 */
export function hammingDistances(
  codes: usize,
  bytes: usize,
  query: usize,
  rows: usize,
  count: i32,
  distances: usize,
): void {
  for (let i = 0; i < count; i++) {
    let code = codes +
      bytes * (rows == 0 ? i as usize : load<u32>(rows + 4 * (i as usize)) as usize);
    const end = code + bytes;
    let other = query;
    let sums = i16x8.splat(0);
    while (code < end) {
      const a = difference(code, other), b = difference(code + 16, other + 16);
      const c = difference(code + 32, other + 32), d = difference(code + 48, other + 48);
      const e = difference(code + 64, other + 64), f = difference(code + 80, other + 80);
      const g = difference(code + 96, other + 96), h = difference(code + 112, other + 112);
      const low1 = lowBit(a, b, c), high1 = highBit(a, b, c);
      const low2 = lowBit(d, e, f), high2 = highBit(d, e, f);
      const ones = lowBit(low1, low2, g), high3 = highBit(low1, low2, g);
      const twos = i8x16.popcnt(lowBit(high1, high2, high3));
      const fours = i8x16.popcnt(highBit(high1, high2, high3));
      const oneByOne = i8x16.add(i8x16.popcnt(ones), i8x16.popcnt(h));
      const total = i8x16.add(i8x16.add(oneByOne, i8x16.add(twos, twos)), i8x16.shl(fours, 2));
      sums = i16x8.add(sums, i16x8.extadd_pairwise_i8x16_u(total));
      code += 128;
      other += 128;
    }
    const four = i32x4.extadd_pairwise_i16x8_u(sums);
    const two = i32x4.add(four, v128.shuffle<u32>(four, four, 2, 3, 0, 1));
    store<u16>(distances, i32x4.extract_lane(two, 0) + i32x4.extract_lane(two, 1));
    distances += 2;
  }
}

/**
 * For each byte of codes, the sum of the numbers whose bits each of its 256 values has.
 *
 * @param numbers float32[bytes, 8]
 * @param table float32[bytes, 256], written
 */
export function sumsByByte(numbers: usize, bytes: i32, table: usize): void {
  for (let byte = 0; byte < bytes; byte++) {
    store<f32>(table, 0);
    for (let ones: usize = 4; ones < 1024; ones *= 2) {
      const x = load<f32>(numbers);
      for (let i: usize = 0; i < ones; i += 4) {
        store<f32>(table + ones + i, load<f32>(table + i) + x);
      }
      numbers += 4;
    }
    table += 1024;
  }
}

/**
 * Sums of the numbers whose bits codes have.
 *
 * @param codes uint8[…, bytes]
 * @param table of `sumsByByte()`
 * @param rows uint32[count] of the wanted codes
 * @param sums float32[count], written
 */
export function sumsOfCodes(
  codes: usize,
  bytes: usize,
  table: usize,
  rows: usize,
  count: i32,
  sums: usize,
): void {
  for (let i = 0; i < count; i++) {
    let code = codes + bytes * (load<u32>(rows) as usize);
    const end = code + bytes;
    let sums4 = table;
    let a: f32 = 0, b: f32 = 0, c: f32 = 0, d: f32 = 0;
    while (code < end) {
      const four = load<u32>(code);
      a += load<f32>(sums4 + 4 * ((four & 255) as usize));
      b += load<f32>(sums4 + 4 * (((four >> 8) & 255) as usize), 1024);
      c += load<f32>(sums4 + 4 * (((four >> 16) & 255) as usize), 2048);
      d += load<f32>(sums4 + 4 * ((four >> 24) as usize), 3072);
      code += 4;
      sums4 += 4096;
    }
    store<f32>(sums, a + b + c + d);
    rows += 4;
    sums += 4;
  }
}

/** Dot product in double precision of float32 numbers; `bytes` is a multiple of 16. */
export function dot(a: usize, b: usize, bytes: usize): f64 {
  let sums = f64x2.splat(0), others = f64x2.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(a + i), y = v128.load(b + i);
    sums = f64x2.add(sums, f64x2.mul(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(y)));
    const highX = f64x2.promote_low_f32x4(v128.shuffle<u32>(x, x, 2, 3, 2, 3));
    const highY = f64x2.promote_low_f32x4(v128.shuffle<u32>(y, y, 2, 3, 2, 3));
    others = f64x2.add(others, f64x2.mul(highX, highY));
  }
  const sum = f64x2.add(sums, others);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
