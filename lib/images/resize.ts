/**
 * Pillow's resize, exactly (Pillow 9.2, `src/libImaging/Resample.c`): a filter, widened where the
 * picture shrinks; fixed-point coefficients of 22 bits; rows first, then columns, with the values
 * rounded to 8 bits between the two. Pillow 13 takes the columns first where the height shrinks more.
 *
 * The sums are made by `resize_kernel/kernel.ts`. Its memory never shrinks, so a picture passes
 * through it in bands.
 */
import { type Filter, FILTERS, type Weighing } from "./filters.ts";
import {
  freeMemory,
  memory,
  resizeColumns,
  resizeGrayRows,
  resizeRgbRows,
} from "./resize_kernel/kernel.wasm";

/** Bits after the point of a coefficient: 32, less 8 of a pixel, less 2 for overshoot. */
const PRECISION_BITS = 22;

/** What the kernel's memory takes of a row, in pixels; more only if one window is longer. */
const MAX_ROW_PIXELS = 1 << 16;
/** What it takes of resized rows, in bytes; more only if one window is longer. */
const MAX_BAND_BYTES = 1 << 20;
/** Rows that the kernel resizes at once. */
const ROWS_AT_ONCE = 4;
/** Bytes that the kernel may read or write beyond what it needs. */
const SLACK = 16;
/** Where the kernel's memory has the rows, resized to the width. */
const ROWS_AT = (freeMemory + SLACK - 1) & ~(SLACK - 1);

/** Some neighbouring output positions, with what they need of the input. */
interface Band {
  /** First output position and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** First input position and the one after the last. */
  readonly first: number;
  readonly last: number;
  /** The windows as the kernel reads them, with input positions counted from `first`. */
  readonly windows: Uint8Array;
  /** Bytes of a window. */
  readonly windowSize: number;
}

/**
 * Resizes a picture.
 *
 * @param pixels uint8[height, width, channels], row-major
 * @param channels 1 or 3
 * @param filter of Pillow; its own default is bicubic
 * @returns uint8[outHeight, outWidth, channels]
 */
export function resize(
  pixels: Uint8Array,
  width: number,
  height: number,
  channels: 1 | 3,
  outWidth: number,
  outHeight: number,
  filter: Filter = "bicubic",
): Uint8Array {
  const result = new Uint8Array(outHeight * outWidth * channels);
  const rowLength = outWidth * channels;
  const stride = (rowLength + SLACK) & ~(SLACK - 1);
  const maxRows = Math.floor(MAX_BAND_BYTES / stride);
  let kept = { first: 0, last: 0 };
  for (const band of bands(height, outHeight, maxRows, filter)) {
    // In the memory: the rows, resized to the width; the windows of the band; its output.
    const { from, to, first, last, windows, windowSize } = band;
    const windowsAt = ROWS_AT + (last - first + ROWS_AT_ONCE) * stride + SLACK;
    const outputAt = windowsAt + windows.length;
    const rowAt = (y: number) => ROWS_AT + (y - kept.first) * stride;
    const keptRows = Math.max(0, kept.last - first);
    memoryOf(outputAt + (to - from) * rowLength + SLACK)
      .copyWithin(ROWS_AT, rowAt(first), rowAt(first + keptRows));
    for (const columns of bands(width, outWidth, MAX_ROW_PIXELS, filter)) {
      resizeRows(pixels, width, channels, columns, first + keptRows, band, stride, windowsAt);
    }
    kept = band;
    const bytes = memoryOf(0);
    bytes.set(windows, windowsAt);
    resizeColumns(ROWS_AT, stride, windowsAt, windowSize, to - from, outputAt, rowLength);
    result.set(bytes.subarray(outputAt, outputAt + (to - from) * rowLength), from * rowLength);
  }
  return result;
}

