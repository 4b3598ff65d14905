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

/** Longest start of a text that is shown. */
const SHOWN = 40;

/**
 * Why a text is not JSON: how it begins, or where it goes wrong.
 *
 * @param error what parsing it has thrown
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const reason = (text: string) => {
 *   try {
 *     return JSON.parse(text);
 *   } catch (error) {
 *     return notJsonReason(text, error);
 *   }
 * };
 * assert.equal(reason("<!DOCTYPE html><p>"), 'it is not JSON (it begins with "<!DOCTYPE html>")');
 * assert.equal(reason('{"a":["b"'), "it is not JSON (it ends too early)");
 * assert.equal(reason('{"a" "b"}'), 'it is not JSON (wrong from ""b"}" on)');
 * assert.equal(reason(""), "it is empty");
 * ```
 */
export function notJsonReason(text: string, error: unknown): string {
  const trimmed = text.trim();
  if (trimmed === "") return "it is empty";
  if (!/^[[{]/.test(trimmed)) {
    const start = /^<[^<>]{0,60}>/.exec(trimmed)?.[0] ?? shortened(trimmed);
    return `it is not JSON (it begins with "${start}")`;
  }
  return `it is not JSON (${mistakeIn(text, error instanceof Error ? error.message : "")})`;
}

/** The mistake that a message of the parser tells of, in words of the text itself. */
function mistakeIn(text: string, message: string): string {
  const near = /^Unexpected token .*?, (?:\.\.\.)?"(.*)"(?:\.\.\.)? is not/s.exec(message)?.[1];
  if (near !== undefined) return `wrong near "${shortened(near)}"`;
  const position = / at position (\d+)/.exec(message)?.[1];
  const isOpen = position === undefined || message.startsWith("Unterminated");
  const rest = isOpen ? "" : text.slice(Number(position)).trim();
  return rest === "" ? "it ends too early" : `wrong from "${shortened(rest)}" on`;
}

function shortened(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, " ");
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
}

/**
 * What a value of JSON is, to be put into a sentence: `a list`, `true`, `1.5`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(kindOfJson(["a"]), "a list");
 * assert.equal(kindOfJson(null), "null");
 * ```
 */
export function kindOfJson(value: unknown): string {
  if (isRawNumber(value)) return shortened(value.rawJSON);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? `"${shortened(value)}"` : String(value);
}
