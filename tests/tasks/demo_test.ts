import assert from "node:assert/strict";
import { jsonOf, runTask } from "../helpers/run_task.ts";

Deno.test("demo runs the whole path, and a picture's nearest is a variant of it", async () => {
  const result = await runTask(["demo", "--once"]);
  assert.equal(result.code, 0, result.stderr);
  for (const task of ["download", "vectorize", "ingest", "search"]) {
    assert.match(result.stderr, new RegExp(`^\\$ deno task ${task} `, "m"));
  }
  const [, first, second] = result.stdout.split("\n");
  assert.match(first!, /1 +0\.\d+ .*Portrait of the astronaut/);
  assert.match(second!, /2 +0\.\d+ .*Portrait of the astronaut/);
  const { pictures, nearest, both } = jsonOf(await runTask(["demo", "--once", "--json"]));
  assert.ok(Number(pictures) >= 40);
  assert.equal(nearest, pictures);
  assert.ok(Number(both) / Number(pictures) > 0.8);
});
