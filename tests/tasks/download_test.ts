import assert from "node:assert/strict";
import { join } from "node:path";
import { walkFiles } from "../../lib/shared/files.ts";
import { demoApi, RECORDS } from "../helpers/demo_api.ts";
import { jsonOf, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";

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
  assert.deepEqual({ stored, failed, errors }, { stored: 2, failed: 5, errors: { record_id: 5 } });
  assert.deepEqual(await filesIn(dir.path), [
    "a/b/out/.._.._up/good.json",
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
    [["--base-url", unreachable, "-o", dir.path], /127\.0\.0\.1.*connection refused/],
    [["-o", join(file, "below")], /Cannot write to folder.*not a folder/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runTask(["download", ...args, "--retries", "0"]);
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  }
});
