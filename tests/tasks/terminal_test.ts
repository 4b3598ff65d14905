/** Texts of records must not steer the terminal of whoever looks at them. */
import assert from "node:assert/strict";
import { demoApi } from "../helpers/demo_api.ts";
import { runTask } from "../helpers/run_task.ts";
import { fillIndex, smallItems } from "../helpers/small_index.ts";
import { tempDir } from "../helpers/temp_dir.ts";

/** Clears the screen, colours what follows, renames the window, goes back to the line's start. */
const HOSTILE = "\x1b[2J\x9b31m\x1b]0;owned\x07\r\x7fend";
const SHOWN = "\ufffd[2J\ufffd31m\ufffd]0;owned\ufffd\ufffd\ufffdend";

/** Any control character but a line end. */
const CONTROL = /(?!\n)\p{Cc}/u;

Deno.test("search prints hostile records as plain text", async () => {
  await using dir = await tempDir();
  const items = smallItems(3).map(({ document, vector }, i) => ({
    document: { ...document, id: `id${i}${HOSTILE}`, title: `${HOSTILE}\nski`, access: HOSTILE },
    vector,
  }));
  await fillIndex(dir.path, "images.knn", items);
  for (const query of [["--id", `id0${HOSTILE}`], ["--text", "ski"]]) {
    const { code, stdout, stderr } = await runTask(["search", "--index-dir", dir.path, ...query]);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout + stderr, CONTROL);
    const row = stdout.split("\n").find((line) => line.includes("id1"))!;
    assert.deepEqual(row.split(/ {2,}/).slice(-3), [`id1${SHOWN}`, `${SHOWN} ski`, SHOWN]);
  }
  const absent = await runTask(["search", "--index-dir", dir.path, "--id", `x${HOSTILE}`]);
  assert.equal(absent.code, 2);
  assert.doesNotMatch(absent.stderr, CONTROL);
  assert.match(absent.stderr, /^search: Cannot search by id "x\ufffd\[2J/);
});

Deno.test("download logs hostile records as plain text", async () => {
  await using dir = await tempDir();
  await using api = demoApi({ records: [{ id: "good" }, { id: `a/${HOSTILE}` }] });
  const args = ["download", "--delay", "0", "-o", dir.path, "--base-url", api.url];
  const { code, stdout, stderr } = await runTask(args);
  assert.equal(code, 1, stderr);
  assert.doesNotMatch(stdout + stderr, CONTROL);
  assert.match(stderr, /^\d{4}-\S+Z download: .*a\/.*owned/m);
});
