/** Runs one tool: signals, progress, summary, exit code. */
import { type CommonOptions, HelpRequest } from "./args.ts";
import { UsageError } from "./errors.ts";
import { drawStatus, isTerminal, logEvent, logLine, printResult, terminalWidth } from "./log.ts";
import { Pace, progressText } from "./progress.ts";
import { type Report, Run, type Stage } from "./run.ts";
import { fatalText, summaryJson, summaryText } from "./summary.ts";

/** Exit codes of every task. */
export const EXIT = { done: 0, itemsFailed: 1, usage: 2, interrupted: 130 } as const;

/** Signals that ask a run to end. A terminal that closes sends SIGHUP. */
export const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** A terminal and the launcher may both pass on one Ctrl-C: signals this close count as one. */
const SAME_SIGNAL_MS = 500;

/** What a tool does, with its options as they were parsed. */
export type Flow<O> = (options: O, run: Run) => Promise<Report | void>;

/**
 * Parses the arguments and runs the tool, to its summary.
 *
 * @param task name of the tool, as in `deno task <name>`
 * @param parse arguments to options; throws UsageError or HelpRequest
 * @param flow what the tool does
 * @param argv arguments after the tool's name
 * @param end ends the process at once, where nothing is waited for any more
 * @returns the exit code
 */
export async function runTool<O extends CommonOptions>(
  task: string,
  parse: (argv: readonly string[]) => O,
  flow: Flow<O>,
  argv: readonly string[],
  end: (code: number) => never,
): Promise<number> {
  let options: O;
  try {
    options = parse(argv);
  } catch (error) {
    return explainParseError(task, error);
  }
  const abort = new AbortController();
  stopOnSignals(task, abort, end);
  const run = new Run(task, abort.signal);
  const stopProgress = showProgress(run);
  let report: Report | void = undefined;
  let fatal: unknown;
  try {
    report = await flow(options, run);
  } catch (error) {
    fatal = error;
  } finally {
    stopProgress();
  }
  await run[Symbol.asyncDispose]();
  return conclude(run, fatal, report ?? {}, options);
}

/** Prints result and summary; gives the exit code. */
function conclude(run: Run, fatal: unknown, report: Report, { json }: CommonOptions): number {
  const { task, counts, signal: { aborted } } = run;
  const stopped = aborted ? undefined : fatal;
  const result = json ? JSON.stringify(summaryJson(run, report, stopped)) : report.text;
  const unwritten = result === undefined ? undefined : printFault(result);
  const error = stopped ?? unwritten;
  if (error !== undefined) logLine(fatalText(task, error));
  if (error === undefined || counts.done > 0) {
    const state = aborted ? "interrupted: " : error === undefined ? "" : "stopped: ";
    logLine(summaryText(run, report, state));
  }
  if (aborted) return EXIT.interrupted;
  if (error !== undefined) return EXIT.usage;
  return counts.failed > 0 || report.isEmpty ? EXIT.itemsFailed : EXIT.done;
}

/** Prints why the arguments were not taken, or the help that they asked for; gives the exit code. */
export function explainParseError(task: string, error: unknown): number {
  if (error instanceof HelpRequest) return printAlone(task, error.text);
  if (!(error instanceof UsageError)) throw error;
  logLine(`${task}: ${error.message}`);
  return EXIT.usage;
}

/** Prints a text that is all that was asked for; gives the exit code. */
export function printAlone(task: string, text: string): number {
  const fault = printFault(text);
  if (fault === undefined) return EXIT.done;
  logLine(fatalText(task, fault));
  return EXIT.usage;
}

/** Prints a result; gives the error if that could not be done. */
function printFault(text: string): unknown {
  try {
    printResult(text);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The first signal asks the run to end, a later one ends it at once; so does the loss of the launcher. */
function stopOnSignals(task: string, abort: AbortController, end: (code: number) => never): void {
  let first: number | undefined;
  const stop = () => {
    const now = performance.now();
    if (first !== undefined && now - first > SAME_SIGNAL_MS) end(EXIT.interrupted);
    if (first !== undefined) return;
    first = now;
    logEvent(`${task}: stopping; press Ctrl-C again to stop at once`);
    abort.abort(new DOMException("interrupted", "AbortError"));
  };
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, stop);
  if (Deno.build.standalone) return;
  const launcher = Deno.ppid;
  Deno.unrefTimer(setInterval(() => Deno.ppid === launcher || end(EXIT.interrupted), 250));
}

/** Draws the progress line now and then; gives the function that ends it. */
function showProgress(run: Run): () => void {
  const terminal = isTerminal();
  const paces = new Map<Stage, Pace>();
  let last = "";
  const tick = () => {
    const begun = (run.stages.length === 0 ? [run] : run.stages).filter(({ stats }) =>
      stats.total !== undefined || stats.done > 0 || stats.detail !== ""
    );
    if (begun.length === 0) return;
    for (const stage of begun) {
      const pace = paces.get(stage) ?? new Pace(stage.stats.done - stage.stats.stored);
      paces.set(stage, pace);
      pace.see(stage.stats.done, stage.seconds);
    }
    const state = begun.map(({ stats }) => `${stats.done} ${stats.detail}`).join();
    const lines = begun.map((stage) => progressLine(stage, paces.get(stage)));
    const width = Math.max(1, terminalWidth() - 1);
    if (terminal) drawStatus(lines.map((line) => line.slice(0, width)).join("\n"));
    else if (state !== last) logEvent(lines.join("  |  "));
    last = state;
  };
  const timer = setInterval(tick, terminal ? 100 : 10_000);
  return () => {
    clearInterval(timer);
    drawStatus("");
  };
}

/** The progress of a stage, in one line. */
function progressLine(stage: Stage, pace: Pace | undefined): string {
  const { task: label, seconds, stats } = stage;
  const { done, total, failed, skipped, detail } = stats;
  return progressText({
    label,
    done,
    total,
    failed,
    skipped,
    detail,
    seconds,
    pace: pace?.perSecond,
  });
}