/** Makes some columns of the resized rows from `begin` on; the memory from `free` on is free. */
function resizeRows(
  pixels: Uint8Array,
  width: number,
  channels: 1 | 3,
  { from, to, first, last, windows, windowSize }: Band,
  begin: number,
  rows: Band,
  stride: number,
  free: number,
): void {
  const resizeFour = channels === 3 ? resizeRgbRows : resizeGrayRows;
  const length = (last - first) * channels;
  const inputAt = free + windows.length;
  const bytes = memoryOf(inputAt + ROWS_AT_ONCE * length + SLACK);
  bytes.set(windows, free);
  for (let y = begin; y < rows.last; y += ROWS_AT_ONCE) {
    for (let i = 0; i < ROWS_AT_ONCE && y + i < rows.last; i++) {
      const p = ((y + i) * width + first) * channels;
      bytes.set(pixels.subarray(p, p + length), inputAt + i * length);
    }
    const output = ROWS_AT + (y - rows.first) * stride + from * channels;
    resizeFour(inputAt, length, free, windowSize, to - from, output, stride);
  }
}

/** The kernel's memory, which has at least so many bytes; views from before may be detached. */
function memoryOf(size: number): Uint8Array {
  const missing = size - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  return new Uint8Array(memory.buffer);
}

let cached: { key: string; value: Band[] }[] = [];

/** The bands of a pass, of at most `limit` positions each but for a single window that is longer. */
function bands(inSize: number, outSize: number, limit: number, filter: Filter): Iterable<Band> {
  const weighing = FILTERS[filter];
  if (inSize > 8192) return computeBands(inSize, outSize, limit, weighing); // too large to keep
  const key = `${filter} ${inSize}>${outSize}/${limit}`;
  const hit = cached.find((entry) => entry.key === key);
  if (hit !== undefined) return hit.value;
  const value = [...computeBands(inSize, outSize, limit, weighing)];
  cached = [{ key, value }, ...cached.slice(0, 15)];
  return value;
}

function* computeBands(
  inSize: number,
  outSize: number,
  limit: number,
  { support: reach, weight: weightAt }: Weighing,
): Generator<Band> {
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = reach * filterScale;
  const inverse = 1 / filterScale;
  const startOf = (center: number) => Math.max(0, Math.trunc(center - support + 0.5));
  const endOf = (center: number) => Math.min(inSize, Math.trunc(center + support + 0.5));
  const windowSize = 8 + 16 * Math.ceil((Math.ceil(support) * 2 + 1) / 4);
  const weights = new Float64Array(Math.ceil(support) * 2 + 1);
  for (let from = 0, to = 0; from < outSize; from = to) {
    const first = startOf((from + 0.5) * scale);
    do to++; while (
      to < outSize && to - from < limit && endOf((to + 0.5) * scale) - first <= limit
    );
    const last = endOf((to - 0.5) * scale);
    const windows = new ArrayBuffer((to - from) * windowSize);
    for (let out = from; out < to; out++) {
      const center = (out + 0.5) * scale;
      const start = startOf(center);
      const length = endOf(center) - start;
      let sum = 0;
      for (let i = 0; i < length; i++) {
        weights[i] = weightAt((i + start - center + 0.5) * inverse);
        sum += weights[i]!;
      }
      const offset = (out - from) * windowSize;
      new Int32Array(windows, offset, 2).set([start - first, Math.ceil(length / 4)]);
      const parts = new Int16Array(windows, offset + 8, (windowSize - 8) / 2);
      for (let i = 0; i < length; i++) {
        const weight = sum === 0 ? weights[i]! : weights[i]! / sum;
        const value = Math.trunc(weight * (1 << PRECISION_BITS) + (weight < 0 ? -0.5 : 0.5));
        const part = i + (i & ~3); // groups of four: the high parts, then the low parts
        parts[part] = value >> 11;
        parts[part + 4] = value & 2047;
      }
    }
    yield { from, to, first, last, windows: new Uint8Array(windows), windowSize };
  }
}
