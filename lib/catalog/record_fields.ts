/** Reads fields that people and programs have filled in different ways. */
import { isRawNumber } from "./exact_json.ts";

/** Reads the fields of one record, and notes those whose content is of another kind. */
export class FieldReader {
  /** Names of fields with something that was left out. */
  readonly leftOut: string[] = [];

  /** The field's text: its own, or the first one in a list or an object; undefined if there is none. */
  one(name: string, value: unknown, read = text): string | undefined {
    const found = read(value);
    if (found === undefined && isSomething(value)) this.leftOut.push(name);
    return found;
  }

  /** The text of each in a list; of what is no list, its own. */
  many(name: string, value: unknown): string[] {
    const given = [value].flat(Infinity).filter(isSomething);
    const found = given.map(text).filter((one) => one !== undefined);
    if (found.length < given.length) this.leftOut.push(name);
    return found;
  }

  /** The fields in a field; those of all objects in a list, of which the first counts. */
  fields(name: string, value: unknown): Record<string, unknown> {
    if (isFields(value)) return value;
    const given = [value].flat(Infinity).filter(isSomething);
    const found = given.filter(isFields);
    if (found.length < given.length) this.leftOut.push(name);
    return Object.fromEntries(found.toReversed().flatMap(Object.entries));
  }
}

/** Whether a value is an object with fields. */
export function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !isRawNumber(value);
}

/** The first text in a value. Half a character, which UTF-8 cannot hold, becomes U+FFFD. */
export function text(value: unknown): string | undefined {
  return first(value, (one) => {
    return typeof one === "string" && one.trim() !== "" ? one.toWellFormed() : undefined;
  });
}

/** The first text in a value; where there is none, the first number. */
export function textOrNumber(value: unknown): string | undefined {
  return text(value) ?? first(value, (one) => {
    if (isRawNumber(one)) return one.rawJSON;
    return typeof one === "number" ? String(one) : undefined;
  });
}

/** The first address in a value: that of a link, or a text that is one. */
export function href(value: unknown): string | undefined {
  const links: readonly unknown[] = Array.isArray(value) ? value : [value];
  const addresses = links.map((link) => {
    if (isFields(link)) return text(link.href);
    return typeof link === "string" && /^https?:\/\//.test(link) ? text(link) : undefined;
  });
  return addresses.find((address) => address !== undefined);
}

/** What `leaf` finds first in a value, in lists and objects as well. */
function first(
  value: unknown,
  leaf: (value: unknown) => string | undefined,
): string | undefined {
  const found = leaf(value);
  if (found !== undefined || typeof value !== "object" || value === null) return found;
  if (isRawNumber(value)) return undefined;
  const inner = value as Record<string, unknown>;
  const names = Object.keys(value).filter((name) => !ABOUT_TEXT.test(name));
  for (const name of [...TEXT_NAMES, ...names]) {
    const found = Object.hasOwn(inner, name) ? first(inner[name], leaf) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Fields of an object that hold its text, the likeliest first; and those that only tell of it. */
const TEXT_NAMES = ["value", "@value", "#text", "text", "name", "title", "label"];
const ABOUT_TEXT = /^@?(lang|language|type|roles?|id|uri|href|xml:lang)$/i;

/** Whether there is more in a value than blanks. */
function isSomething(value: unknown): boolean {
  if (typeof value === "string") return value.trim() !== "";
  if (typeof value !== "object" || isRawNumber(value)) return value !== undefined;
  return value !== null && Object.values(value).some(isSomething);
}
