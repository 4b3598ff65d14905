import assert from "node:assert/strict";
import { join } from "node:path";
import { TOOLS } from "../tasks/tools.ts";
import { ROOT, runTask } from "./helpers/run_task.ts";

const readme = await Deno.readTextFile(join(ROOT, "README.md"));
const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));

Deno.test("each tool is a task that is started alike", () => {
  const [command] = tasks.demo.command.split(" demo");
  for (const name of TOOLS.keys()) assert.equal(tasks[name]?.command, `${command} ${name}`);
});

for (const name of TOOLS.keys()) {
  Deno.test(`the README shows the --help of ${name} as it is`, async () => {
    const { stdout } = await runTask([name, "--help"]);
    assert.ok(readme.includes(stdout.trim()), `README.md differs from ${name} --help`);
  });
}

Deno.test("the README's two commands are tasks, and CI calls the test command", async () => {
  for (const [, task] of readme.matchAll(/deno(?:@2\.9\.6)? task ([a-z]+)/g)) {
    assert.ok(task! in tasks, `deno task ${task} is in README.md, but not in deno.json`);
  }
  const read = (file: string) => Deno.readTextFile(join(ROOT, file));
  assert.ok((await read(".ci/run")).includes("npx -y deno@2.9.6 task test"));
  assert.ok((await read(".github/workflows/ci.yml")).includes("bash .ci/run"));
});
