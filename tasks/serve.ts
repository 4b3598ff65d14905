/** `deno task serve`: similarity search as a web API, and a web page. */
import { runTool } from "../lib/shared/cli.ts";
import { serve } from "../lib/serve/serve.ts";
import { parseServeOptions } from "../lib/serve/options.ts";

await runTool("serve", parseServeOptions, serve);
