import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type FileAnswer, fileServer } from "../helpers/file_server.ts";
import { serve } from "../helpers/http_server.ts";
import { ROOT, runTask, spawnTask } from "../helpers/run_task.ts";
import { skipIf } from "../helpers/skip.ts";
import { until } from "../helpers/until.ts";

const STRACE = "/usr/bin/strace";
const MODELS = join(ROOT, "models");
/** Slow enough for a run to be stopped in the middle, quick enough for a test. */
const SLOW: FileAnswer = { pace: { bytes: 200_000, pauseMs: 100 } };

/** Weights that no other run fetches, the name of their model, and what is kept of them. */
async function weights() {
  const packed = await Deno.open(join(ROOT, "tests/fixtures/keras/top.h5.gz"));
  const stream = packed.readable.pipeThrough(new DecompressionStream("gzip"));
  const start = new Uint8Array(await new Response(stream).arrayBuffer());
  // HDF5 ignores what follows its end.
  const file = new Uint8Array(9_000_000);
  file.set(start);
  crypto.getRandomValues(file.subarray(-100));
  const md5 = createHash("md5").update(file).digest("hex");
  const name = `test-${md5.slice(0, 8)}`;
  const part = join(MODELS, `.maken/${md5}.part`);
  const files = [`${name}.onnx`, `${name}.json`, `.maken/${md5}.lock`, `.maken/${md5}.source`];
  return {
    file,
    name,
    part,
    args: (url: string) => ["model", "fetch", name, "--url", url, "--md5", md5, "--retries", "0"],
    kept: () => Deno.stat(part).then(({ size }) => size, () => 0),
    async [Symbol.asyncDispose]() {
      for (const path of [part, ...files.map((file) => join(MODELS, file))]) {
        await Deno.remove(path).catch(() => {}); // not made, or gone
      }
    },
  };
}

/** Runs a task whose writes to a file, from the nth of a thread on, find the disk full. */
async function runWithFullDisk(path: string, nth: number, args: readonly string[]) {
  const { code, stderr } = await new Deno.Command(STRACE, {
    args: ["-f", "-qq", "-o", "/dev/null", "-P", path, "-e", "trace=write,pwrite64"]
      .concat("-e", `inject=write,pwrite64:error=ENOSPC:when=${nth}+`)
      .concat(Deno.execPath(), "task", "--quiet", ...args),
    cwd: ROOT,
    env: { NO_COLOR: "", INIT_CWD: ROOT },
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("model fetch is refused while another run fetches the file, and goes on after a kill", async () => {
  await using model = await weights();
  await using slow = await fileServer(model.file, () => SLOW);
  const args = model.args(slow.url);
  const first = spawnTask(args);
  await until(async () => await model.kept() > 400_000, "The first run's download");
  const second = await runTask(args);
  first.kill("SIGKILL");
  await first.output();
  assert.deepEqual([second.code, second.stderr], [
    2,
    `model: Cannot write "${model.part}": another run is fetching this file\n`,
  ]);
  await using server = await fileServer(model.file);
  const done = await runTask(model.args(server.url));
  assert.equal(done.code, 0, done.stderr);
  const [start = 0] = server.requests[0]!.range!;
  assert.ok(start >= 400_000, `goes on from ${start}`);
  assert.equal(server.counts.sent, model.file.length - start);
  assert.equal((await runTask(["model", "check", model.name])).code, 0);
  assert.equal(await model.kept(), 0);
});

Deno.test("model fetch goes on after Ctrl-C, from a host that --allow-hosts names", async () => {
  await using model = await weights();
  let answer = SLOW;
  await using storage = await fileServer(model.file, () => answer);
  await using hub = serve(() => Response.redirect(`${storage.url}stored?signature=secret`, 302));
  const args = model.args(hub.url);
  const refused = await runTask(args);
  assert.deepEqual([refused.code, refused.stderr], [
    2,
    `model: Cannot get ${hub.url}: it redirects to ${storage.host}; if that host may be asked, ` +
    `add --allow-hosts ${storage.host}\n`,
  ]);

  args.push("--allow-hosts", storage.host);
  const stopped = spawnTask(args);
  await until(async () => await model.kept() > 400_000, "The download");
  stopped.kill("SIGINT");
  const { code } = await stopped.output();
  const kept = await model.kept();
  assert.deepEqual([code, kept > 400_000 && kept < model.file.length], [130, true]);

  answer = {};
  const done = await runTask(args);
  assert.equal(done.code, 0, done.stderr);
  const starts = storage.requests.map(({ range }) => range![0]);
  assert.deepEqual(starts.slice(0, 2), [0, kept]);
});

Deno.test({
  ...skipIf(
    existsSync(STRACE) ? undefined : "there is no strace",
    "model fetch keeps what came when the disk is full, while it fetches and while it stores",
  ),
  fn: async () => {
    await using model = await weights();
    await using server = await fileServer(model.file);
    const args = model.args(server.url);
    const full = await runWithFullDisk(model.part, 4, args);
    assert.deepEqual([full.code, full.stderr], [
      2,
      `model: Cannot write "${model.part}": the disk is full; ` +
      "the same command goes on where it stopped\n",
    ]);
    const kept = await model.kept();
    assert.ok(kept > 0 && kept < model.file.length, `${kept}`);

    const fullLater = await runWithFullDisk(join(MODELS, ".maken/model.tmp/0"), 1, args);
    const onnx = join(MODELS, `${model.name}.onnx`);
    assert.deepEqual([fullLater.code, fullLater.stderr], [
      2,
      `model: Cannot write "${onnx}": the disk is full; mend it and run the same command again\n`,
    ]);
    assert.equal(await model.kept(), model.file.length);
    const asked = server.requests.map(({ range }) => range![0]);
    assert.ok(asked.includes(kept), `${asked}`);

    const done = await runTask(args);
    assert.equal(done.code, 0, done.stderr);
    assert.equal(server.requests.length, asked.length, "nothing is fetched again");
    assert.equal(await model.kept(), 0);
  },
});
