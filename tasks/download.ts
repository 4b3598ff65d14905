/** `deno task download`: catalogue -> `<out>/<group>/…/<id>.json`. */
import { download } from "../lib/catalog/download.ts";
import { parseDownloadOptions } from "../lib/catalog/options.ts";
import { runTool } from "../lib/shared/cli.ts";

await runTool("download", parseDownloadOptions, download);
