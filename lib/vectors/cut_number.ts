/** Whether a text that ends without a line end was cut inside its last number. */

/** The parts of a number as it is written. */
interface Form {
  /** Digits after the point; undefined without a point. */
  readonly decimals: number | undefined;
  /** Digits of the exponent; undefined without one. */
  readonly exponent: string | undefined;
}

const WHOLE = /^[+-]?(?:\d+(?:\.(\d*))?|\.(\d+))(?:e[+-]?(\d+))?$/i;
const NOT_FINITE = /^[+-]?(nan|inf|infinity)$/i;
/** What is left of a number, or of `nan` and `inf`, where its end is missing. */
const BEGINNING = /^[+-]?(\.?|(\d+\.?\d*|\.\d+)e[+-]?|n|na|i|in|infi|infin|infini|infinit)$/i;

/** Among so many numbers that are written in one way, one may be written in another. */
const ONE_ODD_IN = 16;

/**
 * Whether the last number of a text lacks what the others have: digits of the exponent, decimals where
 * nearly all have as many, or its end. To be shorter is no proof where the numbers are of many lengths.
 *
 * @param others all the numbers before it
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.ok(isCutNumber("1.5e-0", ["2.5e-04", "0", "1.0e-100"]));
 * assert.ok(!isCutNumber("0.5", ["0.125", "0.0625"]));
 * ```
 */
export function isCutNumber(last: string, others: readonly string[]): boolean {
  if (NOT_FINITE.test(last)) return false;
  const form = formOf(last);
  if (form === undefined) return BEGINNING.test(last);
  const forms = others.map(formOf).filter((other) => other !== undefined);
  return isShorterThanEqual(last, others) || lacksExponentDigits(form, forms) ||
    lacksDecimals(form, forms);
}

/** Undefined if it is no finite number. */
function formOf(number: string): Form | undefined {
  const [whole, after, bare, exponent] = WHOLE.exec(number) ?? [];
  if (whole === undefined) return undefined;
  return { decimals: (after ?? bare)?.length, exponent };
}

/** Whether all others have as many characters, without their signs, and the last one has fewer. */
function isShorterThanEqual(last: string, others: readonly string[]): boolean {
  const length = (number: string) => number.replace(/^[+-]/, "").length;
  const [first = 0, ...more] = others.map(length);
  return length(last) < first && more.every((n) => n === first);
}

/** Whether the exponent has fewer digits than that of any other, where they are filled up with zeros. */
function lacksExponentDigits({ exponent }: Form, others: readonly Form[]): boolean {
  const exponents = others.map((other) => other.exponent).filter((digits) => digits !== undefined);
  return exponent !== undefined && exponents.some((digits) => digits.startsWith("0")) &&
    exponents.every((digits) => digits.length > exponent.length);
}

/** Whether nearly all others are written with as many decimals, and the last one ends before that. */
function lacksDecimals({ decimals, exponent }: Form, others: readonly Form[]): boolean {
  if (exponent !== undefined) return false; // the decimals are before it
  const times = new Map<number | undefined, number>();
  for (const other of others) times.set(other.decimals, (times.get(other.decimals) ?? 0) + 1);
  const [usual, n] = [...times].reduce((a, b) => b[1] > a[1] ? b : a, [undefined, 0]);
  const nearlyAll = others.length - Math.round(others.length / ONE_ODD_IN);
  if (usual === undefined || n < nearlyAll) return false;
  const isUsual = (other: Form) => other.decimals === decimals && other.exponent === undefined;
  if (decimals === undefined || decimals < usual) return !others.some(isUsual);
  return others.filter((other) => other.exponent !== undefined).length >= nearlyAll;
}
