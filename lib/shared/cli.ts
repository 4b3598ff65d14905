/** Runs one tool: signals, progress, summary, exit code. Holds the only `Deno.exit`. */
import { type CommonOptions, HelpRequest } from "./args.ts";
import { errorMessage, MakenError, UsageError } from "./errors.ts";
import { drawStatus, isTerminal, logLine, printResult, terminalWidth } from "./log.ts";
import { count, durationText, progressText, type RunStats } from "./progress.ts";
import { type Report, Run } from "./run.ts";

/** Exit codes of every task. */
export const EXIT = { done: 0, itemsFailed: 1, usage: 2, interrupted: 130 } as const;

/** A terminal and the launcher may both pass on one Ctrl-C: signals this close count as one. */
const SAME_SIGNAL_MS = 500;

/**
 * Parses the arguments, runs the tool and ends the process with its exit code.
 *
 * @param task name of the tool, as in `deno task <name>`
 * @param parse arguments to options; throws UsageError or HelpRequest
 * @param work the tool's flow
 * @param argv arguments after the tool's name
 */
export async function runTool<O extends CommonOptions>(
  task: string,
  parse: (argv: readonly string[]) => O,
  work: (options: O, run: Run) => Promise<Report | void>,
  argv: readonly string[] = Deno.args,
): Promise<never> {
  let options: O;
  try {
    options = parse(argv);
  } catch (error) {
    Deno.exit(explainParseError(task, error));
  }
  const abort = new AbortController();
  stopOnSignals(task, abort);
  const run = new Run(task, abort.signal);
  const started = performance.now();
  const stopProgress = showProgress(run, started);
  let report: Report | void = undefined;
  let fatal: unknown;
  try {
    report = await work(options, run);
  } catch (error) {
    fatal = error;
  } finally {
    stopProgress();
  }
  const failuresPath = run.failuresPath();
  await run[Symbol.asyncDispose]();

  const interrupted = abort.signal.aborted;
  if (fatal !== undefined && !interrupted) logLine(fatalText(task, fatal));
  const seconds = (performance.now() - started) / 1000;
  if (options.json) {
    const error = fatal === undefined || interrupted ? {} : { error: errorMessage(fatal) };
    printResult(
      JSON.stringify({ ...summaryJson(task, seconds, run.stats), ...report?.json, ...error }),
    );
  } else if (report?.text !== undefined) {
    printResult(report.text);
  }
  const begun = fatal === undefined || interrupted || run.stats.done > 0;
  if (begun) {
    const counts = report?.summary ?? summaryText(run.stats);
    const state = interrupted ? "interrupted: " : fatal === undefined ? "" : "stopped: ";
    const where = run.stats.failed > 0 && failuresPath ? ` (see ${failuresPath})` : "";
    logLine(`${task}: ${state}${counts}${where} in ${durationText(seconds)}`);
  }
  Deno.exit(
    interrupted
      ? EXIT.interrupted
      : fatal !== undefined
      ? EXIT.usage
      : run.stats.failed > 0
      ? EXIT.itemsFailed
      : EXIT.done,
  );
}

/** Prints why the arguments were not taken, or the help that they asked for; gives the exit code. */
export function explainParseError(task: string, error: unknown): number {
  if (error instanceof HelpRequest) {
    printResult(error.text);
    return EXIT.done;
  }
  if (!(error instanceof UsageError)) throw error;
  logLine(`${task}: ${error.message}`);
  return EXIT.usage;
}

/** The first signal asks the run to end, a later one ends it at once; so does the loss of the launcher. */
function stopOnSignals(task: string, abort: AbortController): void {
  let first: number | undefined;
  const stop = () => {
    const now = performance.now();
    if (first !== undefined && now - first > SAME_SIGNAL_MS) Deno.exit(EXIT.interrupted);
    if (first !== undefined) return;
    first = now;
    logLine(`${task}: stopping; press Ctrl-C again to stop at once`);
    abort.abort(new DOMException("interrupted", "AbortError"));
  };
  Deno.addSignalListener("SIGINT", stop);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
  if (Deno.build.standalone) return;
  const launcher = Deno.ppid;
  Deno.unrefTimer(setInterval(() => Deno.ppid === launcher || Deno.exit(EXIT.interrupted), 250));
}

/** Draws the progress line now and then; gives the function that ends it. */
function showProgress(run: Run, started: number): () => void {
  const terminal = isTerminal();
  const text = () => {
    const { done, total, failed, skipped, detail } = run.stats;
    const seconds = (performance.now() - started) / 1000;
    const width = terminal ? terminalWidth() : Infinity;
    return progressText(
      { label: run.task, done, total, failed, skipped, detail, seconds },
      width,
    );
  };
  let last = "";
  const tick = () => {
    const { total, done, detail } = run.stats;
    if (total === undefined && done === 0 && detail === "") return;
    const state = `${done} ${detail}`;
    if (terminal) drawStatus(text());
    else if (state !== last) logLine(text());
    last = state;
  };
  const timer = setInterval(tick, terminal ? 100 : 10_000);
  return () => {
    clearInterval(timer);
    drawStatus("");
  };
}

function summaryJson(task: string, seconds: number, stats: RunStats): Record<string, unknown> {
  const { stored, skipped, failed, retried } = stats;
  return {
    task,
    seconds: Math.round(seconds * 1000) / 1000,
    total: stats.total ?? stats.done,
    stored,
    skipped,
    failed,
    retried,
    errors: Object.fromEntries(stats.errors),
  };
}

function summaryText(stats: RunStats): string {
  const { stored, skipped, failed, errors } = stats;
  const codes = [...errors].map(([code, n]) => `${count(n)} ${code}`).join(", ");
  const parts = [`${count(stored)} stored`, `${count(skipped)} skipped`, `${count(failed)} failed`];
  const total = stats.total === undefined ? "" : ` of ${count(stats.total)}`;
  return parts.join(", ") + total + (codes === "" ? "" : ` [${codes}]`);
}

/** One line for what was foreseen, with the stack only for what was not. */
function fatalText(task: string, error: unknown): string {
  if (error instanceof MakenError) return `${task}: ${errorMessage(error)}`;
  const stack = error instanceof Error ? error.stack ?? error.message : String(error);
  return `${task}: internal error, please report it: ${stack}`;
}
