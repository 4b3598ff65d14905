/** What a run has done so far, and the one line that shows it. */

/** Counts of one run. Every item of `total` ends as stored, skipped or failed. */
export class RunStats {
  /** Items to do, once it is known. */
  total: number | undefined;
  /** Items written or indexed. */
  stored = 0;
  /** Items that needed nothing. */
  skipped = 0;
  /** Those of them that failed for good in an earlier run, and wait. */
  failedBefore = 0;
  /** Items that could not be done; their codes are in `errors`. */
  failed = 0;
  /** Requests that were tried again. */
  retried = 0;
  /** What became of items, where that is told more finely than stored and skipped. */
  readonly kinds = new Map<string, number>();
  /** Failed items by code. */
  readonly errors = new Map<string, number>();
  /** What else the progress line tells, such as `page 3 of 10`. */
  detail = "";

  /** Items that have ended, one way or another. */
  get done(): number {
    return this.stored + this.skipped + this.failed;
  }

  /**
   * Counts of several stages that have ended: what the first had to do, what the last stored, what failed
   * in any; the rest was skipped by one or another.
   */
  static ofStages(first: RunStats, last: RunStats, all: readonly RunStats[]): RunStats {
    const stats = new RunStats();
    stats.total = first.total;
    stats.stored = last.stored;
    for (const [kind, n] of last.kinds) stats.kinds.set(kind, n);
    for (const { retried, errors, failedBefore } of all) {
      stats.retried += retried;
      stats.failedBefore += failedBefore;
      for (const [code, n] of errors) stats.addFailed(code, n);
    }
    const items = stats.total ?? first.done;
    stats.skipped = Math.max(last.skipped, items - stats.stored - stats.failed);
    return stats;
  }

  /** Counts of several together. */
  static sum(parts: readonly RunStats[]): RunStats {
    const sum = new RunStats();
    for (const part of parts) sum.add(part);
    sum.detail = parts.findLast(({ detail }) => detail !== "")?.detail ?? "";
    return sum;
  }

  /** Adds the counts of others to these. */
  add({ total, stored, skipped, failedBefore, retried, kinds, errors }: RunStats): void {
    if (total !== undefined) this.total = (this.total ?? 0) + total;
    this.stored += stored;
    this.skipped += skipped;
    this.failedBefore += failedBefore;
    this.retried += retried;
    for (const [kind, n] of kinds) this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + n);
    for (const [code, n] of errors) this.addFailed(code, n);
  }

  /** Counts an item as one of a kind. */
  addKind(kind: string): void {
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
  }

  /** Counts `count` failed items under their code. */
  addFailed(code: string, count = 1): void {
    this.failed += count;
    this.errors.set(code, (this.errors.get(code) ?? 0) + count);
  }
}

/** How fast a stage has come on lately, skipped items included. */
export class Pace {
  /** The oldest first. */
  readonly #seen: { done: number; seconds: number }[];

  /** @param before what had ended when it was first seen, and may have taken no time at all */
  constructor(before: number) {
    this.#seen = [{ done: before, seconds: 0 }];
  }

  /** Notes how far the stage has come after so many seconds. */
  see(done: number, seconds: number): void {
    this.#seen.push({ done, seconds });
    const isOld = () => this.#seen.length > 2 && seconds - this.#seen[1]!.seconds >= PACE_SECONDS;
    while (isOld()) this.#seen.shift();
  }

  /** Items a second; undefined while too little was seen. */
  get perSecond(): number | undefined {
    const [first, last] = [this.#seen[0]!, this.#seen.at(-1)!];
    const seconds = last.seconds - first.seconds;
    return seconds > 0 && last.done > first.done ? (last.done - first.done) / seconds : undefined;
  }
}

/** Over how long the pace is taken. */
const PACE_SECONDS = 60;

/** What the progress line is drawn from. */
export interface ProgressState {
  readonly label: string;
  readonly done: number;
  readonly total: number | undefined;
  readonly failed: number;
  readonly skipped: number;
  readonly detail: string;
  /** Seconds since the run began. */
  readonly seconds: number;
  /** Items that ended a second lately, the skipped ones too; undefined while that is not known. */
  readonly pace: number | undefined;
}

/**
 * The progress line: done of total, rate, time left, failures.
 *
 * The rate counts the items that took work, not the skipped ones; the time left counts all, as it is
 * not known which of the others will be skipped.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(
 *   progressText({
 *     label: "vectorize", done: 250, total: 1000, failed: 2, skipped: 50, detail: "", seconds: 20,
 *     pace: 10,
 *   }),
 *   "vectorize  250 of 1,000 (25 %)  10.0/s  1 min 15 s left  2 failed",
 * );
 * ```
 */
export function progressText(state: ProgressState): string {
  const { label, done, total, failed, skipped, detail, seconds, pace = 0 } = state;
  const rate = seconds > 0 ? (done - skipped) / seconds : 0;
  const parts = [label];
  if (total !== undefined || done > 0 || detail === "") {
    parts.push(
      total === undefined ? count(done) : `${count(done)} of ${count(total)}` +
        (total > 0 ? ` (${Math.floor((100 * done) / total)} %)` : ""),
    );
  }
  if (detail !== "") parts.push(detail);
  if (rate > 0) parts.push(`${rate < 100 ? rate.toFixed(1) : count(Math.round(rate))}/s`);
  if (pace > 0 && total !== undefined && total > done) {
    parts.push(`${durationText((total - done) / pace)} left`);
  }
  if (failed > 0) parts.push(`${count(failed)} failed`);
  return parts.join("  ");
}

/**
 * A span of seconds as a person says it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(durationText(4.26), "4.3 s");
 * assert.equal(durationText(7_260), "2 h 1 min");
 * ```
 */
export function durationText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  const h = Math.floor(s / 3600);
  return h < 48
    ? `${h} h ${Math.floor((s % 3600) / 60)} min`
    : `${Math.floor(h / 24)} days ${h % 24} h`;
}

/** A whole number with thousands separated by commas; without the tables of `Intl`, which take 0.1 s. */
export function count(n: number): string {
  return String(n).replace(/(?<=\d)(?=(?:\d{3})+$)/g, ",");
}
