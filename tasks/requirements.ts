/**
 * What Maken needs before anything else. The first import of each task: what it imports must load in
 * any Deno, and in any folder.
 */
import { logLine } from "../lib/shared/log.ts";
import { olderDeno, PROGRAM_DIR } from "../lib/shared/program.ts";

const missing = olderDeno(Deno.version.deno) ?? unusableFolder(PROGRAM_DIR);
if (missing !== undefined) {
  logLine(missing);
  Deno.exit(2);
}

/** Commas separate the paths of a permission. */
function unusableFolder(path: string): string | undefined {
  if (!path.includes(",")) return undefined;
  return `Cannot run Maken in "${path}": its path holds a comma; move it to a folder without one`;
}
