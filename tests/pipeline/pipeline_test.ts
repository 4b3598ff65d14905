/** The pipeline as one command: what it makes, how it goes on, and what it does not do twice. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import { demoApi, RECORDS } from "../helpers/demo_api.ts";
import { pipelineIn, recordsOfWeeks } from "../helpers/pipeline.ts";
import { runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";
import { walkFiles } from "../helpers/walk_files.ts";

const WEEKS = ["--every", "week", "--from", "20240101", "--to"];

/** The bytes of each file but Maken's own. */
async function filesBelow(dir: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for await (const path of walkFiles(dir)) files.set(path, await Deno.readFile(join(dir, path)));
  return files;
}

async function documentsIn(dir: string, ids: readonly string[]) {
  await using index = await EmbeddedIndex.open({ dir, name: "images.knn", mode: "read" });
  return await Promise.all(ids.map((id) => index.get("id", id)));
}

Deno.test("pipeline makes as one stream what the three tools make one after the other", async () => {
  await using dir = await tempDir();
  await using streamed = await pipelineIn(dir.path, {});
  const { api, data } = streamed;
  const apart = join(dir.path, "apart");
  const [records, vectors, index] = ["records", "vectors", "index"].map((name) =>
    join(apart, name)
  );
  const polite = ["--delay", "0", "--base-url", api.url];
  const folders = ["--records-dir", records!, "--vectors-dir", vectors!];
  const model = ["--model", join(dir.path, "encoder.onnx"), "--download-images"];
  for (
    const args of [
      ["download", "-o", records!, ...polite],
      ["vectorize", ...folders, ...model, ...polite],
      ["ingest", ...folders, "--index-dir", index!],
    ]
  ) {
    const { code, stderr } = await runTask(args);
    assert.equal(code, 0, stderr);
  }
  const result = await streamed.run("--jobs", "2", "--bulk-size", "10");
  assert.equal(result.code, 0, result.stderr);
  const { stages, total, stored, skipped, failed, documents } = result.json();
  assert.deepEqual(
    (stages as { seconds: number }[]).map(({ seconds: _, ...counts }) => counts),
    [
      { task: "download", stored: 55, skipped: 0, failed: 0 },
      { task: "vectorize", stored: 54, skipped: 1, failed: 0 },
      { task: "ingest", stored: 54, skipped: 0, failed: 0, new: 54, changed: 0, unchanged: 0 },
    ],
  );
  assert.deepEqual([total, stored, skipped, failed, documents], [55, 54, 1, 0, 54]);
  assert.match(
    result.stderr,
    /^pipeline: download 55 stored.*; vectorize 54 .*; ingest 54 .* in /m,
  );
  for (const part of ["records", "vectors"]) {
    const [wanted, got] = [
      await filesBelow(join(apart, part)),
      await filesBelow(join(data, "all/images", part)),
    ];
    assert.ok(wanted.size >= 54);
    assert.deepEqual(got, wanted);
  }
  const ids = RECORDS.map(({ id }: { id: string }) => id);
  assert.deepEqual(
    await documentsIn(join(data, "index"), ids),
    await documentsIn(join(apart, "index"), ids),
  );
});

Deno.test("pipeline that is killed ten times loses nothing and fetches no stored picture again", async () => {
  await using dir = await tempDir();
  const records = recordsOfWeeks(600, 20);
  await using weekly = await pipelineIn(dir.path, { records });
  const args = [...WEEKS, "20240519", "--concurrency", "4"];
  for (let kill = 1; kill <= 10; kill++) {
    const child = weekly.spawn(...args);
    await until(() => weekly.pictures().length >= 50 * kill, `The pictures before kill ${kill}`);
    child.kill("SIGKILL");
    await child.output();
  }
  const fetched = () => weekly.pictures().length;
  const last = await weekly.run(...args);
  assert.equal(last.code, 0, last.stderr);
  assert.equal(last.json().documents, records.length);
  // At each kill four pictures at the most are being fetched.
  assert.ok(fetched() <= records.length + 10 * 4, `${fetched()} for ${records.length}`);
  const found = await documentsIn(join(weekly.data, "index"), records.map(({ id }) => id));
  assert.ok(found.every((item) => item !== undefined));

  const before = [fetched(), weekly.windows().length];
  const again = await weekly.run(...args);
  assert.equal(again.code, 0, again.stderr);
  const asked = new Set(weekly.windows().slice(before[1]));
  assert.deepEqual([...asked], ["20240513-20240519"], "the last finished one");
  assert.equal(fetched(), before[0]);
  const { stored, documents } = again.json();
  assert.deepEqual([stored, documents], [0, records.length]);
});

Deno.test("pipeline asks for the open window and the last finished one, by default from where it was", async () => {
  await using dir = await tempDir();
  const time = new Date();
  const day = (back: number) =>
    new Date(time.getTime() - back * 86_400_000).toISOString().slice(0, 10);
  const records = recordsOfWeeks(8, 1).map((record, i) => ({
    ...record,
    metadata: { ...record.metadata, originInfo: { firstDigitalContentTime: day(i) } },
  }));
  await using daily = await pipelineIn(dir.path, { records });
  const name = (back: number) => day(back).replaceAll("-", "");
  const window = (back: number) => `${name(back)}-${name(back)}`;
  const first = await daily.run("--every", "day", "--from", name(3));
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(
    first.json().windows,
    [3, 2, 1, 0].map((back) => ({
      name: window(back),
      finished: back > 0,
    })),
  );
  const asked = daily.windows().length;
  const second = await daily.run("--every", "day");
  assert.equal(second.code, 0, second.stderr);
  assert.deepEqual(daily.windows().slice(asked).toSorted(), [window(1), window(0)]);
  const refused = await daily.run("--every", "week");
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    /^pipeline: Cannot harvest window .* use the same --every, or another/,
  );
});

