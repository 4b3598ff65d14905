/** `deno task demo`: the whole path on bundled pictures. */
import { demo } from "../demo/demo.ts";
import { parseDemoOptions } from "../demo/options.ts";
import { runTool } from "../lib/shared/cli.ts";

await runTool("demo", parseDemoOptions, demo);
