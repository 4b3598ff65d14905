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
  for (const number of vector) text += `${exponential(number)}\n`;
  return text;
}

/** C's `%.18e`, which rounds a tie to the even digit, where toExponential() rounds it up. */
function exponential(number: number): string {
  const sign = Object.is(number, -0) ? "-" : "";
  const [exact = "", exponent = ""] = number.toExponential(40).split("e");
  const isTieToEven = /[02468]50{21}$/.test(exact);
  const digits = isTieToEven ? exact.slice(0, -22) : number.toExponential(18).split("e")[0];
  return `${sign}${digits}e${exponent.replace(/^([+-])(\d)$/, "$10$2")}`;
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

/**
 * How many numbers a `.vct` file holds, without reading them; 0 if it is cut off in the last one.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(countVct("1.5e+00\n2.5e+00\n"), 2);
 * assert.equal(countVct("1.5e+00\n2.5e+0"), 0);
 * ```
 */
export function countVct(text: string): number {
  if (text.trim() === "") return 0;
  let count = text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return text.endsWith("\n") || isWholeEnd(text) ? count : 0;
}

/** Whether the last number, after which no line ends, is written as the first one is. */
function isWholeEnd(text: string): boolean {
  const [first = "", last = ""] = [text.split("\n", 1)[0], text.slice(text.lastIndexOf("\n") + 1)];
  const shape = (number: string) => number.trim().replace(/^[+-]/, "").length;
  return shape(last) === shape(first);
}