Deno.test("pipeline indexes the chosen groups, and takes out what moves to another", async () => {
  await using dir = await tempDir();
  const records = recordsOfWeeks(3, 1);
  const withAccess = (access: string) =>
    records.map((record, i) => ({
      ...record,
      accessInfo: { accessAllowedFrom: i === 0 ? access : "EVERYWHERE" },
    }));
  const served: unknown[] = [];
  await using weekly = await pipelineIn(dir.path, { records: served as [] });
  const args = [...WEEKS, "20240107", "--groups", "everywhere,nb,library"];
  const counts: unknown[] = [];
  for (const access of ["NB", "EVERYWHERE", "NORWAY", "LIBRARY"]) {
    served.splice(0, served.length, ...withAccess(access));
    const result = await weekly.run(...args);
    assert.equal(result.code, 0, result.stderr);
    const [item] = await documentsIn(join(weekly.data, "index"), ["id00000"]);
    counts.push([result.json().documents, item?.document.access]);
    const paths = (await Array.fromAsync(walkFiles(weekly.data)))
      .filter((path) => path.includes("id00000."));
    const folder = `20240101-20240107/images`;
    const group = access.toLowerCase();
    assert.deepEqual(paths.toSorted(), [
      `${folder}/records/${group}/id00000.json`,
      `${folder}/vectors/${group}/id00000.jpg`,
      `${folder}/vectors/${group}/id00000.npy`,
    ]);
  }
  assert.deepEqual(counts, [[3, "nb"], [3, "everywhere"], [2, undefined], [3, "library"]]);
  assert.equal(
    new Set(weekly.pictures()).size,
    weekly.pictures().length,
    "its picture moved along",
  );
});

Deno.test("pipeline says that no record is of the groups, and leaves no empty index", async () => {
  await using dir = await tempDir();
  await using weekly = await pipelineIn(dir.path, { records: recordsOfWeeks(3, 1) });
  const { code, stderr } = await weekly.run(...WEEKS, "20240107", "--groups", "everyware");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /ingest: not one of 3 documents is of --groups everyware\n/);
  const again = await weekly.run(...WEEKS, "20240107", "--groups", "Everywhere");
  assert.equal(again.json().documents, 3, again.stderr);
});

Deno.test("pipeline run by cron fails for damaged pictures once, and passes from then on", async () => {
  await using dir = await tempDir();
  const records = recordsOfWeeks(12, 1);
  const urns = records.slice(0, 2).map((record) =>
    (record.metadata as unknown as { identifiers: { urn: string } }).identifiers.urn
  );
  await using weekly = await pipelineIn(dir.path, {
    records,
    intercept: (_, { pathname }) =>
      urns.some((urn) => decodeURIComponent(pathname).includes(urn))
        ? new Response(new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 16]))
        : undefined,
  });
  const args = [...WEEKS, "20240107"];
  const first = await weekly.run(...args);
  assert.equal(first.code, 1, first.stderr);
  assert.equal(first.json().failed, 2);
  const second = await weekly.run(...args);
  assert.equal(second.code, 0, second.stderr);
  const { failed, failedBefore, documents } = second.json();
  assert.deepEqual([failed, failedBefore, documents], [0, 2, 10]);
});

Deno.test("pipeline tries again in the next run what failed as a host was away", async () => {
  await using dir = await tempDir();
  let isAway = true;
  await using weekly = await pipelineIn(dir.path, {
    records: recordsOfWeeks(4, 1),
    intercept: (_, { pathname }) =>
      isAway && pathname.startsWith("/services/") ? new Response(null, { status: 503 }) : undefined,
  });
  const args = [...WEEKS, "20240107", "--retries", "0"];
  const first = await weekly.run(...args);
  assert.equal(first.code, 1, first.stderr);
  isAway = false;
  const second = await weekly.run(...args);
  assert.equal(second.code, 0, second.stderr);
  assert.equal(second.json().documents, 4);
});

Deno.test("pipeline --plan says what it would take, and writes nothing", async () => {
  await using dir = await tempDir();
  await using weekly = await pipelineIn(dir.path, { records: recordsOfWeeks(60, 4) });
  const { code, stderr, json } = await weekly.run(...WEEKS, "20240128", "--plan", "--size", "10");
  assert.equal(code, 0, stderr);
  const { windows, records, requests, vectorSeconds, diskBytes, indexBytes } = json()
    .plan as Record<string, number>;
  assert.deepEqual([windows, records, requests], [4, 60, 10]);
  assert.ok([vectorSeconds, diskBytes, indexBytes].every((n) => n! >= 0));
  await assert.rejects(Deno.stat(weekly.data), Deno.errors.NotFound);
  assert.equal(weekly.pictures().length, 0);
});

Deno.test("pipeline refuses in one line what it cannot do", async () => {
  await using dir = await tempDir();
  await using api = demoApi();
  const base = ["pipeline", "--base-url", api.url, "--data", join(dir.path, "d")];
  const cases: [args: string[], message: RegExp][] = [
    [["--from", "20240199"], /must be a day as YYYYMMDD/],
    [["--from", "20240201", "--to", "20240101"], /the last day comes before the first/],
    [["--every", "year"], /must be one of day, week, month/],
    [["--every", "week", "-f", "firstDigitalContentTime:[1 TO 2]"], /these make it/],
    [["--records-dir", "x"], /Unknown option '--records-dir'/],
    [["--model", "none-of-mine"], /Cannot use model "none-of-mine"/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await runTask([...base, ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
  const none = await runTask(["pipeline", "--from", "20240101"]);
  assert.match(none.stderr, /The folder of the data \(--data\) is missing/);
  assert.deepEqual(api.requests, []);
});
