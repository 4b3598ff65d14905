/** Which sub-folders a record belongs to, by values of its own. */
import { isRawNumber } from "./exact_json.ts";
import { UsageError } from "../shared/errors.ts";
import { STATE_DIR } from "../shared/files.ts";

/** One level of folders: a dotted key and, where only part of its value counts, a pattern. */
export interface GroupKey {
  readonly key: string;
  readonly pattern?: RegExp;
}

/** Folder of records that have no value. */
const UNKNOWN = "unknown";
/** Longest folder name, in characters and in UTF-8 bytes. */
const MAX_NAME = 100;
const MAX_NAME_BYTES = 200;

const SHORT_FORMS = new Map([
  ["DATE", String.raw`\d{4}-\d{2}-\d{2}`],
  ["TIME", String.raw`\d{1,2}:\d{1,2}:\d{1,2}`],
]);

/**
 * Parses `key,key:pattern,…`: commas outside brackets separate the levels, and the pattern is all
 * that follows a level's first `:`.
 *
 * @throws {UsageError} if a key is empty or a pattern is not a regular expression
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(parseGroupBy("a.b,c:DATE"), [
 *   { key: "a.b" },
 *   { key: "c", pattern: /\d{4}-\d{2}-\d{2}/u },
 * ]);
 * ```
 */
export function parseGroupBy(text: string): GroupKey[] {
  if (text.trim() === "") return [];
  return splitOutsideBrackets(text).map((level) => {
    const colon = level.indexOf(":");
    const key = (colon < 0 ? level : level.slice(0, colon)).trim();
    const source = colon < 0 ? "" : level.slice(colon + 1);
    if (key === "") throw new UsageError(`Cannot group by "${text}": a key is empty`);
    if (source === "") return { key };
    try {
      return { key, pattern: new RegExp(SHORT_FORMS.get(source) ?? source, "u") };
    } catch (error) {
      throw new UsageError(`Cannot group by "${level}": not a regular expression`, {
        cause: error,
      });
    }
  });
}

function splitOutsideBrackets(text: string): string[] {
  const parts = [""];
  let depth = 0;
  // An escaped character and a class such as [(,] are one token each.
  for (const token of text.match(/\\.|\[(?:\\.|[^\]\\])*\]|[^]/gu) ?? []) {
    if ("({".includes(token)) depth++;
    if (")}".includes(token)) depth = Math.max(0, depth - 1);
    if (token === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += token;
  }
  return parts;
}

/**
 * The folder names of a record, one a level.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const keys = parseGroupBy("accessInfo.accessAllowedFrom,metadata.title");
 * assert.deepEqual(groupFolders({ accessInfo: { accessAllowedFrom: "NORWAY" } }, keys), [
 *   "norway",
 *   "unknown",
 * ]);
 * ```
 */
export function groupFolders(record: unknown, keys: readonly GroupKey[]): string[] {
  return keys.map(({ key, pattern }) => {
    const value = valueAt(record, key.split("."));
    return folderName(pattern === undefined ? value : value.match(pattern)?.[0] ?? "");
  });
}

/** The value as text; of an array the first. Empty where there is none. */
function valueAt(value: unknown, keys: readonly string[]): string {
  if (Array.isArray(value)) return valueAt(value[0], keys);
  if (isRawNumber(value)) return keys.length === 0 ? value.rawJSON : "";
  const [key, ...rest] = keys;
  if (key !== undefined) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return "";
    return valueAt((value as Record<string, unknown>)[key], rest);
  }
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : "";
}

/** A value made safe as the name of one folder, on Windows too. */
function folderName(value: string): string {
  let name = value.normalize("NFC").toLowerCase().trim().replace(/[^\p{L}\p{N}._ -]/gu, "_");
  if (isReservedOnWindows(name) || name.startsWith(STATE_DIR)) name = `_${name}`;
  name = [...name].slice(0, MAX_NAME).join("");
  while (new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
    name = [...name].slice(0, -1).join("");
  }
  name = name.replace(/[. ]+$/, (end) => "_".repeat(end.length)); // Windows drops them
  return name === "" ? UNKNOWN : name;
}

/** Whether Windows keeps the name for a device, with whatever extension. */
export function isReservedOnWindows(name: string): boolean {
  return /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)/i.test(name);
}
