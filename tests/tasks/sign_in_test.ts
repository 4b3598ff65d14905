/** Where a password may come from, and who gets to see it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeNpy } from "../../lib/vectors/npy.ts";
import { serve } from "../helpers/http_server.ts";
import { ROOT, runTask, spawnTask } from "../helpers/run_task.ts";
import { skipIf } from "../helpers/skip.ts";
import { tempDir } from "../helpers/temp_dir.ts";

/** What a run told the server and the world, up to its first request. */
interface Seen {
  /** User and password, as the server read them. */
  login: string | undefined;
  /** Arguments of the tool's process, as everybody on the machine may read them. */
  args: string | undefined;
}

/** A server that lets nobody in, with a record and its vector for it. */
async function locked() {
  const dir = await tempDir();
  const seen: Seen = { login: undefined, args: undefined };
  let port = "";
  const server = serve(async ({ headers }) => {
    const [, code = ""] = (headers.get("authorization") ?? "").split(" ");
    seen.login = new TextDecoder().decode(Uint8Array.fromBase64(code));
    const { stdout } = await new Deno.Command("ps", { args: ["-ww", "-eo", "args"] }).output();
    seen.args = new TextDecoder().decode(stdout).split("\n").find((line) =>
      /tasks\/tool\.ts (ingest|search)/.test(line) && line.includes(`:${port}`)
    );
    return new Response("{}", { status: 401 });
  });
  port = server.host.split(":")[1]!;
  await Deno.writeTextFile(join(dir.path, "a.json"), '{"id":"a"}');
  await Deno.writeFile(join(dir.path, "a.npy"), encodeNpy(new Float32Array(16).fill(1)));
  const folders = ["--records-dir", dir.path, "--vectors-dir", dir.path, "--index-dir", dir.path];
  return {
    seen,
    port,
    ingest: (...args: string[]) => ["ingest", ...args, ...folders],
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a password reaches the server, and no list of processes or message", async () => {
  await using at = await locked();
  const url = ["--url", `http://127.0.0.1:${at.port}`];
  const secret = "me"; // the user's name too
  const cases: string[][] = [
    [...url, "--user", "me", "--password", secret],
    [...url, "--user=me", `--password=${secret}`, "--api-key", ""],
    ["127.0.0.1", at.port, "me", secret],
    ["127.0.0.1", at.port, "me", secret, "--password", secret],
  ];
  for (const args of cases) {
    const { code, stderr } = await runTask(at.ingest(...args));
    assert.equal(code, 2, stderr);
    assert.equal(at.seen.login, "me:me", args.join(" "));
    const words = at.seen.args!.split(/[ =]/).filter((word) => word === "me");
    assert.equal(words.length, 1, `the user's name alone: ${at.seen.args}`);
    const warnings = stderr.split("\n").filter((line) => line.includes("on the command line"));
    assert.equal(warnings.length, 1, stderr);
    assert.match(warnings[0]!, /^ingest: a secret .* set ES_PASSWORD or ES_API_KEY in its place$/);
  }
  const { stdout } = await runTask(
    at.ingest(...url, "--user", "me", "--password", "s3cret-1", "--print-permissions"),
  );
  assert.doesNotMatch(stdout, /s3cret/);
  await runTask(at.ingest(...url, "--api-key", "a2V5"));
  assert.doesNotMatch(at.seen.args!, /a2V5/);
});

Deno.test("a password in ES_PASSWORD is used, and gives no warning", async () => {
  await using at = await locked();
  const url = ["--url", `http://127.0.0.1:${at.port}`];
  for (const args of [[...url, "--user", "me"], ["127.0.0.1", at.port, "me", ""]]) {
    at.seen.login = undefined;
    const child = spawnTask(at.ingest(...args), { ES_PASSWORD: "s3cret-2" });
    const { code, stderr } = await child.output();
    const text = new TextDecoder().decode(stderr);
    assert.equal(code, 2, text);
    assert.equal(at.seen.login, "me:s3cret-2");
    assert.doesNotMatch(text, /command line|s3cret/);
  }
});

Deno.test("search and serve keep a password as ingest does, and miss one as plainly", async () => {
  await using at = await locked();
  const server = ["--url", `http://127.0.0.1:${at.port}`, "--user", "me"];
  const search = ["search", "--id", "a", ...server];
  const { code, stderr } = await runTask([...search, "--password", "s3cret-1"]);
  assert.equal(code, 2, stderr);
  assert.equal(at.seen.login, "me:s3cret-1");
  assert.doesNotMatch(at.seen.args + stderr, /s3cret/);
  for (const args of [search, ["serve", ...server]]) {
    const { code, stderr } = await runTask(args);
    assert.equal(code, 2);
    assert.match(stderr, /^\w+: Cannot sign in as "me": .*ES_PASSWORD.*\n$/);
  }
});

Deno.test("the original's empty PASSWORD stays one; an empty USER signs nobody in", async () => {
  await using at = await locked();
  await runTask(at.ingest("127.0.0.1", at.port, "me", ""));
  assert.equal(at.seen.login, "me:");
  await runTask(at.ingest("127.0.0.1", at.port, "", ""));
  assert.equal(at.seen.login, "");
});

Deno.test("without a terminal, a missing password is a usage error", async () => {
  await using at = await locked();
  const { code, stderr } = await runTask(at.ingest("127.0.0.1", at.port, "me"));
  assert.equal(code, 2);
  assert.match(stderr, /^ingest: Cannot sign in as "me": .*ES_PASSWORD.*\n$/);
  assert.equal(at.seen.login, undefined, "nothing was asked");
});

const reason = Deno.build.os === "linux" ? undefined : "this system's `script` has other options";

Deno.test({
  ...skipIf(reason, "at a terminal a missing password is asked for, and not shown"),
  async fn() {
    await using at = await locked();
    const { code, screen } = await atTerminal(at.ingest("127.0.0.1", at.port, "me"), "s3crøt\n");
    assert.equal(code, 2, screen);
    assert.equal(at.seen.login, "me:s3crøt");
    assert.match(screen, /^Password for me: \r\n/);
    assert.doesNotMatch(screen + at.seen.args, /s3cr/);
  },
});

Deno.test({
  ...skipIf(reason, "Ctrl-C in place of a password ends with 130"),
  async fn() {
    await using at = await locked();
    const { code, screen } = await atTerminal(at.ingest("127.0.0.1", at.port, "me"), "s3c\x03");
    assert.deepEqual([code, screen], [130, "Password for me: \r\n"]);
    assert.equal(at.seen.login, undefined, "nothing was asked");
  },
});

/** Runs a task at a terminal where a person answers the first question. */
async function atTerminal(args: readonly string[], answer: string) {
  const words = [Deno.execPath(), "task", "--quiet", ...args].map((word) => `'${word}'`);
  const child = new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", words.join(" "), "/dev/null"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const keys = child.stdin.getWriter();
  let screen = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const wasAsked = screen.includes(": ");
    screen += text;
    if (!wasAsked && screen.includes(": ")) await keys.write(new TextEncoder().encode(answer));
  }
  await keys.close();
  return { code: (await child.status).code, screen };
}
