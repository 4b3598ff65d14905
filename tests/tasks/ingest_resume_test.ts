/** What `ingest` does where a run of the same command was interrupted. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeNpy } from "../../lib/vectors/npy.ts";
import { failuresIn } from "../helpers/files.ts";
import { jsonOf, runTask, spawnTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";
import { randomVectors } from "../index/contract.ts";

const RECORDS = 2000;
const VECTORS = randomVectors(RECORDS, 16);
const name = (i: number) => `id${String(i).padStart(4, "0")}`;

/** Records `id0000`, … with vectors, and a command that loads them in small steps. */
async function records(dir: string) {
  for (const part of ["r", "v"]) await Deno.mkdir(join(dir, part));
  for (const [i, vector] of VECTORS.entries()) {
    await Deno.writeTextFile(join(dir, `r/${name(i)}.json`), JSON.stringify({ id: name(i) }));
    await Deno.writeFile(join(dir, `v/${name(i)}.npy`), encodeNpy(vector));
  }
  const args = ["--records-dir", join(dir, "r"), "--vectors-dir", join(dir, "v")];
  return ["ingest", ...args, "--index-dir", join(dir, "i"), "--bulk-size", "2", "--json"];
}

/** Runs the command and kills it once some records are in. */
async function interrupt(args: readonly string[], dir: string): Promise<void> {
  const child = spawnTask(args);
  const journal = join(dir, "i/.maken/ingest.json");
  const done = async () => JSON.parse(await Deno.readTextFile(journal).catch(() => "{}")).done ?? 0;
  await until(async () => await done() >= 20, "The twentieth record");
  child.kill("SIGINT");
  assert.equal((await child.output()).code, 130);
  assert.ok(await done() < RECORDS, "it was interrupted in its midst");
}

const ids = (dir: string) =>
  runTask(["search", "--id", name(RECORDS - 1), "--index-dir", join(dir, "i"), "-k", "1000"]
    .concat("--json")).then(jsonOf);

Deno.test("ingest --recreate-index that goes on keeps what it had put in", async () => {
  await using dir = await tempDir();
  const ingest = await records(dir.path);
  const first = jsonOf(await runTask([...ingest, "--skip", "1500"]));
  assert.equal(first.documents, 500);
  await interrupt([...ingest, "--recreate-index"], dir.path);
  const result = await runTask([...ingest, "--recreate-index"]);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /goes on after the first/);
  const { stored, skipped, documents } = jsonOf(result);
  assert.equal(documents, RECORDS);
  assert.equal(Number(stored) + Number(skipped), RECORDS);
});

Deno.test("ingest does not go on where another index is in place of the first", async () => {
  await using dir = await tempDir();
  const ingest = await records(dir.path);
  await interrupt(ingest, dir.path);
  await Deno.remove(join(dir.path, "i/images.knn.sqlite"));
  const { stored, documents } = jsonOf(await runTask(ingest));
  assert.deepEqual([stored, documents], [RECORDS, RECORDS]);
  // The same place, emptied by another command.
  await interrupt([...ingest, "--no-resume"], dir.path);
  const other = [...ingest, "--recreate-index", "--skip", String(RECORDS - 3), "--index-dir"];
  await Deno.mkdir(join(dir.path, "j"));
  await Deno.rename(join(dir.path, "i/images.knn.sqlite"), join(dir.path, "j/images.knn.sqlite"));
  await runTask([...other, join(dir.path, "j")]);
  await Deno.rename(join(dir.path, "j/images.knn.sqlite"), join(dir.path, "i/images.knn.sqlite"));
  assert.equal(jsonOf(await runTask(ingest)).documents, RECORDS);
});

Deno.test("ingest that goes on takes what failed, came or changed meanwhile", async () => {
  await using dir = await tempDir();
  const ingest = await records(dir.path);
  const vector = (i: number) => join(dir.path, `v/${name(i)}.npy`);
  await Deno.remove(vector(1));
  await Deno.writeTextFile(vector(2), "no vector");
  await Deno.writeTextFile(vector(3), "no vector");
  await interrupt(ingest, dir.path);
  await Deno.writeFile(vector(1), encodeNpy(VECTORS[1]!));
  await Deno.writeFile(vector(2), encodeNpy(VECTORS[2]!));
  await Deno.writeFile(vector(4), encodeNpy(VECTORS[RECORDS - 1]!));
  const result = await runTask(ingest);
  assert.equal(result.code, 1, "one is still broken");
  assert.match(result.stderr, /goes on after the first/);
  const { stored, skipped, failed, documents } = jsonOf(result);
  assert.deepEqual([failed, documents], [1, RECORDS - 1]);
  assert.equal(Number(stored) + Number(skipped) + Number(failed), RECORDS);
  assert.equal((await failuresIn(join(dir.path, "i"))).length, 1);
  const hits = (await ids(dir.path)).hits as { id: string; similarity: number }[];
  assert.equal(hits[0]!.id, name(4), "its vector is the new one");
  assert.ok(hits[0]!.similarity > 0.999);
});

Deno.test("ingest refuses to empty an index for a part of the records", async () => {
  await using dir = await tempDir();
  const ingest = await records(dir.path);
  await runTask([...ingest, "--bulk-size", "1000"]);
  for (const part of [["--retry-failed"], ["--shard", "1/2"]]) {
    const { code, stderr } = await runTask([...ingest, "--recreate-index", ...part]);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^ingest: Cannot use --recreate-index with ${part[0]}.*\n$`));
  }
  assert.equal(jsonOf(await runTask([...ingest, "--retry-failed"])).total, 0);
  assert.equal(jsonOf(await runTask(ingest)).documents, RECORDS);
});
