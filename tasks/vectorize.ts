/** `deno task vectorize`: records -> images -> `<vectors-dir>/…/<id><suffix>.npy`. */
import { parseVectorizeOptions } from "../lib/vectorize/options.ts";
import { vectorize } from "../lib/vectorize/vectorize.ts";
import { runTool } from "../lib/shared/cli.ts";

await runTool("vectorize", parseVectorizeOptions, vectorize);
