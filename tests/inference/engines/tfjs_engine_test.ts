import assert from "node:assert/strict";
import { openModel } from "../../../lib/inference/models/model.ts";
import { loadEngine } from "../../../lib/inference/engines/tfjs_engine.ts";
import { tempDir } from "../../helpers/temp_dir.ts";

Deno.test("the tfjs engine says how its package is installed, in one line", async () => {
  await using dir = await tempDir();
  const model = { ...await openModel("demo"), threads: 1 };
  await assert.rejects(loadEngine(model, dir.path), {
    code: "setup",
    message: `Cannot find @tensorflow/tfjs-node in "${dir.path}": ` +
      "run npm install --prefix tfjs @tensorflow/tfjs-node@4.22.0",
  });
});
