/** `.vct`: plain text, one number a line, as `numpy.savetxt` writes it. */
import { VectorError } from "../shared/errors.ts";
import { isCutNumber } from "./cut_number.ts";

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
 * The vector of a `.vct` file. As numpy.loadtxt it takes a number a line or all in one line, with blanks
 * or commas between them, and comments after `#`.
 *
 * @throws {VectorError} with code `vector_file` if something is not a number, the last one is cut off, or
 * there are several lines of several numbers
 */
export function decodeVct(text: string): Float32Array {
  const rows = rowsOf(text);
  const numbers = rows.flatMap((row) => row.numbers);
  if (isCutOff(text, numbers)) throw notVector("it is cut off");
  for (const { numbers, line, lineNumber } of rows) {
    if (numbers.every((number) => NUMBER.test(number))) continue;
    const shown = line.trim().slice(0, 40).replaceAll(/[\p{Cc}\ufffd]/gu, "?");
    throw notVector(`line ${lineNumber} is "${shown}"`);
  }
  const [first, ...others] = rows;
  if (first === undefined) throw notVector("it is empty");
  const columns = first.numbers.length;
  const odd = others.find((row) => row.numbers.length !== columns);
  if (odd !== undefined) {
    throw notVector(`line ${odd.lineNumber} has not as many numbers as line ${first.lineNumber}`);
  }
  if (rows.length > 1 && columns > 1) {
    const hint = withoutComments(text).includes(",")
      ? ", with a comma between them: decimals need a point"
      : "";
    throw notVector(`it has ${rows.length} lines of ${columns} numbers each${hint}`);
  }
  return Float32Array.from(
    numbers,
    (number) => Number(number.replace(/inf(inity)?$/i, "Infinity")),
  );
}

function notVector(reason: string): VectorError {
  return new VectorError(`not a vector: ${reason}`, "vector_file");
}

const NUMBER = /^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)$/i;

/** A line with numbers. */
interface Row {
  readonly line: string;
  /** From 1. */
  readonly lineNumber: number;
  readonly numbers: readonly string[];
}

function rowsOf(text: string): Row[] {
  const plain = withoutComments(text);
  const separator = plain.includes(",") ? "," : /\s+/;
  const rows: Row[] = [];
  for (const [i, line] of plain.split(/\r\n|[\r\n]/).entries()) {
    const content = line.trim();
    if (content === "") continue;
    const numbers = content.split(separator).map((number) => number.trim());
    rows.push({ line, lineNumber: i + 1, numbers });
  }
  return rows;
}

/** The text with a blank in place of each comment. */
function withoutComments(text: string): string {
  return text.includes("#") ? text.replace(/#[^\r\n]*/g, " ") : text;
}

/** Whether the text ends within its last number. */
function isCutOff(text: string, numbers: readonly string[]): boolean {
  const last = numbers.at(-1);
  return last !== undefined && last !== "" && withoutComments(text).endsWith(last) &&
    isCutNumber(last, numbers.slice(0, -1));
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
