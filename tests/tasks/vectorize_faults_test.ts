import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeNpy } from "../../lib/vectors/npy.ts";
import { importEncoder } from "../helpers/encoder.ts";
import { failuresIn } from "../helpers/files.ts";
import { noAnswer, serve } from "../helpers/http_server.ts";
import { writeRecord } from "../helpers/picture_records.ts";
import { countsOf, jsonOf, ROOT, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";

const PHOTOS = join(ROOT, "tests/fixtures/photos");
const photo = await Deno.readFile(join(PHOTOS, "ski_rocket.jpg"));
const half = photo.slice(0, photo.length / 2);

type Answer = (size: string, n: number, request: Request) => Response | Promise<Response>;
const whole = () => new Response(photo);
/** What the image host answers for each record's picture, by size and by number of the request. */
const ANSWERS: Record<string, Answer> = {
  fine: whole,
  missing: () => new Response("none", { status: 404 }),
  refused: () => new Response("no", { status: 403 }),
  page: () => new Response("<!doctype html>", { headers: { "content-type": "image/jpeg" } }),
  busy_once: (_, n) => n === 0 ? new Response("wait", { status: 503 }) : whole(),
  half_always: () => new Response(half),
  half_at_600: (size) => size === "600,600" ? new Response(half) : whole(),
  error_at_600: (size) => size === "600,600" ? new Response("oops", { status: 500 }) : whole(),
  moved_away: () => Response.redirect("http://169.254.169.254/picture.jpg"),
  slow: async () => (await sleep(150), whole()), // in time yet
  too_slow: (_, __, request) => noAnswer(request),
  not_for_ai: () => new Response(photo, { headers: { "x-robots-tag": "noai" } }),
};
const WITH_VECTOR = ["busy_once", "error_at_600", "fine", "half_at_600", "slow"];
const FAILED = {
  elsewhere: "host_not_allowed",
  file: "host_not_allowed",
  half_always: "image_unreadable",
  missing: "http_404",
  moved_away: "host_not_allowed",
  not_for_ai: "robots",
  other_port: "host_not_allowed",
  page: "image_type",
  refused: "http_403",
  too_slow: "timeout",
  without_link: "no_link",
};

Deno.test("vectorize ends each record as a vector or a named failure, whatever the image host does", async () => {
  await using dir = await tempDir();
  const asked = new Map<string, number>();
  await using host = serve((request) => {
    const [name = "", size = ""] = new URL(request.url).pathname.slice(1).split("/");
    const n = asked.get(name) ?? 0;
    asked.set(name, n + 1);
    return ANSWERS[name]!(size, n, request);
  });
  const records = join(dir.path, "records");
  for (const name of Object.keys(ANSWERS)) {
    await writeRecord(records, name, `${host.url}${name}/{width},{height}`);
  }
  await writeRecord(records, "elsewhere", "http://169.254.169.254/latest/{width},{height}");
  await writeRecord(records, "file", "file:///etc/passwd");
  await writeRecord(records, "other_port", "http://127.0.0.1:1/{width},{height}");
  await writeRecord(records, "without_link");
  const vectors = join(dir.path, "vectors");
  const args = ["vectorize", records, "*", vectors, "--download-images", "--base-url", host.url]
    .concat("--model", await importEncoder(dir.path), "--batch", "4", "--delay", "0")
    .concat("--retries", "1", "--timeout", "0.6", "--concurrency", "8", "--json");

  const first = await runTask(args);
  assert.equal(first.code, 1, first.stderr);
  assert.deepEqual(countsOf(first), { total: 16, stored: 5, skipped: 1, failed: 10 });
  const codes: Record<string, number> = {};
  const { without_link: _without, ...failed } = FAILED; // that counts as skipped
  for (const code of Object.values(failed)) codes[code] = (codes[code] ?? 0) + 1;
  assert.deepEqual(jsonOf(first).errors, codes);
  assert.deepEqual(await failuresOf(vectors), FAILED);
  assert.deepEqual(await vectorsOf(vectors), WITH_VECTOR);
  assert.match(first.stderr, /status 403.*rights/);

  // The pictures that cannot be used were not kept; the host is asked for them again.
  ANSWERS.missing = ANSWERS.half_always = whole;
  const retried = await runTask([...args, "--retry-failed", "--ignore-robots"]);
  assert.equal(retried.code, 1);
  assert.deepEqual([jsonOf(retried).total, jsonOf(retried).stored], [11, 3]);
  const { half_always: _, missing: __, not_for_ai: ___, ...stillFailed } = FAILED;
  assert.deepEqual(await failuresOf(vectors), stillFailed);
  const all = [...WITH_VECTOR, "half_always", "missing", "not_for_ai"].sort();
  assert.deepEqual(await vectorsOf(vectors), all);
});

async function failuresOf(dir: string): Promise<Record<string, string>> {
  const entries = await failuresIn(dir);
  assert.ok(entries.every(({ stage, message, file }) => stage && message && file));
  return Object.fromEntries(entries.map(({ id, code }) => [id, code]).sort());
}

async function vectorsOf(dir: string): Promise<string[]> {
  const files = await Array.fromAsync(Deno.readDir(dir), ({ name }) => name);
  const names = files.filter((name) => name.endsWith(".npy")).sort();
  for (const name of names) {
    assert.equal(decodeNpy(await Deno.readFile(join(dir, name))).length, 12);
  }
  return names.map((name) => name.replace(".npy", ""));
}
