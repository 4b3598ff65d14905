/** JSON lines with vectors, faster than `JSON.stringify()` prints them. */
import { ByteWriter } from "./byte_writer.ts";

/** 10 to the power of `8 - floor(log10(2 ** e))`, for each exponent `e` of a float32. */
const SCALE = new Float64Array(256);
/** That power with its sign changed, as the end of a number: `e-9`. */
const EXPONENT: Uint8Array[] = [];
for (let e = 0; e < 256; e++) {
  const power = 8 - Math.floor(Math.log10(2 ** (e - 127)));
  SCALE[e] = Number(`1e${power}`);
  EXPONENT.push(new TextEncoder().encode(`e${-power}`));
}

/** Most bytes of one number and its comma: sign, ten digits, `e-46`. */
const NUMBER_BYTES = 16;
const ZERO = 0x30, MINUS = 0x2d, COMMA = 0x2c;

/**
 * Writes a vector as the numbers of a JSON array, without its brackets: nine or ten digits and an
 * exponent, such as `1250000000e-10`, which read back as the same float32.
 *
 * @param vector of finite numbers
 * @param bytes room for 16 bytes a number
 * @returns the place after the last byte
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const bytes = new Uint8Array(64);
 * const end = writeNumbers(new Float32Array([0.1, -2, 0]), bytes, 0);
 * const text = new TextDecoder().decode(bytes.subarray(0, end));
 * assert.equal(text, "1000000015e-10,-200000000e-8,0.0");
 * assert.equal(Math.fround(1000000015e-10), Math.fround(0.1));
 * ```
 */
export function writeNumbers(vector: Float32Array, bytes: Uint8Array, start: number): number {
  const bits = new Int32Array(vector.buffer, vector.byteOffset, vector.length);
  let at = start;
  for (let i = 0; i < vector.length; i++) {
    if (i > 0) bytes[at++] = COMMA;
    const b = bits[i]!;
    if (b < 0) bytes[at++] = MINUS;
    const exponent = (b >>> 23) & 0xff;
    if (exponent === 0) {
      at = writeTiny(Math.abs(vector[i]!), bytes, at);
      continue;
    }
    // Nine digits tell any two float32 apart; the rounding of this product is far smaller.
    let digits = (Math.abs(vector[i]!) * SCALE[exponent]! + 0.5) | 0;
    const length = digits >= 1_000_000_000 ? 10 : 9;
    for (let d = at + length - 1; d >= at; d--) {
      const rest = (digits / 10) | 0;
      bytes[d] = ZERO + digits - 10 * rest;
      digits = rest;
    }
    at += length;
    const suffix = EXPONENT[exponent]!;
    for (let s = 0; s < suffix.length; s++) bytes[at++] = suffix[s]!;
  }
  return at;
}

/** Zero, and the numbers too small for an exponent of their own. */
function writeTiny(value: number, bytes: Uint8Array, at: number): number {
  const text = value === 0 ? "0.0" : value.toExponential(8);
  for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
  return at;
}

/** Writes JSON lines one after the other. */
export class JsonLinesWriter extends ByteWriter {
  /** Adds a line; with a vector, as the object's last member. */
  line(value: object, member?: { readonly name: string; readonly vector: Float32Array }): void {
    const json = JSON.stringify(value);
    if (member === undefined) return void this.text(`${json}\n`);
    const comma = json === "{}" ? "" : ",";
    this.text(`${json.slice(0, -1)}${comma}${JSON.stringify(member.name)}:[`);
    this.reserve(NUMBER_BYTES * member.vector.length);
    this.end = writeNumbers(member.vector, this.buffer, this.end);
    this.text("]}\n");
  }
}
