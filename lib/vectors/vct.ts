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
 * The vector of a `.vct` file; as numpy.loadtxt, it takes several numbers a line, with blanks or commas
 * between them, and comments after `#`.
 *
 * @throws {VectorError} with code `vector_file` if something is not a number, or the last one is cut off
 */
export function decodeVct(text: string): Float32Array {
  const numbers = numbersOf(text);
  if (isCutOff(text, numbers)) throw new VectorError("not a vector: it is cut off", "vector_file");
  const bad = numbers.findIndex((number) => !NUMBER.test(number));
  if (bad >= 0 || numbers.length === 0) {
    const found = numbers.length === 0 ? "it is empty" : lineOf(text, numbers[bad]!);
    throw new VectorError(`not a vector: ${found}`, "vector_file");
  }
  return Float32Array.from(
    numbers,
    (number) => Number(number.replace(/inf$/i, "Infinity").replace(/infinity/i, "Infinity")),
  );
}

const NUMBER = /^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)$/i;

function numbersOf(text: string): string[] {
  const plain = text.includes("#") ? text.replace(/#.*$/gm, "") : text;
  return plain.split(/[\s,\ufeff]+/).filter((number) => number !== "");
}

function lineOf(text: string, number: string): string {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => line.includes(number));
  return `line ${at + 1} is "${lines[at]?.trim().slice(0, 40)}"`;
}

/** Whether the last number, after which no line ends, lacks digits that all others have. */
function isCutOff(text: string, numbers: readonly string[]): boolean {
  const last = numbers.at(-1);
  if (last === undefined || /\n\s*$/.test(text.slice(-4))) return false;
  const digits = (number: string) => number.replace(/^[+-]/, "").length;
  const [first = 0, ...others] = numbers.slice(0, -1).map(digits);
  return digits(last) < first && others.every((n) => n === first);
}

/**
 * How many numbers a `.vct` file holds, mostly without reading them; 0 if it is none, or cut off.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(countVct("1.5e+00\n2.5e+00\n"), 2);
 * assert.equal(countVct("1.5e+00\n2.5e+0"), 0);
 * ```
 */
export function countVct(text: string): number {
  if (text.endsWith("\n") && !/[ ,#\t\r]|\n\n/.test(text)) { // as numpy.savetxt writes it
    let count = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
    return count;
  }
  try {
    return decodeVct(text).length;
  } catch {
    return 0;
  }
}
