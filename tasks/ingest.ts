/** `deno task ingest`: records + vectors -> index. */
import { ingest } from "../lib/index/ingest.ts";
import { parseIngestOptions } from "../lib/index/options.ts";
import { runTool } from "../lib/shared/cli.ts";

await runTool("ingest", parseIngestOptions, ingest);
