/** Where this program is, and how it is called. */
import { resolve } from "node:path";

/** The folder of this program: the one that holds deno.json. */
export const PROGRAM_DIR: string = resolve(import.meta.dirname ?? ".", "../..");

/** What stands before a tool's name on the command line. */
export const PROGRAM: string = Deno.build.standalone ? "maken" : "deno task";

/**
 * A command line as a user writes it.
 *
 * @param program what stands before the tool's name
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(commandLine("model list", "maken"), "maken model list");
 * ```
 */
export function commandLine(tool: string, program = PROGRAM): string {
  return `${program} ${tool}`;
}
