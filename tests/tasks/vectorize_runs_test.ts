import assert from "node:assert/strict";
import { join } from "node:path";
import { decodeNpy } from "../../lib/vectors/npy.ts";
import { importEncoder } from "../helpers/encoder.ts";
import { serve } from "../helpers/http_server.ts";
import { writeRecord } from "../helpers/picture_records.ts";
import { jsonOf, ROOT, runTask, spawnTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";
import { walkFiles } from "../helpers/walk_files.ts";

const PICTURES = join(ROOT, "tests/fixtures/pictures");

/** Records `00000`, `00001`, … with a small picture each in `<dir>/v`; gives their ids. */
async function writeAll(dir: string, n: number): Promise<string[]> {
  const ids = Array.from({ length: n }, (_, i) => String(i).padStart(5, "0"));
  const picture = await Deno.readFile(join(PICTURES, "progressive.jpg"));
  await Deno.mkdir(join(dir, "v"));
  for (const id of ids) {
    await writeRecord(join(dir, "r"), id);
    await Deno.writeFile(join(dir, "v", `${id}.jpg`), picture);
  }
  return ids;
}

/** The vectors below a folder by id, each with the moment when it was written. */
async function vectorTimes(dir: string): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for await (const file of walkFiles(join(dir, "v"))) {
    if (!file.endsWith(".npy")) continue;
    const { mtime } = await Deno.stat(join(dir, "v", file));
    times.set(file.replace(".npy", ""), mtime!.getTime());
  }
  return times;
}

async function assertWhole(dir: string, ids: readonly string[]): Promise<void> {
  assert.deepEqual([...(await vectorTimes(dir)).keys()].sort(), ids);
  const first = decodeNpy(await Deno.readFile(join(dir, "v", `${ids[0]}.npy`)));
  for (const id of ids) {
    assert.deepEqual(decodeNpy(await Deno.readFile(join(dir, "v", `${id}.npy`))), first);
  }
}

Deno.test("vectorize makes 1,003 vectors of 1,003 records in batches of 100", async () => {
  await using dir = await tempDir();
  const ids = await writeAll(dir.path, 1003);
  const result = await runTask(
    ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "npy", "", "false", "false", "-1"]
      .concat("100", "--model", await importEncoder(dir.path), "--json"),
  );
  assert.equal(result.code, 0, result.stderr);
  assert.equal(jsonOf(result).stored, 1003);
  await assertWhole(dir.path, ids);
});

Deno.test("vectorize killed again and again makes every vector once", async () => {
  await using dir = await tempDir();
  const ids = await writeAll(dir.path, 3000);
  const args = ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--jobs", "2"]
    .concat("--batch", "8", "--model", await importEncoder(dir.path));
  const seen = new Map<string, number>();
  let killedAtWork = 0;
  for (let kill = 0; kill < 8; kill++) {
    const child = spawnTask(args);
    let hasEnded = false;
    const ended = child.output().finally(() => hasEnded = true);
    const hasBegun = async () => (await vectorTimes(dir.path)).size > seen.size;
    await until(async () => hasEnded || await hasBegun(), "The run's first vector, or its end");
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    // Also the tool's end, which notices at any moment of its work that it is alone.
    if ((await ended).code !== 0) killedAtWork++;
    const now = await vectorTimes(dir.path);
    for (const [id, time] of seen) assert.equal(now.get(id), time, `${id} was computed twice`);
    for (const [id, time] of now) seen.set(id, time);
  }
  assert.ok(killedAtWork >= 3, `killed at work ${killedAtWork} times`);
  const last = await runTask(args);
  assert.equal(last.code, 0, last.stderr);
  await assertWhole(dir.path, ids);
  const finished = await vectorTimes(dir.path);
  for (const [id, time] of seen) assert.equal(finished.get(id), time);
});

