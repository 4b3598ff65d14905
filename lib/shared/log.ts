/** Lines to stderr, with a progress line that is redrawn beneath them on a terminal. */
import process from "node:process";

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
  // deno-lint-ignore no-console -- the one place that writes to stderr
  console.error(printable(text));
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

/** Draws the progress line in place of the last one; an empty text takes it away. */
export function drawStatus(text: string): void {
  if (!isTerminal() || text === statusLine) return;
  process.stderr.write(`\r\x1b[K${text}`);
  statusLine = text;
}

/** Writes a result to stdout. */
export function printResult(text: string): void {
  // deno-lint-ignore no-console -- the one place that writes to stdout
  console.log(text);
}
