import assert from "node:assert/strict";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { VERSION } from "../../lib/shared/args.ts";
import { TOOLS } from "../../tasks/tools.ts";
import { demoApi, RECORDS } from "../helpers/demo_api.ts";
import { ROOT, runTask, spawnTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";

const TASKS = [...TOOLS.keys()];

/** What the probe can do with a run's own permissions. */
async function probeWith(flags: string[], url: string, newFile: string): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-remote", ...flags, join(ROOT, "tests/helpers/probe.ts"), url]
      .concat(join(ROOT, "README.md"), newFile),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("download may reach the API's host and write its folder, and nothing else", async () => {
  await using dir = await tempDir();
  await using api = demoApi();
  await using other = demoApi();
  const out = join(dir.path, "out");
  const { code, stdout } = await runTask(
    ["download", "--print-permissions", "-o", out, "--base-url", api.url],
  );
  assert.equal(code, 0);
  const flags = stdout.trim().split("\n");
  assert.deepEqual(flags, [
    "--no-prompt",
    `--allow-net=${new URL(api.url).host}`,
    `--allow-read=${out}`,
    `--allow-write=${out}`,
    "--allow-env=BASE_URL",
  ]);
  assert.deepEqual(await probeWith(flags, other.url, join(dir.path, "new")), []);
  assert.deepEqual(await probeWith(flags, api.url, join(out, "../new")), ["net"]);
  assert.deepEqual(other.requests, []);
});

Deno.test("vectorize has no net unless it is to fetch, ingest and search none at all", async () => {
  await using dir = await tempDir();
  await using api = demoApi();
  const [records, vectors] = [join(dir.path, "r"), join(dir.path, "v")];
  const data = ["--records-dir", records, "--vectors-dir", vectors];
  for (
    const args of [["vectorize", ...data], ["ingest", ...data], ["search", "--id", "x"]]
  ) {
    const { stdout } = await runTask([...args, "--print-permissions"]);
    assert.doesNotMatch(stdout, /--allow-(net|run|sys)/);
    if (args[0] !== "vectorize") assert.doesNotMatch(stdout, /--allow-ffi/);
    const worked = await probeWith(stdout.trim().split("\n"), api.url, join(dir.path, "new"));
    assert.deepEqual(worked, []);
  }
  const { stdout } = await runTask(
    ["vectorize", ...data, "--download-images", "--base-url", api.url, "--print-permissions"],
  );
  const hosts = `www.nb.no:443,www.nb.no:80,api.nb.no:443,api.nb.no:80,${new URL(api.url).host}`;
  assert.ok(stdout.includes(`--allow-net=${hosts}\n`), stdout);
});

Deno.test("every task has --help with its options, and --version", async () => {
  for (const task of TASKS) {
    const help = await runTask([task, "--help"]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, new RegExp(`Usage: deno task ${task}[^]*--json[^]*Examples:`));
    assert.equal((await runTask([task, "--version"])).stdout.trim(), VERSION);
  }
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`${signal} ends a run with 130 and a summary; what was stored is kept`, async () => {
    await using dir = await tempDir();
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<Response>();
    await using api = demoApi({
      intercept: (_request, url) => {
        if (url.searchParams.get("page") !== "1") return undefined;
        asked.resolve();
        return ended.promise;
      },
    });
    const child = spawnTask(
      ["download", "--size", "5", "--delay", "0", "-o", dir.path, "--base-url", api.url],
    );
    await asked.promise;
    child.kill(signal);
    const { code, stderr } = await child.output();
    ended.resolve(new Response());
    const text = new TextDecoder().decode(stderr);
    assert.equal(code, 130, text);
    assert.match(text.trim().split("\n").at(-1)!, /^download: interrupted: 5 stored/);
  });
}

Deno.test("what the launcher starts asks for no newer Deno, however it was started itself", async () => {
  await using dir = await tempDir();
  const asked = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Response>();
  await using api = demoApi({
    intercept: () => {
      asked.resolve();
      return ended.promise;
    },
  });
  const out = join(dir.path, "out");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-run", "--allow-read", "--allow-env", "tasks/launch.ts"]
      .concat("download", "-o", out, "--base-url", api.url),
    cwd: ROOT,
    env: { DENO_NO_UPDATE_CHECK: "" },
    stderr: "null",
  }).spawn();
  await asked.promise;
  const { stdout } = await new Deno.Command("ps", { args: ["eww", "-A", "-o", "args"] }).output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  child.kill("SIGINT");
  ended.resolve(new Response());
  await child.status;
  const tool = lines.filter((line) => line.includes(`--allow-write=${out}`));
  assert.equal(tool.length, 1);
  assert.match(tool[0]!, / DENO_NO_UPDATE_CHECK=1( |$)/);
});

Deno.test("kill -9 of deno task ends the tool too", async () => {
  await using dir = await tempDir();
  const asked = Promise.withResolvers<void>();
  await using api = demoApi({
    intercept: (_, url) => {
      if (url.searchParams.get("page") === "3") asked.resolve();
      return undefined;
    },
  });
  const args = ["download", "--size", "1", "--delay", "0.2", "-o", dir.path];
  const child = spawnTask([...args, "--base-url", api.url]);
  await asked.promise;
  child.kill("SIGKILL");
  await child.output(); // ends with the tool, which has the same pipes
  assert.ok(api.requests.length < RECORDS.length, `all ${api.requests.length} requests were made`);
});

Deno.test("Ctrl-C during vectorize keeps the vectors that are done", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(join(dir.path, "r"));
  await Deno.mkdir(join(dir.path, "v"));
  const photo = await Deno.readFile(join(ROOT, "tests/fixtures/photos/ski_rocket.jpg"));
  for (let i = 0; i < 300; i++) {
    await Deno.writeTextFile(join(dir.path, `r/id${i}.json`), `{"id":"id${i}"}`);
    const whole = i % 7 > 0;
    await Deno.writeFile(join(dir.path, `v/id${i}.jpg`), whole ? photo : photo.slice(0, 5000));
  }
  const child = spawnTask(
    ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--model", "demo"]
      .concat("--batch", "4", "--jobs", "2"),
  );
  const vectors = async () => {
    const names = await Array.fromAsync(Deno.readDir(join(dir.path, "v")), ({ name }) => name);
    return names.filter((name) => name.endsWith(".npy")).length;
  };
  await until(async () => await vectors() >= 8, "The eighth vector");
  child.kill("SIGINT");
  const { code, stderr } = await child.output();
  const last = new TextDecoder().decode(stderr).trim().split("\n").at(-1)!;
  assert.equal(code, 130, last);
  const stored = Number(/interrupted: (\d+) stored/.exec(last)?.[1]);
  assert.equal(stored, await vectors());
  assert.ok(stored >= 8 && stored < 200, last);
});

Deno.test("a tool that there is not gives one line, and exit code 2", async () => {
  const args = config.tasks.demo.command.split(" ").slice(2, -1);
  for (const name of ["downlaod", "toString", ""]) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args, name],
      cwd: ROOT,
    }).output();
    assert.equal(code, 2);
    const names = TASKS.join(", ");
    const wanted = `There is no tool "${name}"; there are ${names}\n`;
    assert.equal(new TextDecoder().decode(stderr), wanted);
  }
});
