/** Lines to stderr, with a progress line that is redrawn beneath them on a terminal. */
import process from "node:process";
import { fileReason, SetupError } from "./errors.ts";

/** The lines that are drawn now. */
let statusLine = "";

/** Whether stderr is a terminal, where one line can be drawn over and over. */
export function isTerminal(): boolean {
  return Deno.stderr.isTerminal();
}

/** Width of the terminal in columns; 80 where it is not known. */
export function terminalWidth(): number {
  return process.stderr.columns || 80;
}

/** Writes one line to stderr, above the progress line. */
export function logLine(text: string): void {
  const status = statusLine;
  drawStatus("");
  writeStderr(`${printable(text)}\n`);
  drawStatus(status);
}

/** Writes what happens during a run; into a file or another program, with the time (UTC). */
export function logEvent(text: string): void {
  const time = isTerminal() ? "" : `${new Date().toISOString().slice(0, 19)}Z `;
  logLine(time + text);
}

/** The text without characters that would steer a terminal; line ends stay. */
export function printable(text: string): string {
  return text.replaceAll(/(?!\n)\p{Cc}/gu, "\ufffd");
}

/** Draws the progress, a line or several, in place of the last one; an empty text takes it away. */
export function drawStatus(text: string): void {
  if (!isTerminal() || text === statusLine) return;
  const above = statusLine.split("\n").length - 1;
  const begin = above === 0 ? "\r" : `\r\x1b[${above}A`;
  writeStderr(`${begin}\x1b[J${text}`);
  statusLine = text;
}

/** A log that cannot be written, as its disk is full or its reader is gone, ends no run. */
function writeStderr(text: string): void {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(Deno.stderr.writeSync(rest));
  } catch {
    // There is nowhere else to say it.
  }
}

/**
 * Writes a result to stdout. Whoever reads it may stop to read: what is left is then not written.
 *
 * @throws {SetupError} if it cannot be written, for instance as the disk is full
 */
export function printResult(text: string): void {
  try {
    // deno-lint-ignore no-console -- the one place that writes to stdout
    console.log(text);
  } catch (error) {
    throw new SetupError(`Cannot write the result to stdout: ${fileReason(error)}`, {
      cause: error,
    });
  }
}
