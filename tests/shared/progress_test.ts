import assert from "node:assert/strict";
import { Pace, progressText } from "../../lib/shared/progress.ts";

/** The progress line of a run of which `done` of 10,000 records have ended, nearly all skipped. */
function lineOf(pace: Pace, done: number, seconds: number): string {
  pace.see(done, seconds);
  const state = {
    label: "x",
    done,
    total: 10_000,
    failed: 0,
    skipped: done - 5,
    detail: "",
    seconds,
  };
  return progressText({ ...state, pace: pace.perSecond });
}

Deno.test("the time left is that of the pace of late, with what is skipped", () => {
  const pace = new Pace(1000);
  assert.doesNotMatch(lineOf(pace, 1000, 10), /left/);
  // 100 a second, though only five took work: that pace alone would say hours.
  assert.match(lineOf(pace, 3000, 20), /1 min 10 s left/);
});

Deno.test("the time left follows when the work slows down", () => {
  const pace = new Pace(0);
  for (let s = 0; s <= 60; s += 10) lineOf(pace, 100 * s, s);
  let line = "";
  for (let s = 70; s <= 180; s += 10) line = lineOf(pace, 6000 + (s - 60), s); // now one a second
  assert.match(line, /1 h 4 min left/);
});

Deno.test("what a run takes over from an earlier one is no pace", () => {
  const pace = new Pace(5000); // at once, from a journal
  lineOf(pace, 5000, 1);
  assert.match(lineOf(pace, 5010, 2), /16 min 38 s left/);
});
