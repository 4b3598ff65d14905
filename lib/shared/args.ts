/** What all commands share on top of commander: types, ranges, one-line usage errors, help text. */
import { Command, CommanderError, Help, InvalidArgumentError } from "@commander-js/extra-typings";
import { resolve } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { UsageError } from "./errors.ts";
import { commandLine, PROGRAM } from "./program.ts";
import { HOST_NAME, withoutCredentials } from "./urls.ts";

/** Version of Maken, as in deno.json. */
export const VERSION: string = config.version;

/** `--help` or `--version` was asked for: not an error, but the end of parsing. */
export class HelpRequest {
  constructor(readonly text: string) {}
}

/** What every command's options hold. */
export interface CommonOptions {
  /** Print one JSON object to stdout in place of text. */
  readonly json: boolean;
}

/** Options of every command; the help shows them last. */
const COMMON = ["--json", "--print-permissions", "--help", "--version"];

/**
 * A command that answers `--help` and `--version` and takes no unknown option.
 *
 * @param name of the task, such as `download`
 * @param description one sentence
 * @param examples command lines without the program's name, shown at the end of the help
 * @param program what stands before the tool's name
 */
export function toolCommand(
  name: string,
  description: string,
  examples: readonly string[],
  program = PROGRAM,
) {
  const plain = new Help();
  return new Command(commandLine(name, program))
    .description(description)
    .helpOption("-h, --help", "show this help")
    .version(VERSION, "--version", "show the version")
    .exitOverride()
    .allowExcessArguments(false)
    .option("--json", "print one JSON object to stdout", false)
    .option("--print-permissions", "print the permissions that the run gets, and end", false)
    .addHelpText(
      "after",
      `
Exit codes: 0 done; 1 done, but items failed; 2 wrong usage or set-up; 130 interrupted.

Examples:
${examples.map((example) => `  ${commandLine(example, program)}`).join("\n")}`,
    )
    .configureHelp({
      helpWidth: 100,
      visibleOptions: (command) =>
        plain.visibleOptions(command).toSorted((a, b) =>
          COMMON.indexOf(a.long ?? "") - COMMON.indexOf(b.long ?? "")
        ),
      optionDescription: (option) =>
        plain.optionDescription(option).replace(" (default: false)", ""),
    });
}

/**
 * Parses `argv` with a command of {@linkcode toolCommand}.
 *
 * @throws {HelpRequest} for `--help` and `--version`
 * @throws {UsageError} in one line for everything that does not fit
 */
export function parseCommand<
  C extends {
    name(): string;
    parse(argv: readonly string[], from: { from: "user" }): unknown;
    configureOutput(output: Record<string, unknown>): unknown;
  },
>(command: C, argv: readonly string[]): C {
  let text = "";
  command.configureOutput({
    writeOut: (part: string) => void (text += part),
    writeErr: () => {},
    getOutHasColors: () => false, // else commander reads variables that no tool may read
  });
  try {
    command.parse(argv, { from: "user" });
    return command;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed" || error.code === "commander.version") {
      throw new HelpRequest(text.trimEnd());
    }
    const reason = withoutCredentials(error.message.replace(/^error: /, "").replace(/\.$/, ""));
    throw new UsageError(`${upperFirst(reason)}; see "${command.name()} --help"`);
  }
}

/** A parser of whole numbers from `min` to `max`. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text.trim()) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number ${rangeText(min, max)}.`);
    }
    return value;
  };
}

/** A parser of numbers from `min` to `max`. */
export function decimal(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a number ${rangeText(min, max)}.`);
    }
    return value;
  };
}

function rangeText(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
}

/** Parses yes and no as the original tools did. */
export function yesNo(text: string): boolean {
  if (/^(true|t|1|yes|y)$/i.test(text)) return true;
  if (/^(false|f|0|no|n|)$/i.test(text)) return false;
  throw new InvalidArgumentError("It must be true or false.");
}

/** A parser of one of a few words. */
export function choice<T extends string>(values: readonly T[]): (text: string) => T {
  return (text) => {
    const found = values.find((value) => value === text);
    if (found === undefined) {
      throw new InvalidArgumentError(`It must be one of ${values.join(", ")}.`);
    }
    return found;
  };
}

/** Parses what follows an id in a file's name. */
export function fileSuffix(text: string): string {
  if (/[/\\\0]/.test(text) || new TextEncoder().encode(text).length > 40) {
    throw new InvalidArgumentError("It must be at most 40 bytes without a slash.");
  }
  return text;
}

/** The name of an index or a model: safe as a file name and in a URL. */
export const PLAIN_NAME = /^(?!.*\.\.)[a-z0-9][a-z0-9._-]{0,99}$/i;

/** Parses a {@linkcode PLAIN_NAME}. */
export function plainName(text: string): string {
  if (!PLAIN_NAME.test(text)) {
    throw new InvalidArgumentError("It must be a name of letters, digits, '.', '_' and '-'.");
  }
  return text;
}

/** Parses an `http:` or `https:` URL, without credentials in it. */
export function webUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError("It must be a URL that begins with http:// or https://.");
  }
  if (url.username !== "" || url.password !== "") {
    throw new InvalidArgumentError("It must not hold a user name or password.");
  }
  if (!HOST_NAME.test(url.hostname)) {
    throw new InvalidArgumentError("It must name a host of letters, digits, '.' and '-'.");
  }
  return url;
}

/** Parses a path into an absolute one; commas separate the paths of a permission. */
export function path(text: string): string {
  if (text === "" || text.startsWith("--") || text.includes("\0")) {
    throw new InvalidArgumentError("It must be a path.");
  }
  const absolute = resolve(text);
  if (absolute.includes(",")) {
    throw new InvalidArgumentError("It must be a path without a comma.");
  }
  return absolute;
}

/**
 * The value of a setting that can be given as an option or as a positional argument: the option
 * wins, then the argument, then the option's default.
 */
export function optionOr<T, A extends T>(
  command: { getOptionValueSource(key: string): string | undefined },
  key: string,
  option: T,
  argument: A | undefined,
): T {
  const given = command.getOptionValueSource(key);
  return argument === undefined || given === "cli" ? option : argument;
}

/**
 * A setting that cannot be left out.
 *
 * @throws {UsageError} if it was
 */
export function needed<T>(value: T | undefined, what: string, task: string): T {
  if (value !== undefined) return value;
  throw new UsageError(`${what} is missing; see "${commandLine(`${task} --help`)}"`);
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
