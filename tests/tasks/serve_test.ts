import assert from "node:assert/strict";
import { join } from "node:path";
import { serve } from "../helpers/http_server.ts";
import { ROOT, runTask } from "../helpers/run_task.ts";
import { startServe } from "../helpers/serve_task.ts";
import { fillIndex, smallItems } from "../helpers/small_index.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";

/** A folder with one index. */
async function indexDir() {
  const dir = await tempDir();
  await fillIndex(dir.path, "images.knn", smallItems(10));
  return dir;
}

async function oneLine(args: string[], line: RegExp): Promise<void> {
  const { code, stdout, stderr } = await runTask(["serve", ...args]);
  assert.equal(code, 2, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, /^serve: .*\n$/);
  assert.match(stderr, line);
}

Deno.test("serve answers, says that uploads are off and how to get them, and ends with Ctrl-C", async () => {
  await using dir = await indexDir();
  await using server = await startServe(
    ["--index-dir", dir.path, "--model", "no-such-model"],
  );
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.match(
    server.log(),
    /^\d{4}-\S+Z serve: search by uploaded pictures is off: .*model list/m,
  );
  const page = await fetch(server.url);
  assert.match(page.headers.get("content-type")!, /^text\/html/);
  await page.body?.cancel();
  const response = await fetch(`${server.url}/similarity/images.knn/id?size=3`, {
    method: "POST",
    body: '{"value":"id1"}',
  });
  assert.equal((await response.json()).length, 3);
  const upload = await fetch(`${server.url}/similarity/images.knn/image`, {
    method: "POST",
    body: "x",
  });
  assert.equal(upload.status, 503);
  assert.match((await upload.json()).error, /model list/);
  const { code, stdout, log } = await server.stop();
  assert.equal(code, 130);
  assert.equal(stdout, "");
  assert.match(log.trim().split("\n").at(-1)!, /^serve: interrupted: 3 requests in /);
  assert.match(log, /^time=\S+ method=POST path=\/similarity\/images.knn\/id status=200 /m);
  await assert.rejects(fetch(server.url));
});

Deno.test("a stopped server finishes what has begun and refuses the rest", async () => {
  await using dir = await indexDir();
  await using server = await startServe(["--index-dir", dir.path, "--no-uploads", "--json"]);
  const sending = Promise.withResolvers<void>();
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode('{"value":'));
      await sending.promise;
      controller.enqueue(new TextEncoder().encode('"id1"}'));
      controller.close();
    },
  });
  const url = `${server.url}/similarity/images.knn/id?size=3`;
  const answer = fetch(url, { method: "POST", body });
  const metrics = async () => await (await fetch(`${server.url}/metrics`)).text();
  const isRunning = async () => /^maken_requests_running 2$/m.test(await metrics());
  await until(isRunning, "The start of the request");
  const ended = server.stop();
  await until(() => server.log().includes("stopping"), "The message of the end");
  const late = await fetch(`${server.url}/health`);
  assert.equal(late.status, 503);
  assert.match((await late.json()).error, /stopped/);
  sending.resolve();
  assert.equal((await (await answer).json()).length, 3);
  const { code, stdout } = await ended;
  assert.equal(code, 130);
  const { task, requests } = JSON.parse(stdout);
  assert.equal(task, "serve");
  assert.ok(requests >= 3);
});

Deno.test("serve may listen on its port and read its folders, and nothing else", async () => {
  const args = ["serve", "--port", "8456", "--index-dir", "/x/index", "--images", "/x/v"];
  const flags = async (...more: string[]) =>
    (await runTask([...args, ...more, "--print-permissions"])).stdout.trim().split("\n");
  assert.deepEqual(await flags("--no-uploads"), [
    "--no-prompt",
    "--allow-net=127.0.0.1:8456",
    "--allow-read=/x/index,/x/v",
    "--allow-env=ES_USER,ES_PASSWORD,ES_API_KEY",
  ]);
  const withServer = await flags("--no-uploads", "--url", "http://a:9200", "--host", "::1");
  assert.equal(withServer[1], "--allow-net=[::1]:8456,a:9200");
  assert.equal(withServer[2], "--allow-read=/x/v");
  assert.ok((await flags("--model", "demo")).some((flag) => flag.startsWith("--allow-ffi=")));
  assert.ok(!(await flags("--model", "none")).join().includes("ffi"));
  assert.ok(!(await flags("--model", "demo", "--engine", "wasm")).join().includes("ffi"));
});

