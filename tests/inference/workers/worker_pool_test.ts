import assert from "node:assert/strict";
import { join } from "node:path";
import { openModel } from "../../../lib/inference/models/model.ts";
import { CODE_READ, enginePermissions } from "../../../lib/inference/native.ts";
import { workerPermissions, WorkerPool } from "../../../lib/inference/workers/worker_pool.ts";
import { importEncoder, importOtherEncoder } from "../../helpers/encoder.ts";
import type { ProbeTargets } from "../../helpers/probe.ts";
import { ROOT } from "../../helpers/run_task.ts";
import { tempDir } from "../../helpers/temp_dir.ts";

const PHOTO = join(ROOT, "tests/fixtures/photos/skl_china.jpg");

for (const engine of ["onnx", "wasm"] as const) {
  Deno.test(`a worker of ${engine} has no net, no write, no run, and reads only the model and code`, async () => {
    await using dir = await tempDir();
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
      throw new Error("the worker reached the net");
    });
    const model = await openModel("demo");
    const { read, ...others } = workerPermissions({ engine, model });
    const worker = new Worker(new URL("../../helpers/probe.ts", import.meta.url), {
      type: "module",
      // To be loaded itself, the probe needs to be read.
      deno: {
        permissions: { ...others, read: [...read as string[], join(ROOT, "tests/helpers")] },
      },
    });
    const targets: ProbeTargets = {
      url: `http://127.0.0.1:${server.addr.port}/`,
      file: join(ROOT, "README.md"),
      newFile: join(dir.path, "written"),
    };
    const worked = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(targets);
    });
    worker.terminate();
    assert.deepEqual(worked, []);
  });
}

Deno.test("the main thread loses native code once the workers run, and they still work", async () => {
  await openModel("demo"); // built by now, so that the process need not write it
  const { read, env, ffi } = enginePermissions("onnx");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ["run", "--no-prompt", `--allow-ffi=${ffi}`, `--allow-env=${env}`],
      [
        `--allow-read=${[ROOT, ...CODE_READ, ...read]}`,
        join(ROOT, "tests/helpers/lost_ffi.ts"),
        PHOTO,
      ],
    ].flat(),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const said = JSON.parse(new TextDecoder().decode(stdout));
  assert.notEqual(said.state, "granted");
  assert.equal(said.works, true);
});

Deno.test("WorkerPool.start() explains a model that cannot be loaded", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "broken.onnx");
  await Deno.writeTextFile(path, "no model");
  const model = { ...await openModel("demo"), path };
  await assert.rejects(WorkerPool.start({ engine: "onnx", model, size: 1 }), {
    code: "setup",
    message: /broken\.onnx/,
  });
});

Deno.test("WorkerPool.start() takes no file that took the model's place meanwhile", async () => {
  await using dir = await tempDir();
  const path = await importEncoder(join(dir.path, "first"));
  const model = await openModel(path);
  await Deno.copyFile(await importOtherEncoder(join(dir.path, "second")), path);
  await assert.rejects(WorkerPool.start({ engine: "onnx", model, size: 1 }), {
    code: "setup",
    message: /encoder\.onnx" is not the file that its manifest describes/,
  });
});

Deno.test("WorkerPool.embed() tells each image's fault, and refuses what would take all memory", async () => {
  // In a process of its own: the pool takes the test runner's native code away.
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", join(ROOT, "tests/helpers/odd_images.ts")],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), {
    svg: "image_unreadable",
    empty: "image_unreadable",
    photo: "vector",
    tall: "image_too_large",
  });
});

Deno.test("a worker that dies is replaced, though the main thread has lost native code", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", join(ROOT, "tests/helpers/mortal_pool.ts")],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const { outcomes, afterwards, state } = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(outcomes.length, 25);
  outcomes.forEach((outcome: string, i: number) => {
    if (i % 5 === 0) assert.match(outcome, /a worker died: .*killed by a picture/);
    else assert.equal(outcome, "vector");
  });
  assert.deepEqual(afterwards, ["vector", "vector"], "workers died while they had nothing to do");
  assert.notEqual(state, "granted");
});
