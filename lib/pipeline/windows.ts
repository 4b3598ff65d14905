/** Windows of days of `firstDigitalContentTime`, which a pipeline harvests one by one. */
import type { Days } from "../catalog/days.ts";

/** How long a window is. */
export const PERIODS = ["day", "week", "month"] as const;
/** One of {@linkcode PERIODS}. */
export type Period = typeof PERIODS[number];

/** First day of a harvest of all: earlier ones have no digital content. */
export const FIRST_DAY = "20151101";

/** A window. */
export interface Window {
  /** Of its folder: `YYYYMMDD-YYYYMMDD`, or `all`. */
  readonly name: string;
  /** Undefined for all records, with a day or without. */
  readonly days: Days | undefined;
}

/** The one window of a harvest that knows no days. */
export const ALL: Window = { name: "all", days: undefined };

/**
 * The whole windows that hold these days, in order; weeks begin on Monday.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const names = (period: Period) => windowsOf({ from: "20240103", to: "20240109" }, period).map((w) => w.name);
 * assert.deepEqual(names("week"), ["20240101-20240107", "20240108-20240114"]);
 * assert.deepEqual(names("month"), ["20240101-20240131"]);
 * assert.equal(names("day").length, 7);
 * ```
 */
export function windowsOf({ from, to }: Days, period: Period): Window[] {
  const windows: Window[] = [];
  const last = timeOf(to);
  for (let day = beginOf(timeOf(from), period); day <= last;) {
    const next = nextOf(day, period);
    windows.push(windowOf({ from: textOf(day), to: textOf(next - DAY_MS) }));
    day = next;
  }
  return windows;
}

/** The window of just these days. */
export function windowOf(days: Days): Window {
  return { name: `${days.from}-${days.to}`, days };
}

/** The day after another one. */
export function dayAfter(day: string): string {
  return textOf(timeOf(day) + DAY_MS);
}

/** The day that it is, UTC. */
export function today(): string {
  return textOf(Date.now());
}

/** Whether two windows have a day in common, though they are not the same. */
export function overlap(a: Window, b: Window): boolean {
  if (a.name === b.name || a.days === undefined || b.days === undefined) return false;
  return a.days.from <= b.days.to && b.days.from <= a.days.to;
}

/** The window of that name; undefined if it is none's. */
export function windowNamed(name: string): Window | undefined {
  if (name === ALL.name) return ALL;
  const [, from, to] = /^(\d{8})-(\d{8})$/.exec(name) ?? [];
  return from === undefined || to === undefined ? undefined : windowOf({ from, to });
}

/** Whether a text is a day, as YYYYMMDD. */
export function isDay(text: string): boolean {
  return /^\d{8}$/.test(text) && !Number.isNaN(timeOf(text)) && textOf(timeOf(text)) === text;
}

const DAY_MS = 86_400_000;

function beginOf(day: number, period: Period): number {
  const date = new Date(day);
  if (period === "month") return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
  const sinceMonday = (date.getUTCDay() + 6) % 7;
  return period === "week" ? day - sinceMonday * DAY_MS : day;
}

function nextOf(begin: number, period: Period): number {
  const date = new Date(begin);
  if (period === "month") return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
  return begin + (period === "week" ? 7 : 1) * DAY_MS;
}

/** Midnight UTC, in milliseconds since 1970. */
function timeOf(day: string): number {
  return Date.parse(day.replace(/(\d{4})(\d{2})(\d{2})/, "$1-$2-$3"));
}

function textOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10).replaceAll("-", "");
}
