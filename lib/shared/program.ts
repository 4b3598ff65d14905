/** Where this program is, and how it is called. */
import { resolve } from "node:path";

/** The folder of this program: the one that holds deno.json. */
export const PROGRAM_DIR: string = resolve(import.meta.dirname ?? ".", "../..");

/** What stands before a tool's name on the command line. */
export const PROGRAM: string = Deno.build.standalone ? "maken" : "deno task";

/** Minor version of Deno 2 that Maken needs. */
const DENO_MINOR = 7;

/**
 * Why this Deno cannot run Maken; undefined if it can.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.match(olderDeno("2.6.8")!, /needs Deno 2.7 or newer/);
 * assert.equal(olderDeno("2.10.0"), undefined);
 * ```
 */
export function olderDeno(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 2 || (major === 2 && minor >= DENO_MINOR)) return undefined;
  return `Maken needs Deno 2.${DENO_MINOR} or newer, and this is Deno ${version}: "deno upgrade" ` +
    'brings the newest, and "npx -y deno@2.9.6 task NAME" needs none that is installed';
}

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
