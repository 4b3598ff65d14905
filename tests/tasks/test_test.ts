import assert from "node:assert/strict";
import { join } from "node:path";
import { runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";

const TESTS = `
import { skipIf } from "${new URL("../helpers/skip.ts", import.meta.url)}";
const fn = () => {};
Deno.test("made", fn);
for (const name of ["first", "second"]) {
  Deno.test({ ...skipIf("there is no Python", name), fn });
}
Deno.test({ ...skipIf("there is no browser", "third"), fn });
Deno.test({ ...skipIf(undefined, "made too"), fn });
Deno.test.ignore("fourth", fn);
`;

Deno.test("test tells why tests were skipped and what helps, and ends with one plain line", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "some_test.ts");
  await Deno.writeTextFile(path, TESTS);
  const { code, stdout } = await runTask(["test", path], { CI: "" });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^first \(skipped: there is no Python\) \.\.\. ignored/m);
  assert.deepEqual(stdout.trimEnd().split("\n").slice(-4), [
    "2 skipped: there is no Python; install python3",
    "1 skipped: there is no browser; install Chromium, or name the program in CHROMIUM",
    "1 skipped without a reason",
    "2 passed, 0 failed, 4 skipped",
  ]);
});

Deno.test("test in continuous integration fails in one line where tests are skipped", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "some_test.ts");
  await Deno.writeTextFile(path, TESTS);
  const { code, stderr } = await runTask(["test", path], { CI: "true" });
  assert.equal(code, 1);
  assert.match(stderr, /^test: [^\n]+\n$/);
});
