/** `deno task serve`: similarity search as a web API, and a web page. */
import { runTool } from "../lib/shared/cli.ts";
import { serve } from "../lib/search/serve.ts";
import { parseServeOptions } from "../lib/search/serve_options.ts";

await runTool("serve", parseServeOptions, serve);
