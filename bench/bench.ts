/** What a bench is: a command line, and figures that are printed and, if asked for, recorded. */
import { Command, Option } from "@commander-js/extra-typings";
import { integer, parseCommand, path } from "../lib/shared/args.ts";
import { EXIT, explainParseError } from "../lib/shared/cli.ts";
import { SetupError } from "../lib/shared/errors.ts";
import { logLine, printResult } from "../lib/shared/log.ts";
import { type Figure, figureText, originOfFigures, record } from "./results.ts";

/** What the file of a bench exports. */
export interface Bench {
  readonly command: Parsed & { summary(): string };
  /** Measures, by the options of the command once it is parsed. */
  readonly figures: () => AsyncIterable<Figure>;
}

type Parsed = Parameters<typeof parseCommand>[0] & {
  opts(): { readonly record: boolean; readonly note?: string | undefined };
};

/** What `--help` says of a bench besides its arguments. */
export interface BenchHelp {
  /** One line for the list of benches. */
  readonly summary: string;
  /** What is measured and how, in whole sentences. */
  readonly measures: string;
  /** Programs and servers that it needs. */
  readonly needs: string;
}

/** The command of a bench, which takes `--record` and answers `--help`. */
export function benchCommand(name: string, { summary, measures, needs }: BenchHelp) {
  return new Command(`deno task bench ${name}`)
    .summary(summary)
    .description(`${summary}.\n\n${measures}\n\nNeeds ${needs}.`)
    .helpOption("-h, --help", "show this help")
    .exitOverride()
    .allowExcessArguments(false)
    .option("--record", "add the figures to bench/results.csv", false)
    .option("--note <text>", "what else to record, such as: slow machine")
    .configureHelp({
      helpWidth: 100,
      optionDescription: (option) =>
        option.description + (option.defaultValue ? ` (default: ${option.defaultValue})` : ""),
    });
}

/** Parses an argument that takes several whole numbers. */
export function wholeNumbers(text: string, before: number[] = []): number[] {
  return [...before, integer(1)(text)];
}

/** The option for vectors in place of those that a bench makes; `otherwise` says which these are. */
export function vectorsOption(otherwise: string) {
  return new Option(
    "--vectors <file>",
    `float32 vectors of 2048 numbers, one after the other (default: ${otherwise})`,
  ).argParser(path);
}

/**
 * Runs a bench: prints each figure as it comes, and records it with `--record`. Gives the exit code,
 * `Deno.exitCode` where nothing has stopped it.
 */
export async function runBench(
  name: string,
  { command, figures }: Bench,
  argv: readonly string[],
): Promise<number> {
  try {
    parseCommand(command, argv);
    const { record: isRecorded, note } = command.opts();
    const origin = isRecorded ? await originOfFigures() : undefined;
    for await (const figure of figures()) {
      printResult(figureText(figure));
      const work = note === undefined ? figure.work : `${figure.work} (${note})`;
      if (origin !== undefined) await record(origin, { ...figure, work });
    }
    return Deno.exitCode;
  } catch (error) {
    if (!(error instanceof SetupError)) return explainParseError(`bench ${name}`, error);
    logLine(`bench ${name}: ${error.message}`);
    return EXIT.usage;
  }
}