Deno.test("vectorize --shard: the parts are disjoint and together all, also side by side", async () => {
  await using dir = await tempDir();
  const ids = await writeAll(dir.path, 60);
  const model = await importEncoder(dir.path);
  const part = (i: number) =>
    ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--model", model]
      .concat("--shard", `${i}/3`, "--json");
  const [first, ...others] = await Promise.all([1, 2, 3].map((i) => runTask(part(i))));
  const stored = [first!, ...others].map((result) => Number(jsonOf(result).stored));
  assert.equal(stored.reduce((a, b) => a + b), 60);
  assert.ok(stored.every((n) => n > 5), `${stored}`);
  await assertWhole(dir.path, ids);
  // What falls to a shard does not depend on the other records.
  const mine = await Array.fromAsync(
    Deno.readDir(join(dir.path, "r")),
    ({ name }) => name,
  );
  for (const name of mine) {
    if (/[13579]\.json$/.test(name)) await Deno.remove(join(dir.path, "r", name));
  }
  const again = jsonOf(await runTask([...part(1), "--overwrite"]));
  assert.ok(Number(again.total) > 0 && Number(again.total) < stored[0]!);
  for (const bad of ["0/3", "4/3", "1", "1/0", "a/b"]) {
    const { code, stderr } = await runTask([...part(1), "--shard", bad]);
    assert.deepEqual([code, stderr.trim().split("\n").length], [2, 1]);
  }
});

Deno.test("vectorize --dry-run tells what there is to do, and does nothing", async () => {
  await using dir = await tempDir();
  await writeAll(dir.path, 3);
  await writeRecord(join(dir.path, "r"), "linked", "http://127.0.0.1:1/{width},{height}");
  await writeRecord(join(dir.path, "r"), "linkless");
  await Deno.writeTextFile(join(dir.path, "r/broken.json"), "{");
  const args = ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--download-images"];
  const before = await Array.fromAsync(walkFiles(dir.path));
  const result = await runTask([...args, "--dry-run", "--json"]);
  assert.equal(result.code, 0, result.stderr);
  const { records, done, onDisk, toFetch, withoutPicture, unreadable, stored } = jsonOf(result);
  assert.deepEqual({ records, done, onDisk, toFetch, withoutPicture, unreadable, stored }, {
    ...{ records: 6, done: 0, onDisk: 3, toFetch: 1, withoutPicture: 1, unreadable: 1, stored: 0 },
  });
  assert.deepEqual(await Array.fromAsync(walkFiles(dir.path)), before);
  await assert.rejects(Deno.stat(join(dir.path, "v/.maken")), Deno.errors.NotFound);
  const { stdout } = await runTask([...args, "--dry-run", "--print-permissions"]);
  assert.doesNotMatch(stdout, /--allow-(net|write|ffi)/);
});

Deno.test("vectorize --no-inference fetches the pictures, needs no model and no native code", async () => {
  await using dir = await tempDir();
  const picture = await Deno.readFile(join(PICTURES, "progressive.jpg"));
  await using host = serve(() => new Response(picture));
  for (const id of ["a", "b"]) {
    await writeRecord(join(dir.path, "r"), id, `${host.url}${id}/{width},{height}`);
  }
  const args = ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--no-inference"]
    .concat("--base-url", host.url, "--delay", "0");
  const refused = await runTask(args);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /--download-images/);
  args.push("--download-images");
  assert.doesNotMatch((await runTask([...args, "--print-permissions"])).stdout, /--allow-ffi/);
  const first = await runTask([...args, "--json"]);
  assert.deepEqual([first.code, jsonOf(first).stored], [0, 2]);
  const files = await Array.fromAsync(walkFiles(join(dir.path, "v")));
  assert.deepEqual(files, ["a.jpg", "b.jpg"]);
  assert.deepEqual(await Deno.readFile(join(dir.path, "v/a.jpg")), picture);
  assert.equal(jsonOf(await runTask([...args, "--json"])).skipped, 2);
  assert.equal(host.requests.length, 2);
});

Deno.test("vectorize says in one line how to get the default model", async () => {
  await using dir = await tempDir();
  await writeAll(dir.path, 1);
  const args = ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v")];
  for (
    const [model, reason] of [
      ["imagenet", /model fetch imagenet.*--model demo/],
      ["none", /model list/],
      [join(dir.path, "none.onnx"), /model import/],
    ] as const
  ) {
    // A machine may have the ImageNet weights.
    if (model === "imagenet" && await isThere(join(ROOT, "models/imagenet.onnx"))) continue;
    const { code, stderr } = await runTask([...args, "--model", model]);
    assert.deepEqual([code, stderr.trim().split("\n").length], [2, 1]);
    assert.match(stderr, reason);
  }
  await assert.rejects(Deno.stat(join(dir.path, "v/.maken")), Deno.errors.NotFound);
});

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
