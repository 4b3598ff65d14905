/** `deno task model`: the models that make vectors. */
import { manageModels } from "../lib/inference/manage_models.ts";
import { parseModelOptions } from "../lib/inference/model_options.ts";
import { runTool } from "../lib/shared/cli.ts";

await runTool("model", parseModelOptions, manageModels);