Deno.test("what cannot be served is told in one line", async () => {
  await using dir = await indexDir();
  await using other = serve(() => new Response());
  const port = new URL(other.url).port;
  const index = ["--index-dir", dir.path, "--no-uploads"];
  await oneLine([...index, "--port", port], /Cannot listen on 127.0.0.1:\d+: another program uses/);
  await oneLine([...index, "--port", "0", "--host", "203.0.113.1"], /no address of this machine/);
  await oneLine([...index, "--images", join(dir.path, "none")], /no such file or folder/);
  await oneLine(["--port", "70000"], /65535/);
  await oneLine(["--host", "a b"], /host name or an address/);
  await oneLine(["--image-hosts", "a b"], /not a host/);
  await oneLine(["--url", other.url], /neither Elasticsearch nor OpenSearch/);
});

Deno.test("indexes that are not there yet are waited for", async () => {
  await using dir = await tempDir();
  const folder = join(dir.path, "index");
  await using server = await startServe(["--index-dir", folder, "--no-uploads", "--quiet"]);
  assert.match(server.log(), /^\d{4}-\S+Z serve: Cannot read index folder .* until it is there$/m);
  const health = async () => (await fetch(`${server.url}/health`)).json();
  assert.notEqual((await health()).health, "OK");
  await fillIndex(folder, "images.knn", smallItems(10));
  assert.deepEqual(await health(), { health: "OK" });
  assert.doesNotMatch(server.log(), /^time=/m);
});

Deno.test("an address that others can reach is warned of", async () => {
  await using dir = await indexDir();
  await using server = await startServe(
    ["--index-dir", dir.path, "--no-uploads", "--host", "0.0.0.0"],
  );
  assert.match(server.log(), /^serve: whoever can reach this address can search$/m);
});

Deno.test("search finds by words and filters, and tells what is wrong in one line", async () => {
  await using dir = await indexDir();
  const args = ["search", "--index-dir", dir.path];
  const hits = async (...more: string[]) => {
    const { code, stdout, stderr } = await runTask([...args, ...more, "--json"]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).hits;
  };
  const words = await hits("--text", "picture", "-k", "3");
  assert.deepEqual(words.map(({ rank, id }: Record<string, unknown>) => [rank, id]), [
    [1, "id0"],
    [2, "id1"],
    [3, "id2"],
  ]);
  assert.ok(!("similarity" in words[0]));
  const norway = await hits("--id", "id0", "--filter", "access=Norway", "--filter", "date=1905");
  assert.deepEqual(norway.map(({ access }: Record<string, unknown>) => access), [
    "norway",
    "norway",
    "norway",
  ]);
  const { stdout, stderr } = await runTask([...args, "--text", "picture id8"]);
  assert.match(stdout, /^rank {2}id {3}title +access\n +1 {2}id8 {2}Picture id8 +norway\n$/);
  assert.match(stderr, /^search: 1 of 1 documents with these words in /m);
  const wrong: [string[], RegExp][] = [
    [["--text", "x", "--id", "y"], /Give one of --id, --image, --vector and --text/],
    [["--text", "x", "--filter", "id=1"], /FIELD=VALUE/],
    [["--text", "x", "--filter", "access=a", "--filter", "access=b"], /two values of access/],
    [["--image", join(ROOT, "demo/pictures/cat_face.jpg"), "--model", "demo"], /16 numbers/],
  ];
  for (const [more, line] of wrong) {
    const { code, stderr } = await runTask([...args, ...more]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, line);
    assert.equal(stderr.trim().split("\n").length, 1);
  }
});
