/** What failed for good is known to the next run, until something changes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeNpy } from "../../lib/vectors/npy.ts";
import { closedPort } from "../helpers/closed_port.ts";
import { demoApi } from "../helpers/demo_api.ts";
import { importEncoder } from "../helpers/encoder.ts";
import { failuresIn, makeFiles } from "../helpers/files.ts";
import { serve } from "../helpers/http_server.ts";
import { manyRecords } from "../helpers/many_records.ts";
import { writeRecord } from "../helpers/picture_records.ts";
import { jsonOf, ROOT, runTask, spawnTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";
import { randomVectors } from "../index/contract.ts";

const photo = await Deno.readFile(join(ROOT, "tests/fixtures/photos/ski_rocket.jpg"));
const half = photo.slice(0, photo.length / 2);

/** Runs the task; gives its code, and what was stored, skipped, failed before and failed. */
async function outcome(args: readonly string[]): Promise<(number | unknown)[]> {
  const result = await runTask([...args, "--json"]);
  const { stored, skipped, failedBefore, failed } = jsonOf(result);
  return [result.code, stored, skipped, failedBefore, failed];
}

async function namesIn(folder: string): Promise<Record<string, number>> {
  return Object.fromEntries((await failuresIn(folder)).map(({ id, runs }) => [id, runs]).sort());
}

async function vectorizeIn(dir: string, url: string): Promise<string[]> {
  return ["vectorize", join(dir, "r"), "*", join(dir, "v"), "--base-url", url, "--delay", "0"]
    .concat("--model", await importEncoder(dir), "--retries", "0", "--timeout", "5");
}

