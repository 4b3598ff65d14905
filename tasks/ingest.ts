/** `deno task ingest`: records + vectors -> index. */
import { ingest } from "../lib/ingest/ingest.ts";
import { parseIngestOptions } from "../lib/ingest/options.ts";
import { runTool } from "../lib/shared/cli.ts";

await runTool("ingest", parseIngestOptions, ingest);
