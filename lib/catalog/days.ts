/** Spans of days, over which a large query is split. */

/** A span of days, both of them in it, as YYYYMMDD. */
export interface Days {
  readonly from: string;
  readonly to: string;
}

/** Days that a query is split over: no digital content is older, and none comes later. */
const ALL_DAYS: Days = { from: "19900101", to: "20991231" };

/** Days of which there is no digital content. */
export const NO_DAYS: Days = { from: "18000101", to: "18000101" };

/** The days of `firstDigitalContentTime` that a query asks for itself, else all. */
export function spanOf(filters: readonly string[]): Days {
  for (const filter of filters) {
    const range = /^firstDigitalContentTime:\[(\d{8}) TO (\d{8})\]$/.exec(filter);
    if (range !== null) return { from: range[1]!, to: range[2]! };
  }
  return ALL_DAYS;
}

/**
 * The two halves of a span of days; undefined for a single day.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(halve({ from: "20211231", to: "20220102" }), [
 *   { from: "20211231", to: "20220101" },
 *   { from: "20220102", to: "20220102" },
 * ]);
 * assert.equal(halve({ from: "20211231", to: "20211231" }), undefined);
 * ```
 */
export function halve({ from, to }: Days): [Days, Days] | undefined {
  const first = dayNumber(from);
  const last = dayNumber(to);
  if (!(first < last)) return undefined;
  const middle = Math.floor((first + last) / 2);
  return [{ from, to: dayText(middle) }, { from: dayText(middle + 1), to }];
}

const DAY_MS = 86_400_000;

function dayNumber(day: string): number {
  return Date.parse(day.replace(/(\d{4})(\d{2})(\d{2})/, "$1-$2-$3")) / DAY_MS;
}

function dayText(number: number): string {
  return new Date(number * DAY_MS).toISOString().slice(0, 10).replaceAll("-", "");
}
