/**
 * `deno task test`: all tests and doc examples, with narrow permissions. Says what was skipped and
 * why, and closes with one line of counts.
 */
import "./requirements.ts"; // first: the others need what it checks
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { enginePermissions, MODELS_ENV, PACKAGES_DIR } from "../lib/inference/native.ts";
import { logLine, printResult } from "../lib/shared/log.ts";
import { permissionFlags } from "../lib/shared/permissions.ts";
import { BROWSER } from "../tests/helpers/browser.ts";
import { skipLines } from "../tests/helpers/skip.ts";

// Tests of what is not there are skipped; not so in continuous integration.
const allowsSkips = Deno.env.get("CI") !== "true";
if (!allowsSkips && !existsSync("tests/servers.json")) {
  logLine('test: the search servers are not started: run "tests/servers.sh DIR" first');
  Deno.exit(1);
}

/** Hosts that no name server is asked for, as a part of their names is too long. */
const NO_HOSTS = ["", "refused-certificate."].map((part) => `${part}${"a".repeat(64)}.invalid`);
/** node:https looks which authorities the system trusts; that permission has no name of its own. */
const NODE_HTTPS = "--allow-sys", NODE_HTTPS_ENV = ["NODE_USE_SYSTEM_CA", "NODE_EXTRA_CA_CERTS"];

const folders = [Deno.cwd(), tmpdir()];
/** Programs that tests start. */
const PROGRAMS = ["bash", "env", "ps", "python3", "script", "strace"];

const flags = permissionFlags({
  net: ["127.0.0.1", "localhost", ...NO_HOSTS],
  read: [...folders, "/usr/bin/ldd", "/usr/bin/strace", BROWSER],
  write: folders,
  env: [...enginePermissions("onnx").env, ...MODELS_ENV, "BASE_URL", "CHROMIUM", ...NODE_HTTPS_ENV],
  ffi: [PACKAGES_DIR],
  // By their names, so that those which are not installed do not matter.
  run: [Deno.execPath(), resolve("tests/servers.sh"), ...PROGRAMS],
});

const child = new Deno.Command(Deno.execPath(), {
  // One of the tests checks the types of all.
  args: ["test", "--doc", "--no-check", "--trace-leaks", ...flags, NODE_HTTPS, ...Deno.args],
  env: { NO_COLOR: "1", MAKEN_DATA: "" }, // no models of the one who tests
  stdout: "piped",
}).spawn();
let output = "";
for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
  await Deno.stdout.write(new TextEncoder().encode(text));
  output += text;
}
const { code } = await child.status;
const [, passed = "0", failed = "0", ignored = "0"] =
  /(\d+) passed.*? \| (\d+) failed(?:.*? \| (\d+) ignored)?/.exec(output.slice(-2000)) ?? [];
const skipped = Number(ignored);
for (const line of skipLines(output, skipped)) printResult(line);
const isRefused = skipped > 0 && !allowsSkips;
if (isRefused) logLine(`test: ${skipped} skipped, and with CI=true all tests have to be made`);
printResult(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
Deno.exit(isRefused && code === 0 ? 1 : code);
