import assert from "node:assert/strict";
import { join } from "node:path";
import { demoApi, RECORDS } from "../helpers/demo_api.ts";
import { noAnswer } from "../helpers/http_server.ts";
import { manyRecords } from "../helpers/many_records.ts";
import { jsonOf, runTask, spawnTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";
import { walkFiles } from "../helpers/walk_files.ts";

const filesIn = (path: string) => Array.fromAsync(walkFiles(path));

Deno.test("download stores each record once in its group's folder, and nothing again", async () => {
  await using dir = await tempDir();
  await using api = demoApi();
  const args = ["download", "-f", "mediatype:bilder", "-f", "contentClasses:JP2", "--size", "15"]
    .concat("-o", dir.path, "--delay", "0", "--base-url", api.url);
  const first = await runTask(args);
  assert.equal(first.code, 0, first.stderr);
  const wanted = RECORDS.filter(({ metadata }: { metadata: { contentClasses: string[] } }) =>
    metadata.contentClasses.includes("jp2")
  );
  const lines = first.stderr.trim().split("\n");
  assert.match(
    lines.at(-1)!,
    new RegExp(`^download: ${wanted.length} stored, 0 skipped, 0 failed`),
  );
  const files = await filesIn(dir.path);
  assert.deepEqual(
    files.sort(),
    wanted.map((r: { id: string; accessInfo: { accessAllowedFrom: string } }) =>
      `${r.accessInfo.accessAllowedFrom.toLowerCase()}/${r.id}.json`
    ).sort(),
  );
  for (const file of files) {
    const stored = JSON.parse(await Deno.readTextFile(join(dir.path, file)));
    const original = wanted.find(({ id }: { id: string }) => id === stored.id);
    assert.deepEqual(stored.metadata, original.metadata, "no field is lost or changed");
  }
  assert.equal(api.requests.length, Math.ceil(wanted.length / 15));
  const second = jsonOf(await runTask([...args, "--json"]));
  assert.equal(second.stored, 0);
  assert.equal(second.skipped, wanted.length);
});

Deno.test("download scrolls, takes several filters after one flag, and ends at --max", async () => {
  await using dir = await tempDir();
  await using api = demoApi();
  const args = ["download", "-f", "mediatype:bilder", "contentClasses:JP2", "--size", "7"]
    .concat("--scroll", "--delay", "0.0", "--log", "-o", dir.path, "--base-url", api.url, "--json");
  const some = jsonOf(await runTask([...args, "--max", "10"]));
  assert.deepEqual([some.total, some.stored], [10, 10]);
  const all = jsonOf(await runTask(args));
  assert.equal(Number(all.stored) + Number(all.skipped), all.total);
  assert.equal((await filesIn(dir.path)).length, all.total);
  assert.ok(api.requests.every((path) => path.includes("scroll=true")));
  assert.ok(api.requests[0]!.includes("filter=mediatype%3Abilder&filter=contentClasses%3AJP2"));
});

Deno.test("download goes on after faults, and counts what is lost", async () => {
  await using dir = await tempDir();
  const faults = new Map<string, number>();
  await using api = demoApi({
    intercept: (_request, url) => {
      const page = url.searchParams.get("page") ?? "0";
      const n = (faults.get(page) ?? 0) + 1;
      faults.set(page, n);
      if (page === "1" && n === 1) return new Response("busy", { status: 503 });
      if (page === "2" && n === 1) return new Response("<html>maintenance</html>");
      if (page === "3") return new Response("internal error", { status: 500 });
      return undefined;
    },
  });
  const result = await runTask(
    ["download", "--size", "10", "--delay", "0", "--retries", "1", "--log", "--json"]
      .concat("-o", dir.path, "--base-url", api.url),
  );
  assert.equal(result.code, 1, result.stderr);
  const { total, stored, failed, retried, errors } = jsonOf(result);
  assert.deepEqual({ total, stored, failed, retried }, {
    total: 55,
    stored: 45,
    failed: 10,
    retried: 3,
  });
  assert.deepEqual(errors, { http_500: 10 });
  const log = await Deno.readTextFile(join(dir.path, "page_3.log"));
  assert.match(log, /page=3[^]*500[^]*internal error/);
});

Deno.test("download keeps hostile records inside the output folder", async () => {
  await using dir = await tempDir();
  const records = [
    { id: "good", accessInfo: { accessAllowedFrom: "../../Up" } },
    { id: "../../evil" },
    { id: "" },
    { id: 7 },
    {},
    { id: "con" },
    { id: "later" },
  ];
  await using api = demoApi({ records });
  const out = join(dir.path, "a/b/out");
  const result = await runTask(
    ["download", "--delay", "0", "-o", out, "--base-url", api.url, "--json"],
  );
  assert.equal(result.code, 1);
  const { stored, failed, errors } = jsonOf(result);
  assert.deepEqual({ stored, failed, errors }, { stored: 3, failed: 4, errors: { record_id: 4 } });
  assert.deepEqual(await filesIn(dir.path), [
    "a/b/out/.._.._up/good.json",
    "a/b/out/unknown/7.json",
    "a/b/out/unknown/later.json",
  ]);
});

Deno.test("download explains in one line what it cannot use, and ends with 2", async () => {
  await using dir = await tempDir();
  const file = join(dir.path, "file");
  await Deno.writeTextFile(file, "");
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const unreachable = `http://127.0.0.1:${closed.addr.port}`;
  closed.close();
  const cases: [string[], RegExp][] = [
    [["--frobnicate"], /Unknown option '--frobnicate'/],
    [["--size", "101"], /--size.*from 1 to 100/],
    [["--size", "ten"], /--size.*from 1 to 100/],
    [["--groupby", "a:("], /not a regular expression/],
    [["--base-url", "ftp://x"], /http:\/\/ or https:\/\//],
    [["extra"], /Too many arguments/],
    [["-o", join(dir.path, "a,b")], /without a comma/],
    [["-o", "--json"], /--output-folder.*It must be a path/],
    [["--base-url", "http://*"], /host of letters/],
    [["--contact", "me (you)"], /without brackets/],
    [["--base-url", unreachable, "-o", dir.path], /127\.0\.0\.1.*connection refused/],
    [["-o", join(file, "below")], /Cannot write to folder.*not a folder/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runTask(["download", ...args]);
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  }
});

/** Pages that the journal of a folder's one query says are done. */
async function pagesDone(folder: string): Promise<number> {
  const stateDir = join(folder, ".maken");
  const names = await Array.fromAsync(Deno.readDir(stateDir), ({ name }) => name);
  const journal = names.find((name) => /^download-.*\.json$/.test(name));
  return journal === undefined
    ? 0
    : JSON.parse(await Deno.readTextFile(join(stateDir, journal))).pages;
}

Deno.test("download goes on after Ctrl-C with the page after the last whole one", async () => {
  await using dir = await tempDir();
  let isHeld = true;
  await using api = demoApi({
    records: manyRecords(100),
    intercept: (request, url) =>
      isHeld && url.searchParams.get("page") === "6" ? noAnswer(request) : undefined,
  });
  const args = ["download", "--size", "10", "--delay", "0", "-o", dir.path]
    .concat("--base-url", api.url);
  const child = spawnTask(args);
  await until(() => api.requests.length === 7, "The request for page 6");
  await until(async () => await pagesDone(dir.path) === 6, "The end of page 5");
  child.kill("SIGINT");
  assert.equal((await child.output()).code, 130);
  isHeld = false;
  const before = api.requests.length;
  const other = jsonOf(await runTask([...args, "--max", "5", "--json"]));
  assert.deepEqual([other.stored, other.skipped], [0, 5], "another query has its own journal");
  const result = await runTask([...args, "--json"]);
  const { total, stored, skipped } = jsonOf(result);
  assert.deepEqual({ total, stored, skipped }, { total: 100, stored: 40, skipped: 60 });
  assert.match(result.stderr, /going on after 6 pages, 60 records/);
  assert.deepEqual(
    api.requests.slice(before + 1).map((path) => /[?&]page=(\d+)/.exec(path)?.[1]),
    ["6", "7", "8", "9"],
  );
  const anew = jsonOf(await runTask([...args, "--no-resume", "--json"]));
  assert.deepEqual([anew.stored, anew.skipped], [0, 100]);
});

Deno.test("download of a folder that another run is filling ends with 2", async () => {
  await using dir = await tempDir();
  const reached = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using api = demoApi({
    intercept: async () => {
      reached.resolve();
      await release.promise;
      return undefined;
    },
  });
  const args = ["download", "-o", dir.path, "--base-url", api.url];
  const first = spawnTask(args);
  await reached.promise;
  const second = await runTask(args);
  assert.equal(second.code, 2);
  assert.match(
    second.stderr,
    /^download: Cannot write to ".*": another download run is using it\n$/,
  );
  release.resolve();
  assert.equal((await first.output()).code, 0);
});

Deno.test("download --overwrite replaces the records that changed, and only those", async () => {
  await using dir = await tempDir();
  const records = manyRecords(20);
  await using api = demoApi({ records });
  const args = ["download", "--delay", "0", "--json", "-o", dir.path, "--base-url", api.url];
  await runTask(args);
  records[3]!.metadata.title = "Another title";
  const kept = jsonOf(await runTask(args));
  assert.deepEqual([kept.stored, kept.skipped], [0, 20]);
  const replaced = jsonOf(await runTask([...args, "--overwrite"]));
  assert.deepEqual([replaced.stored, replaced.skipped], [1, 19]);
  const text = await Deno.readTextFile(join(dir.path, "everywhere/id000003.json"));
  assert.equal(JSON.parse(text).metadata.title, "Another title");
});

Deno.test("download --dry-run tells what there is to do, and touches nothing", async () => {
  await using dir = await tempDir();
  await using api = demoApi({ records: manyRecords(1050) });
  const out = join(dir.path, "out");
  const args = ["download", "--dry-run", "--size", "100", "--delay", "2", "-o", out]
    .concat("--base-url", api.url);
  const { code, stdout } = await runTask(args);
  assert.equal(code, 0);
  assert.equal(
    stdout.trim(),
    "1,050 records on 11 pages, 11 requests: at least 22 s at a delay of 2 s",
  );
  assert.deepEqual(jsonOf(await runTask([...args, "--json"])).dryRun, {
    records: 1050,
    pages: 11,
    requests: 11,
    seconds: 22,
  });
  assert.equal(api.requests.length, 2);
  await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
});

Deno.test("download tells the service who it is, and spaces its requests", async () => {
  await using dir = await tempDir();
  const agents = new Set<string | null>();
  await using api = demoApi({
    records: manyRecords(50),
    intercept: (request) => {
      agents.add(request.headers.get("user-agent"));
      return undefined;
    },
  });
  const result = await runTask(
    ["download", "--size", "10", "--delay", "0.2", "--contact", "mailto:me@example.org"]
      .concat("-o", dir.path, "--base-url", api.url, "--json"),
  );
  assert.equal(result.code, 0, result.stderr);
  const [agent, ...others] = agents;
  assert.match(agent!, /^maken\/\d+\.\d+\.\d+ \(similar-image indexer; mailto:me@example\.org\)$/);
  assert.deepEqual(others, []);
  assert.equal(api.requests.length, 5);
  // Four spaces of 200 ms by the tool's own clock, as the first request may be long on its way;
  // timers count whole milliseconds.
  assert.ok(Number(jsonOf(result).seconds) >= 0.79, result.stdout);
});
