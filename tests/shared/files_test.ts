import assert from "node:assert/strict";
import { join } from "node:path";
import { exists } from "../../lib/shared/files.ts";
import { makeFiles } from "../helpers/files.ts";
import { tempDir } from "../helpers/temp_dir.ts";

Deno.test("exists() knows files, folders and what is below a file", async () => {
  await using dir = await tempDir();
  await makeFiles(dir.path, ["file"]);
  for (const [name, there] of [["", true], ["file", true], ["no", false], ["file/no", false]]) {
    assert.equal(exists(join(dir.path, String(name))), there, String(name));
  }
});