Deno.test("vectorize knows pictures and records that are damaged, until their bytes change", async () => {
  await using dir = await tempDir();
  const [records, vectors] = [join(dir.path, "r"), join(dir.path, "v")];
  for (const id of ["fine", "cut", "text", "turned"]) await writeRecord(records, id);
  await makeFiles(records, ["broken.json"], '{"id":');
  await makeFiles(vectors, ["text.jpg"], "<html>");
  const write = (name: string, bytes: Uint8Array) => Deno.writeFile(join(vectors, name), bytes);
  await write("fine.jpg", photo);
  await write("cut.PNG", half);
  await write("turned.jpg", half);
  const args = await vectorizeIn(dir.path, "http://127.0.0.1:1");
  assert.deepEqual(await outcome(args), [1, 1, 0, 0, 4]);
  assert.deepEqual(await outcome(args), [0, 0, 5, 4, 0]);
  const { stderr } = await runTask(args);
  assert.match(
    stderr,
    /5 skipped, of which 4 failed before, 0 failed of 5 \(see .*failures\.jsonl/,
  );
  await write("turned.jpg", half.slice(1000)); // damaged in another way: that is news
  assert.deepEqual(await outcome(args), [1, 0, 4, 3, 1]);
  assert.deepEqual(await outcome([...args, "--retry-failed"]), [1, 0, 0, 0, 4]);
  await write("turned.jpg", photo);
  await writeRecord(records, "broken");
  assert.deepEqual(await outcome(args), [0, 1, 4, 2, 0], "broken has a record, but no picture");
  await Deno.remove(join(records, "text.json"));
  assert.deepEqual(await outcome(args), [0, 0, 4, 1, 0]);
  assert.deepEqual(await namesIn(vectors), { broken: 2, cut: 2 });
});

Deno.test("vectorize takes a list with failures of other folders of records, and of moved ones", async () => {
  await using dir = await tempDir();
  const vectors = join(dir.path, "v");
  await makeFiles(dir.path, ["r/a.json", "elsewhere/b.json"], "{");
  const args = await vectorizeIn(dir.path, "http://127.0.0.1:1");
  const other = args.with(1, join(dir.path, "elsewhere"));
  assert.deepEqual(await outcome(args), [1, 0, 0, 0, 1]);
  assert.deepEqual(await outcome(other), [1, 0, 0, 0, 1]);
  for (const again of [args, other]) assert.deepEqual(await outcome(again), [0, 0, 1, 1, 0]);
  assert.deepEqual(await outcome([...args, "--retry-failed"]), [1, 0, 0, 0, 1]);
  assert.equal((await runTask([...args, "--retry-failed", "--dry-run"])).code, 0);
  await Deno.mkdir(join(dir.path, "r/norway"));
  await Deno.rename(join(dir.path, "r/a.json"), join(dir.path, "r/norway/a.json"));
  assert.deepEqual(await outcome(args), [0, 0, 1, 1, 0]);
  const files = (await failuresIn(vectors)).map(({ file }) => file?.slice(dir.path.length));
  assert.deepEqual(files.sort(), ["/elsewhere/b.json", "/r/norway/a.json"]);
});

Deno.test("vectorize asks for what a host refuses three times, and again after 30 days", async () => {
  await using dir = await tempDir();
  const [records, vectors] = [join(dir.path, "r"), join(dir.path, "v")];
  const asked = new Map<string, number>();
  const mended = new Set<string>();
  await using host = serve((request) => {
    const name = new URL(request.url).pathname.split("/")[1]!;
    asked.set(name, (asked.get(name) ?? 0) + 1);
    if (mended.has(name)) return new Response(photo);
    if (name === "half") return new Response(half);
    return name === "page"
      ? new Response("<!doctype html>")
      : new Response(null, { status: Number(name) });
  });
  const link = (name: string) => `${host.url}${name}/{width},{height}`;
  for (const name of ["403", "404", "410", "500", "502", "half", "page"]) {
    await writeRecord(records, name, link(name));
  }
  await writeRecord(records, "linkless");
  const away = `127.0.0.1:${closedPort()}`;
  await writeRecord(records, "away", `http://${away}/{width},{height}`);
  const args = [...await vectorizeIn(dir.path, host.url), "--download-images", "--image-hosts"]
    .concat(away);
  const times = (names: readonly string[]) => names.map((name) => asked.get(name) ?? 0);
  // A picture that is damaged as before, and a record without a link, are no news.
  assert.deepEqual(await outcome(args), [1, 0, 1, 0, 8]);
  assert.deepEqual(await outcome(args), [1, 0, 2, 2, 7]);
  assert.deepEqual(await outcome(args), [1, 0, 2, 2, 7]);
  const names = ["403", "404", "410", "500", "502", "half", "page"];
  const three = times(names);
  assert.deepEqual(await outcome(args), [1, 0, 8, 8, 1], "one host is away");
  assert.deepEqual(times(names), three);
  assert.deepEqual(jsonOf(await runTask([...args, "--json"])).errors, { network: 1 });
  await Deno.remove(join(records, "away.json"));
  assert.deepEqual(await outcome(args), [0, 0, 8, 8, 0]);
  // Another address is another try.
  mended.add("new");
  await writeRecord(records, "410", link("new"));
  assert.deepEqual(await outcome(args), [0, 1, 7, 7, 0]);
  // 30 days later.
  const list = join(vectors, ".maken/failures.jsonl");
  const now = new Date().toISOString().slice(0, 10);
  await Deno.writeTextFile(list, (await Deno.readTextFile(list)).replaceAll(now, "2020-01-01"));
  mended.add("404").add("half");
  const before = times(["403"])[0]!;
  assert.deepEqual(await outcome(args), [0, 2, 6, 5, 0], "what still fails is no news");
  assert.ok(times(["403"])[0]! > before);
  const after = times(["403", "500", "502", "page"]);
  assert.deepEqual(await outcome(args), [0, 0, 8, 5, 0]);
  assert.deepEqual(times(["403", "500", "502", "page"]), after, "for another 30 days");
  assert.deepEqual(await outcome([...args, "--retry-failed"]), [1, 0, 1, 0, 4]);
  assert.deepEqual(Object.keys(await namesIn(vectors)), ["403", "500", "502", "linkless", "page"]);
});

Deno.test("ingest knows what an index refuses, until record, vector or index change", async () => {
  await using dir = await tempDir();
  const [records, vectors] = [join(dir.path, "r"), join(dir.path, "v")];
  const numbers = randomVectors(6, 16);
  for (const [i, vector] of numbers.entries()) {
    await writeRecord(records, `id${i}`);
    await Deno.mkdir(vectors, { recursive: true });
    await Deno.writeFile(join(vectors, `id${i}.npy`), encodeNpy(vector));
  }
  const write = (name: string, bytes: Uint8Array) => Deno.writeFile(join(vectors, name), bytes);
  await write("id1.npy", encodeNpy(new Float32Array(16)));
  await write("id2.npy", encodeNpy(numbers[2]!.slice(0, 8)));
  await write("id3.npy", new TextEncoder().encode("no vector"));
  await makeFiles(records, ["id4.json"], "{");
  const ingest = ["ingest", "--records-dir", records, "--vectors-dir", vectors, "--index-dir"]
    .concat(join(dir.path, "i"));
  assert.deepEqual(await outcome(ingest), [1, 2, 0, 0, 4]);
  assert.deepEqual(await outcome(ingest), [0, 0, 6, 4, 0]);
  // Another index may take them.
  assert.deepEqual(await outcome([...ingest, "--mapping", "other"]), [1, 2, 0, 0, 4]);
  assert.deepEqual(await outcome([...ingest, "--mapping", "other"]), [0, 0, 6, 4, 0]);
  assert.deepEqual(await outcome(ingest), [0, 0, 6, 4, 0]);
  await write("id1.npy", encodeNpy(numbers[1]!));
  await write("id2.npy", encodeNpy(numbers[2]!.slice(0, 9)));
  await writeRecord(records, "id4");
  assert.deepEqual(await outcome(ingest), [1, 2, 3, 1, 1]);
  assert.deepEqual(await outcome([...ingest, "--recreate-index"]), [1, 4, 1, 1, 1]);
  assert.deepEqual(await outcome([...ingest, "--retry-failed"]), [1, 0, 0, 0, 2]);
  await Deno.remove(join(vectors, "id3.npy"));
  assert.deepEqual(await outcome(ingest), [0, 0, 6, 1, 0], "it has no vector now");
});

Deno.test("download knows records that cannot be stored, until they change", async () => {
  await using dir = await tempDir();
  const records: { id: unknown; title?: string }[] = manyRecords(30);
  records[3] = { id: "../../evil" };
  records[17] = { id: ["none"] };
  let isDown = false;
  await using api = demoApi({
    records: records as { id: string }[],
    intercept: (_, { searchParams }) =>
      isDown && (searchParams.get("page") ?? searchParams.get("scrollId")) === "1"
        ? new Response(null, { status: 500 })
        : undefined,
  });
  const out = join(dir.path, "out");
  const args = ["download", "-o", out, "--size", "10", "--delay", "0", "--base-url", api.url]
    .concat("--retries", "0");
  assert.deepEqual(await outcome(args), [1, 28, 0, 0, 2]);
  for (const way of [[], ["--scroll"], []]) {
    const [code, ...counts] = await outcome([...args, ...way]);
    // Scroll is another query, and its own first run.
    assert.deepEqual([code, ...counts], way.length === 0 ? [0, 0, 30, 2, 0] : [1, 0, 28, 0, 2]);
  }
  isDown = true;
  for (let run = 0; run < 4; run++) {
    const [code, , , , failed] = await outcome(args);
    assert.deepEqual([code, failed], [1, 10], "a page that is missing is never known");
  }
  isDown = false;
  records[3] = { id: "../../evil", title: "changed" };
  records[17] = { id: "fine now" };
  assert.deepEqual(await outcome(args), [1, 1, 28, 0, 1]);
  assert.deepEqual(await outcome([...args, "--scroll"]), [1, 0, 29, 0, 1]);
  assert.equal((await failuresIn(out)).length, 2, "one for each query");
});

Deno.test("a run that is killed loses no failure, and parts share one list", async () => {
  await using dir = await tempDir();
  const [records, vectors] = [join(dir.path, "r"), join(dir.path, "v")];
  const stuck = Promise.withResolvers<Response>();
  let isStuck = true;
  await using host = serve((request) => {
    const isLast = new URL(request.url).pathname.startsWith("/z");
    return isLast && isStuck ? stuck.promise : new Response(isLast ? photo : half);
  });
  const ids = ["a", "b", "c", "d", "e", "z"];
  for (const id of ids) await writeRecord(records, id, `${host.url}${id}/{width},{height}`);
  const args = [...await vectorizeIn(dir.path, host.url), "--download-images"];
  const child = spawnTask(args);
  const listed = async () => Object.keys(await namesIn(vectors).catch(() => ({}))).length;
  await until(async () => await listed() === 5, "Five failures");
  child.kill("SIGKILL");
  await child.output();
  isStuck = false;
  stuck.resolve(new Response(photo));
  const parts = ["1/3", "2/3", "3/3"].map((shard) => outcome([...args, "--shard", shard]));
  const sum = (await Promise.all(parts)).reduce((a, b) =>
    a.map((n, i) => Number(n) + Number(b[i]))
  );
  assert.deepEqual(sum, [0, 1, 5, 5, 0]);
  assert.deepEqual(await outcome([...args, "--shard", "1/1"]), [0, 0, 6, 5, 0]);
  assert.deepEqual(await outcome(args), [0, 0, 6, 5, 0]);
  assert.deepEqual(await namesIn(vectors), { a: 2, b: 2, c: 2, d: 2, e: 2 }, "not tried again");
});
