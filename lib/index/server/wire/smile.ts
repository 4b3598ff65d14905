/**
 * SMILE, the binary form of JSON (smile-format specification 1.0), as far as an index needs it.
 * A vector takes no number to be printed here and parsed there.
 */

import { ByteWriter } from "./byte_writer.ts";

/** What can be encoded. Whole numbers have at most 32 bits; others are only in a Float32Array. */
export type SmileValue =
  | string
  | number
  | boolean
  | null
  | Float32Array
  | readonly SmileValue[]
  | { readonly [key: string]: SmileValue };

/** `:)`, a line end, then version 0 with neither shared names nor strings nor raw bytes. */
const HEADER = [0x3a, 0x29, 0x0a, 0x00];
const NULL = 0x21, FALSE = 0x22, TRUE = 0x23, INT_32 = 0x24, FLOAT_32 = 0x28;
const EMPTY = 0x20, LONG_ASCII = 0xe0, LONG_UNICODE = 0xe4, LONG_KEY = 0x34;
const ARRAY = 0xf8, ARRAY_END = 0xf9, OBJECT = 0xfa, OBJECT_END = 0xfb;
const STRING_END = 0xfc, DOCUMENT_END = 0xff;
/** Bytes of one number of a Float32Array: the token, then 32 bits in sevens. */
const FLOAT_BYTES = 6;

/**
 * Writes documents one after the other, each ended as a stream's are.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const writer = new SmileWriter();
 * writer.document({ id: "a", vector: new Float32Array([1]) });
 * const text = writer.bytes().reduce((hex, byte) => hex + byte.toString(16).padStart(2, "0"), "");
 * assert.equal(text, "3a290a00fa8169644061" + "85766563746f72f828" + "037c000000" + "f9fbff");
 * ```
 */
export class SmileWriter extends ByteWriter {
  /** A vector on its way; little-endian, as every machine that Deno runs on. */
  #words = new Int32Array(0);

  /** Adds a document. */
  document(value: SmileValue): void {
    this.reserve(HEADER.length);
    this.buffer.set(HEADER, this.end);
    this.end += HEADER.length;
    this.#value(value);
    this.#byte(DOCUMENT_END);
  }

  #value(value: SmileValue): void {
    if (typeof value === "string") this.#string(value);
    else if (value === null) this.#byte(NULL);
    else if (typeof value === "boolean") this.#byte(value ? TRUE : FALSE);
    else if (typeof value === "number") this.#integer(value);
    else if (value instanceof Float32Array) this.#vector(value);
    else if (isList(value)) {
      this.#byte(ARRAY);
      for (const item of value) this.#value(item);
      this.#byte(ARRAY_END);
    } else {
      this.#byte(OBJECT);
      for (const key of Object.keys(value)) {
        this.#key(key);
        this.#value(value[key]!);
      }
      this.#byte(OBJECT_END);
    }
  }

  /** An array of 32-bit floats, bit for bit. */
  #vector(vector: Float32Array): void {
    this.#byte(ARRAY);
    const size = FLOAT_BYTES * vector.length;
    this.reserve(size);
    this.buffer.set(this.#pairs(vector).subarray(0, size), this.end);
    this.end += size;
    this.#byte(ARRAY_END);
  }

  /** Two numbers are three words; written so, they take a third of the time that bytes take. */
  #pairs(vector: Float32Array): Uint8Array {
    const pairs = (vector.length + 1) >> 1;
    if (this.#words.length < 3 * pairs) this.#words = new Int32Array(3 * pairs);
    const words = this.#words;
    const bits = new Int32Array(vector.buffer, vector.byteOffset, vector.length);
    for (let i = 0, w = 0; w < 3 * pairs; i += 2, w += 3) {
      const a = bits[i]!, b = i + 1 < bits.length ? bits[i + 1]! : 0;
      // The first seven bits are four with the sign in front, as the reference does it.
      words[w] = FLOAT_32 | (a >> 20 & 0x7f00) | (a >> 5 & 0x7f0000) | (a << 10 & 0x7f000000);
      words[w + 1] = (a >> 7 & 0x7f) | (a << 8 & 0x7f00) | FLOAT_32 << 16 | (b >> 4 & 0x7f000000);
      words[w + 2] = (b >> 21 & 0x7f) | (b >> 6 & 0x7f00) | (b << 9 & 0x7f0000) |
        (b & 0x7f) << 24;
    }
    return new Uint8Array(words.buffer);
  }

  #integer(value: number): void {
    if ((value | 0) !== value || Object.is(value, -0)) {
      throw new RangeError(`Cannot encode ${value}: it is not a whole number of 32 bits`);
    }
    const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
    if (zigzag < 32) return this.#byte(0xc0 + zigzag);
    this.#byte(INT_32);
    // Sevens of bits, highest first; the last byte has six, and is marked.
    let shift = 6;
    while (shift < 32 && zigzag >>> shift !== 0) shift += 7;
    for (shift -= 7; shift >= 6; shift -= 7) this.#byte((zigzag >>> shift) & 0x7f);
    this.#byte(0x80 | (zigzag & 0x3f));
  }

  #key(key: string): void {
    if (key === "") return this.#byte(EMPTY);
    const { at, length, ascii } = this.#tokenAndText(key);
    if (ascii && length <= 64) this.buffer[at] = 0x80 + length - 1;
    else if (!ascii && length <= 56) this.buffer[at] = 0xc0 + length - 2;
    else {
      this.buffer[at] = LONG_KEY;
      this.#byte(STRING_END);
    }
  }

  #string(text: string): void {
    if (text === "") return this.#byte(EMPTY);
    const { at, length, ascii } = this.#tokenAndText(text);
    if (ascii && length <= 32) this.buffer[at] = 0x40 + length - 1;
    else if (ascii && length <= 64) this.buffer[at] = 0x60 + length - 33;
    else if (!ascii && length <= 33) this.buffer[at] = 0x80 + length - 2;
    else if (!ascii && length <= 64) this.buffer[at] = 0xa0 + length - 34;
    else {
      this.buffer[at] = ascii ? LONG_ASCII : LONG_UNICODE;
      this.#byte(STRING_END);
    }
  }

  /** Writes UTF-8 with a byte before it for the token. */
  #tokenAndText(text: string): { at: number; length: number; ascii: boolean } {
    const at = this.end;
    this.#byte(0);
    const length = this.text(text);
    return { at, length, ascii: length === text.length };
  }

  #byte(byte: number): void {
    this.reserve(1);
    this.buffer[this.end++] = byte;
  }
}

function isList(value: object): value is readonly SmileValue[] {
  return Array.isArray(value);
}
