/** JSON whose numbers are written again as they were read, however many digits they have. */

/** A number that a double might not hold as it is written; JSON.stringify() writes it as it was. */
export interface RawNumber {
  readonly rawJSON: string;
}

// Not yet in TypeScript's library: ECMAScript proposal "JSON.parse source text access".
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): boolean;
};

/** Numbers that may be written otherwise than they were read: not whole, long, or minus zero. */
const UNUSUAL_NUMBER = /(?:"\s*:|[[,]|^)\s*(?:-?\d+[.eE]|-?\d{16}|-0)/;

/**
 * Parses JSON; a number that would not be written again as it was read becomes a
 * {@linkcode RawNumber}.
 *
 * @throws {SyntaxError} if the text is not JSON
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(JSON.stringify(parseExact('{"n":12345678901234567890}')), '{"n":12345678901234567890}');
 * ```
 */
export function parseExact(text: string): unknown {
  if (!UNUSUAL_NUMBER.test(text)) return JSON.parse(text);
  const keepSource = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && context?.source !== undefined && String(value) !== context.source
      ? rawJSON(context.source)
      : value;
  return JSON.parse(text, keepSource);
}

/** Whether the value is a number that is kept as it was written. */
export function isRawNumber(value: unknown): value is RawNumber {
  return isRawJSON(value);
}
