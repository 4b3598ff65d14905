import assert from "node:assert/strict";
import { join } from "node:path";
import { jsonOf, runTask } from "../helpers/run_task.ts";
import { startTask } from "../helpers/serve_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";

Deno.test("demo runs the whole path, and a picture's nearest is a variant of it", async () => {
  await using dir = await tempDir();
  const args = ["demo", "--once", "--data", join(dir.path, "demo")];
  const result = await runTask(args);
  assert.equal(result.code, 0, result.stderr);
  for (const task of ["download", "vectorize", "ingest", "search"]) {
    assert.match(result.stderr, new RegExp(`^\\$ deno task ${task} `, "m"));
  }
  const [, first, second] = result.stdout.split("\n");
  assert.match(first!, /1 +0\.\d+ .*Portrait of the astronaut/);
  assert.match(second!, /2 +0\.\d+ .*Portrait of the astronaut/);
  const { pictures, nearest, both } = jsonOf(await runTask([...args, "--json"]));
  assert.ok(Number(pictures) >= 40);
  assert.equal(nearest, pictures);
  assert.ok(Number(both) / Number(pictures) > 0.8);
});

Deno.test("demo ends with the page, which shows the pictures, until Ctrl-C", async () => {
  await using dir = await tempDir();
  await using page = await startTask(["demo", "--port", "0", "--data", join(dir.path, "demo")]);
  assert.match(page.log(), /^\$ deno task serve /m);
  assert.match(await (await fetch(page.url)).text(), /<title>/);
  const hits = await (await fetch(`${page.url}/random/images.knn?size=3`)).json();
  assert.equal(hits.length, 3);
  for (const { _id } of hits) {
    const picture = await fetch(`${page.url}/pictures/images.knn/${_id}`);
    assert.equal(picture.headers.get("content-type"), "image/jpeg");
    await picture.body?.cancel();
  }
  const { code, log } = await page.stop();
  assert.equal(code, 130);
  assert.match(log.trim().split("\n").at(-1)!, /^demo: interrupted/);
});

Deno.test("demo leaves a folder alone that holds something else", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(join(dir.path, "records"));
  const { code, stderr } = await runTask(["demo", "--once", "--data", dir.path]);
  assert.equal(code, 2);
  assert.match(stderr, /^demo: Cannot use folder ".*": it holds something else than a demo\n$/);
  assert.ok((await Deno.stat(join(dir.path, "records"))).isDirectory);
});
