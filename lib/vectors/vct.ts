/** `.vct`: plain text, one number a line, as `numpy.savetxt` writes it. */
import { VectorError } from "../shared/errors.ts";

/**
 * A vector as text, each number in C's `%.18e`.
 *
 * @param vector float32[length]
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(encodeVct(new Float32Array([1, -0.5])),
 *   "1.000000000000000000e+00\n-5.000000000000000000e-01\n");
 * ```
 */
export function encodeVct(vector: Float32Array): string {
  let text = "";
  for (const number of vector) {
    const sign = Object.is(number, -0) ? "-" : "";
    text += sign + number.toExponential(18).replace(/e([+-])(\d)$/, "e$10$2") + "\n";
  }
  return text;
}

/**
 * The vector of a `.vct` file.
 *
 * @throws {VectorError} with code `vector_file` if a line is not a number
 */
export function decodeVct(text: string): Float32Array {
  const lines = text.trim().split(/\s*\n\s*/);
  const bad = lines.findIndex((line) => !/^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|nan|inf)$/.test(line));
  if (bad >= 0) {
    const line = lines[bad]!.slice(0, 40);
    throw new VectorError(`not a vector: line ${bad + 1} is "${line}"`, "vector_file");
  }
  return Float32Array.from(lines, (line) => Number(line.replace("inf", "Infinity")));
}
