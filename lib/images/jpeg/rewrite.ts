/** Writes a JPEG file's numbers as the plainest file that has the same pixels. */
import { joined } from "../../shared/streams.ts";
import { BitWriter, CODE_COUNTS } from "./huffman.ts";
import type { Component } from "./blocks.ts";
import { type JpegScans, readJpegScans } from "./scans.ts";
import { DHT, DQT, segments, SOS } from "./segments.ts";
import { smoothJpeg } from "./smoothing.ts";

/**
 * A progressive file as one that is not, with the detail guessed that it leaves out.
 *
 * @throws {ImageError} if a scan is cut short or damaged, or the end is missing
 */
export function plainJpeg(file: Uint8Array): Uint8Array {
  const picture = readJpegScans(file, true);
  smoothJpeg(picture);
  return writeJpeg(picture, [...colourSegments(file)]);
}

/** The segments that tell how components become colours: JFIF's and Adobe's. */
function* colourSegments(file: Uint8Array): Generator<Uint8Array> {
  for (const { marker, at, end } of segments(file)) {
    if (marker === SOS) return;
    if (marker === 0xe0 || marker === 0xee) yield file.subarray(at, end);
  }
}

function writeJpeg({ width, height, components }: JpegScans, others: Uint8Array[]): Uint8Array {
  const frame = components.flatMap(({ id, across, down }, i) => [id, across << 4 | down, i]);
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  const sizes = Array(16).keys(), bytes = Array(256).keys();
  return joined([
    new Uint8Array([0xff, 0xd8]),
    ...others,
    ...components.map(({ steps }, i) =>
      segment(DQT, [0x10 | i, ...[...steps!].flatMap((step) => [step >> 8, step & 255])])
    ),
    segment(0xc1, [8, ...size, components.length, ...frame]),
    segment(DHT, [0x00, ...CODE_COUNTS.size, ...sizes, 0x10, ...CODE_COUNTS.byte, ...bytes]),
    ...components.flatMap((component) => [
      segment(SOS, [1, component.id, 0x00, 0, 63, 0]),
      writeScan(component),
    ]),
    new Uint8Array([0xff, 0xd9]),
  ]);
}

function segment(marker: number, data: Iterable<number>): Uint8Array {
  const bytes = [...data];
  const length = bytes.length + 2;
  return new Uint8Array([0xff, marker, length >> 8, length & 255, ...bytes]);
}

function writeScan({ columns, rows, allColumns, numbers }: Component): Uint8Array {
  const bits = new BitWriter();
  let before = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const block = 64 * (row * allColumns + column);
      const difference = numbers[block]! - before;
      before = numbers[block]!;
      bits.putSize(bitLength(difference));
      putSigned(bits, difference);
      writeFurther(bits, numbers, block);
    }
  }
  return bits.finish();
}

function writeFurther(bits: BitWriter, numbers: Int16Array, block: number): void {
  let zeros = 0;
  for (let k = 1; k < 64; k++) {
    const number = numbers[block + k]!;
    if (number === 0) {
      zeros++;
      continue;
    }
    for (; zeros > 15; zeros -= 16) bits.putCode(0xf0);
    bits.putCode(zeros << 4 | bitLength(number));
    putSigned(bits, number);
    zeros = 0;
  }
  if (zeros > 0) bits.putCode(0);
}

function bitLength(number: number): number {
  return 32 - Math.clz32(Math.abs(number));
}

/** A number whose first bit is 0 if it is negative. */
function putSigned(bits: BitWriter, number: number): void {
  const length = bitLength(number);
  bits.put(number < 0 ? number + (1 << length) - 1 : number, length);
}
