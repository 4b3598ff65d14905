/** Options of `deno task demo`. */
import { join } from "node:path";
import { type CommonOptions, integer, parseCommand, toolCommand } from "../lib/shared/args.ts";
import { modelsDirOption } from "../lib/inference/options.ts";
import { pathOption } from "../lib/shared/options.ts";
import { PROGRAM_DIR } from "../lib/shared/program.ts";
import type { Permissions } from "../lib/shared/permissions.ts";

/** Folder of the bundled records and pictures. */
export const DEMO_DIR: string = join(PROGRAM_DIR, "demo");

/** What the demo is to do. */
export interface DemoOptions extends CommonOptions {
  /** End after the search. */
  readonly once: boolean;
  /** Port of the page. */
  readonly port: number;
  /** Absolute path of the demo's data; emptied at the start. */
  readonly dataDir: string;
  /** Absolute path of the folder that was chosen for models. */
  readonly modelsDir: string | undefined;
}

function command() {
  return toolCommand("demo", "Run the whole path on bundled pictures, without the internet.", [
    "demo --once",
  ])
    .option("--once", "end after the search; otherwise the page is left running", false)
    .option("--port <number>", "port of the page; 0 for any that is free", integer(0, 65_535), 8000)
    .addOption(modelsDirOption())
    .addOption(
      pathOption("--data <dir>", "folder for the demo's data, emptied first", "./data/demo"),
    );
}

/**
 * Arguments of `deno task demo` as options.
 *
 * @throws {UsageError} in one line for whatever does not fit
 */
export function parseDemoOptions(argv: readonly string[]): DemoOptions {
  const { once, port, json, data, modelsDir } = parseCommand(command(), argv).opts();
  return { once, port, json, dataDir: data, modelsDir };
}

/** What the demo may touch: its data, loopback, and Deno to start the tools. */
export function demoPermissions({ dataDir }: DemoOptions): Permissions {
  return {
    net: ["127.0.0.1"],
    read: [DEMO_DIR, dataDir],
    write: [dataDir],
    run: [Deno.execPath()],
  };
}
