/**
 * Pillow's bicubic resize, exactly (Pillow 9.2, `src/libImaging/Resample.c`): the kernel of Keys
 * (1981) with a = -0.5, widened where the picture shrinks; fixed-point coefficients of 22 bits; rows
 * first, then columns, with the values rounded to 8 bits between the two.
 */

/** Bits after the point of a coefficient: 32, less 8 of a pixel, less 2 for overshoot. */
const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);
/** Reach of the bicubic kernel to either side, in pixels. */
const SUPPORT = 2;

/** For each output position: where its window begins, how long it is, and its coefficients. */
interface Coefficients {
  /** Room for one window in `values`. */
  readonly stride: number;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  readonly values: Int32Array;
}

/**
 * Resizes a picture.
 *
 * @param pixels uint8[height, width, channels], row-major
 * @param channels 1 or 3
 * @returns uint8[outHeight, outWidth, channels]
 */
export function resizeBicubic(
  pixels: Uint8Array,
  width: number,
  height: number,
  channels: 1 | 3,
  outWidth: number,
  outHeight: number,
): Uint8Array {
  const rows = width === outWidth
    ? pixels
    : resizeRows(pixels, width, height, channels, coefficients(width, outWidth));
  return height === outHeight
    ? rows
    : resizeColumns(rows, outWidth * channels, coefficients(height, outHeight));
}

let cached: { key: string; value: Coefficients }[] = [];

function coefficients(inSize: number, outSize: number): Coefficients {
  const key = `${inSize}>${outSize}`;
  const hit = cached.find((entry) => entry.key === key);
  if (hit !== undefined) return hit.value;
  const value = computeCoefficients(inSize, outSize);
  cached = [{ key, value }, ...cached.slice(0, 15)];
  return value;
}

function computeCoefficients(inSize: number, outSize: number): Coefficients {
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = SUPPORT * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(outSize);
  const lengths = new Int32Array(outSize);
  const values = new Int32Array(outSize * stride);
  const weights = new Float64Array(stride);
  const inverse = 1 / filterScale;
  for (let out = 0; out < outSize; out++) {
    const center = (out + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const length = Math.min(inSize, Math.trunc(center + support + 0.5)) - start;
    let sum = 0;
    for (let i = 0; i < length; i++) {
      weights[i] = bicubic((i + start - center + 0.5) * inverse);
      sum += weights[i]!;
    }
    starts[out] = start;
    lengths[out] = length;
    for (let i = 0; i < length; i++) {
      const weight = sum === 0 ? weights[i]! : weights[i]! / sum;
      values[out * stride + i] = Math.trunc(
        weight * (1 << PRECISION_BITS) + (weight < 0 ? -0.5 : 0.5),
      );
    }
  }
  return { stride, starts, lengths, values };
}

function bicubic(x: number): number {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function resizeRows(
  pixels: Uint8Array,
  width: number,
  height: number,
  channels: 1 | 3,
  { stride, starts, lengths, values }: Coefficients,
): Uint8Array {
  const outWidth = starts.length;
  const result = new Uint8ClampedArray(outWidth * height * channels);
  // Math.imul and `| 0` keep the sums 32-bit integers, which they never leave.
  for (let y = 0, target = 0; y < height; y++) {
    const row = y * width * channels;
    for (let out = 0; out < outWidth; out++, target += channels) {
      const first = out * stride;
      const last = first + lengths[out]!;
      let p = row + starts[out]! * channels;
      if (channels === 1) {
        let sum = HALF;
        for (let k = first; k < last; k++) sum = (sum + Math.imul(pixels[p++]!, values[k]!)) | 0;
        result[target] = sum >> PRECISION_BITS;
      } else {
        let red = HALF, green = HALF, blue = HALF;
        for (let k = first; k < last; k++, p += 3) {
          const value = values[k]!;
          red = (red + Math.imul(pixels[p]!, value)) | 0;
          green = (green + Math.imul(pixels[p + 1]!, value)) | 0;
          blue = (blue + Math.imul(pixels[p + 2]!, value)) | 0;
        }
        result[target] = red >> PRECISION_BITS;
        result[target + 1] = green >> PRECISION_BITS;
        result[target + 2] = blue >> PRECISION_BITS;
      }
    }
  }
  return new Uint8Array(result.buffer);
}

function resizeColumns(
  pixels: Uint8Array,
  rowLength: number,
  { stride, starts, lengths, values }: Coefficients,
): Uint8Array {
  const outHeight = starts.length;
  const result = new Uint8ClampedArray(rowLength * outHeight);
  const sums = new Int32Array(rowLength);
  for (let out = 0; out < outHeight; out++) {
    sums.fill(HALF);
    let p = starts[out]! * rowLength;
    for (let k = 0; k < lengths[out]!; k++) {
      const value = values[out * stride + k]!;
      for (let x = 0; x < rowLength; x++, p++) {
        sums[x] = (sums[x]! + Math.imul(pixels[p]!, value)) | 0;
      }
    }
    const target = out * rowLength;
    for (let x = 0; x < rowLength; x++) result[target + x] = sums[x]! >> PRECISION_BITS;
  }
  return new Uint8Array(result.buffer);
}
