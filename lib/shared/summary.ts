/** What a run says at its end: the last line on stderr, and the JSON object of `--json`. */
import { errorMessage, MakenError } from "./errors.ts";
import { count, durationText, type RunStats } from "./progress.ts";
import type { Report, Run, Stage } from "./run.ts";

/** The object that `--json` prints. */
export function summaryJson(run: Run, report: Report, error: unknown): Record<string, unknown> {
  const { total, done, stored, skipped, failedBefore, failed, retried, kinds, errors } = run.counts;
  return {
    task: run.task,
    seconds: toMs(run.seconds),
    total: total ?? done,
    stored,
    skipped,
    failedBefore,
    failed,
    retried,
    ...Object.fromEntries(kinds),
    errors: Object.fromEntries(errors),
    ...(run.stages.length === 0 ? {} : { stages: run.stages.map(stageJson) }),
    ...report.json,
    ...(error === undefined ? {} : { error: errorMessage(error) }),
  };
}

function stageJson({ task, seconds, stats }: Stage) {
  const { stored, skipped, failedBefore, failed, kinds } = stats;
  const known = failedBefore > 0 ? { failedBefore } : {};
  const told = Object.fromEntries(kinds);
  return { task, stored, skipped, ...known, failed, ...told, seconds: toMs(seconds) };
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

/** The last line, with the counts of each stage where there are several. */
export function summaryText(run: Run, report: Report, state = ""): string {
  const parts = run.stages.length === 0
    ? [(report.summary ?? countsText(run.stats)) + failuresText(run)]
    : run.stages.map((stage) => `${stage.task} ${countsText(stage.stats)}${failuresText(stage)}`);
  return `${run.task}: ${state}${parts.join("; ")} in ${durationText(run.seconds)}`;
}

function countsText(stats: RunStats): string {
  const { stored, skipped, failedBefore, failed, errors, kinds, total } = stats;
  const codes = [...errors].map(([code, n]) => `${count(n)} ${code}`).join(", ");
  const known = failedBefore === 0 ? [] : [`of which ${count(failedBefore)} failed before`];
  const [stand, rest] = [`${count(stored)} stored`, `${count(failed)} failed`];
  const parts = [stand, `${count(skipped)} skipped`, ...known, rest];
  const told = [...kinds].flatMap(([kind, n]) => n === 0 ? [] : [`${count(n)} ${kind}`]).join(", ");
  const of = total === undefined ? "" : ` of ${count(total)}`;
  return parts.join(", ") + of + (codes === "" ? "" : ` [${codes}]`) +
    (told === "" ? "" : ` (${told})`);
}

function failuresText(stage: Stage): string {
  const path = stage.failuresPath();
  const { failed, failedBefore } = stage.stats;
  return failed + failedBefore > 0 && path !== undefined ? ` (see ${path})` : "";
}

/** One line for what was foreseen, with the stack only for what was not. */
export function fatalText(task: string, error: unknown): string {
  if (error instanceof MakenError) return `${task}: ${errorMessage(error)}`;
  const stack = error instanceof Error ? error.stack ?? error.message : String(error);
  return `${task}: internal error, please report it: ${stack}`;
}
