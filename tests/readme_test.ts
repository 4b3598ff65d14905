import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT, runTask } from "./helpers/run_task.ts";

const readme = await Deno.readTextFile(join(ROOT, "README.md"));

Deno.test("the README shows each tool's --help as it is", async () => {
  for (const task of ["download", "vectorize", "model", "ingest", "search", "demo"]) {
    const { stdout } = await runTask([task, "--help"]);
    assert.ok(readme.includes(stdout.trim()), `README.md differs from ${task} --help`);
  }
});

Deno.test("the README's two commands are tasks, and CI calls the test command", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  for (const [, task] of readme.matchAll(/deno(?:@2\.9\.6)? task ([a-z]+)/g)) {
    assert.ok(task! in tasks, `deno task ${task} is in README.md, but not in deno.json`);
  }
  const read = (file: string) => Deno.readTextFile(join(ROOT, file));
  assert.ok((await read(".ci/run")).includes("npx -y deno@2.9.6 task test"));
  assert.ok((await read(".github/workflows/ci.yml")).includes("bash .ci/run"));
});
