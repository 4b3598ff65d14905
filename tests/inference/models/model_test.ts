import assert from "node:assert/strict";
import { openModel } from "../../../lib/inference/models/model.ts";

Deno.test("openModel() names the models that there are", async () => {
  await assert.rejects(openModel("none"), { code: "setup", message: /"none".*model list/ });
});
