/** `deno task model`: the models that make vectors. */
import { manageModels } from "../lib/inference/models/manage_models.ts";
import { parseModelOptions } from "../lib/inference/models/model_options.ts";
import { runTool } from "../lib/shared/cli.ts";

await runTool("model", parseModelOptions, manageModels);
