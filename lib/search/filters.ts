/** Filters as users write them: `field=value`. */
import { FILTER_FIELDS, type Filters } from "../index/types.ts";

/**
 * The wanted values of some fields.
 *
 * @param texts each `field=value`
 * @throws {RangeError} in one line if one is not
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(parseFilters(["access=EVERYWHERE", "subject=a=b"]), {
 *   access: "everywhere",
 *   subject: "a=b",
 * });
 * assert.throws(() => parseFilters(["id=1"]), RangeError);
 * assert.throws(() => parseFilters(["dates"]), RangeError);
 * ```
 */
export function parseFilters(texts: readonly string[]): Filters {
  const filters: Filters = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    const field = FILTER_FIELDS.find((name) => name.length === at && text.startsWith(name));
    if (field === undefined) {
      throw new RangeError(
        `Cannot filter by "${text}": it must be FIELD=VALUE with one of ${
          FILTER_FIELDS.join(", ")
        }`,
      );
    }
    const value = text.slice(at + 1);
    if ((filters[field] ?? value) !== value) {
      throw new RangeError(`Cannot filter by two values of ${field}`);
    }
    filters[field] = value;
  }
  return normalizeFilters(filters);
}

/** Filters as documents hold their values: access is in lower case. */
export function normalizeFilters(filters: Filters): Filters {
  const { access } = filters;
  return access === undefined ? filters : { ...filters, access: access.toLowerCase() };
}

/** Filters as users write them. */
export function filtersText(filters: Filters): string {
  return Object.entries(filters).map(([field, value]) => `${field}=${value}`).join(" and ");
}
