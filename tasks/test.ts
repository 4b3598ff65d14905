/** `deno task test`: all tests and doc examples, with narrow permissions and one closing line. */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { enginePermissions, PACKAGES_DIR } from "../lib/inference/native.ts";
import { logLine, printResult } from "../lib/shared/log.ts";
import { permissionFlags } from "../lib/shared/permissions.ts";
import { BROWSER } from "../tests/helpers/browser.ts";

// Tests of servers are left out where none is started; not so in continuous integration.
if (Deno.env.get("CI") === "true" && !existsSync("tests/servers.json")) {
  logLine('test: the search servers are not started: run "tests/servers.sh DIR" first');
  Deno.exit(1);
}

const folders = [Deno.cwd(), tmpdir()];
const flags = permissionFlags({
  net: ["127.0.0.1", "localhost"],
  read: [...folders, "/usr/bin/ldd", BROWSER],
  write: folders,
  env: [...enginePermissions("onnx").env, "BASE_URL", "CHROMIUM", "CI"],
  ffi: [PACKAGES_DIR],
  // By their names, so that those which are not installed do not matter.
  run: [Deno.execPath(), resolve("tests/servers.sh"), "ps", "python3", "script"],
});

const child = new Deno.Command(Deno.execPath(), {
  args: ["test", "--doc", "--trace-leaks", ...flags, ...Deno.args],
  env: { NO_COLOR: "1" },
  stdout: "piped",
}).spawn();
let tail = "";
for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
  await Deno.stdout.write(new TextEncoder().encode(text));
  tail = (tail + text).slice(-2000);
}
const { code } = await child.status;
const [, passed = "0", failed = "0", ignored] =
  /(\d+) passed.*? \| (\d+) failed(?:.*? \| (\d+) ignored)?/.exec(tail) ?? [];
printResult(`${passed} passed, ${failed} failed${ignored ? `, ${ignored} skipped` : ""}`);
Deno.exit(code);
