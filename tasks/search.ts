/** `deno task search`: nearest images of an id, an image file or a vector file. */
import { runTool } from "../lib/shared/cli.ts";
import { parseSearchOptions } from "../lib/search/options.ts";
import { search } from "../lib/search/search.ts";

await runTool("search", parseSearchOptions, search);
