/**
 * Native code is not bound by Deno's permissions: what it asks and writes is seen in its system calls.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { demoApi, RECORDS } from "../helpers/demo_api.ts";
import { ROOT } from "../helpers/run_task.ts";
import { skipIf } from "../helpers/skip.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles } from "../helpers/walk_files.ts";

const STRACE = "/usr/bin/strace";

/** What the processes of a run reached and wrote. */
interface Traced {
  readonly code: number;
  readonly stderr: string;
  /** Addresses with their ports; names that were looked up would be such of port 53. */
  readonly hosts: readonly string[];
  /** Absolute paths that were opened to be written, made or renamed to. */
  readonly written: readonly string[];
}

/** Runs a tool with a HOME and a TMPDIR of its own, not in continuous integration. */
async function traced(args: readonly string[], dir: string, denoDir: string): Promise<Traced> {
  const log = join(dir, "strace.txt");
  const [home, tmp] = [join(dir, "home"), join(dir, "tmp")];
  await Deno.mkdir(home, { recursive: true });
  await Deno.mkdir(tmp, { recursive: true });
  const calls = "connect,sendto,sendmsg,sendmmsg,%file";
  const env: Record<string, string> = { HOME: home, TMPDIR: tmp, DENO_DIR: denoDir, CI: "" };
  const { code, stderr } = await new Deno.Command(STRACE, {
    args: ["-f", "-qq", "-s", "4096", "-e", `trace=${calls}`, "-o", log, "env", "-u", "CI"]
      .concat(Deno.execPath(), "task", "--quiet", ...args),
    cwd: ROOT,
    env,
  }).output();
  const lines = (await Deno.readTextFile(log)).split("\n");
  return {
    code,
    stderr: new TextDecoder().decode(stderr),
    hosts: [...new Set(lines.flatMap(hostOf))].sort(),
    written: [...new Set(lines.flatMap(writtenBy))].sort(),
  };
}

function hostOf(line: string): string[] {
  const [, port] = /sin6?_port=htons\((\d+)\)/.exec(line) ?? [];
  const [, address] = /(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"/.exec(line) ?? [];
  return port === undefined ? [] : [`${address}:${port}`];
}

/** Paths that a call makes or opens to be written; a call that failed has written nothing. */
function writtenBy(line: string): string[] {
  if (/ = -1 E/.test(line)) return [];
  const [, call = ""] = /^\d+ +(\w+)\(/.exec(line) ?? [];
  const paths = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path = ""]) =>
    resolve(ROOT, path)
  );
  if (/^open(at)?$/.test(call)) {
    return /O_WRONLY|O_RDWR|O_CREAT/.test(line) ? paths.slice(0, 1) : [];
  }
  return /^(creat|mkdir|rename|link|symlink|mknod|truncate|unlink)/.test(call) ? paths : [];
}

for (const engine of ["onnx", "wasm"]) {
  Deno.test({
    ...skipIf(
      existsSync(STRACE) ? undefined : "there is no strace",
      `vectorize with ${engine} asks no host and writes no path but the given ones (strace)`,
    ),
    fn: async () => {
      await using dir = await tempDir();
      await using api = demoApi();
      const [records, vectors] = [join(dir.path, "records"), join(dir.path, "vectors")];
      const denoDir = join(dir.path, "deno");
      await Deno.mkdir(records);
      const [record] = RECORDS;
      const text = JSON.stringify(record).replaceAll(
        /https:\/\/(api|www)\.nb\.no(:443)?/g,
        api.url,
      );
      await Deno.writeTextFile(join(records, `${record.id}.json`), text);
      const args = ["vectorize", "--model", "demo", "--engine", engine, "--download-images"]
        .concat("--records-dir", records, "--vectors-dir", vectors, "--base-url", api.url);
      const { code, stderr, hosts, written } = await traced(args, dir.path, denoDir);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /1 stored/);
      assert.deepEqual(hosts, [new URL(api.url).host]);
      const named = [
        vectors,
        denoDir, // Deno's own cache
        join(ROOT, "node_modules"), // Deno's lock of the packages
        join(ROOT, "models"), // where the demo's model is built
        "/dev/",
        "/proc/self/",
      ];
      const others = written.filter((path) => !named.some((start) => path.startsWith(start)));
      assert.deepEqual(others, []);
      assert.ok(written.some((path) => path.startsWith(vectors)));
      for (const folder of ["home", "tmp"]) {
        assert.deepEqual(await Array.fromAsync(walkFiles(join(dir.path, folder))), []);
      }
    },
  });
}
