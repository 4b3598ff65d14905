import assert from "node:assert/strict";
import { type Failure } from "../../lib/shared/failures.ts";
import { OutputFolder } from "../../lib/shared/output_folder.ts";
import { failuresIn } from "../helpers/files.ts";
import { tempDir } from "../helpers/temp_dir.ts";

function failureOf(id: string): Failure {
  return { id, file: null, stage: "fetch", code: "http_404", message: "no\npicture", time: "" };
}

Deno.test("FailureList.add() adds a line to a file that begins anew", async () => {
  await using dir = await tempDir();
  for (const ids of [["a", "b", "c"], ["d"], []]) {
    await using output = await OutputFolder.open(dir.path, "download");
    await output.failures.keep(0);
    assert.deepEqual(await failuresIn(dir.path), []);
    for (const id of ids) await output.failures.add(failureOf(id));
    assert.deepEqual(await failuresIn(dir.path), ids.map(failureOf));
  }
});

Deno.test("FailureList.add() writes whole lines beside another task's", async () => {
  await using dir = await tempDir();
  await using download = await OutputFolder.open(dir.path, "download");
  await download.failures.add(failureOf("a"));
  await using vectorize = await OutputFolder.open(dir.path, "vectorize");
  await download.failures.add(failureOf("b"));
  await vectorize.failures.add(failureOf("a much longer id"));
  const ids = (await failuresIn(dir.path)).map((failure) => failure.id);
  assert.deepEqual(ids.slice(-2), ["b", "a much longer id"]);
});
