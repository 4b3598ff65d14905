import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeNpy } from "../../lib/vectors/npy.ts";
import { randomVectors } from "../index/contract.ts";
import { failuresIn } from "../helpers/files.ts";
import { jsonOf, ROOT, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";

/** Ten records in two folders with vectors of 16 numbers, and the arguments that name them. */
async function smallSet(dir: string) {
  const vectors = randomVectors(10, 16);
  for (const [i, vector] of vectors.entries()) {
    const folder = i < 5 ? "everywhere" : "nb";
    for (const part of ["r", "v"]) {
      await Deno.mkdir(join(dir, part, folder), { recursive: true });
    }
    const record = {
      id: `id${i}`,
      accessInfo: { accessAllowedFrom: folder.toUpperCase() },
      metadata: { title: `Picture ${i}`, identifiers: { urn: `URN:NBN:no-nb_digifoto_${i}` } },
    };
    await Deno.writeTextFile(join(dir, `r/${folder}/id${i}.json`), JSON.stringify(record));
    await Deno.writeFile(join(dir, `v/${folder}/id${i}.npy`), encodeNpy(vector));
  }
  const args = ["--records-dir", join(dir, "r"), "--vectors-dir", join(dir, "v")];
  return { vectors, ingest: ["ingest", ...args, "--index-dir", join(dir, "i")] };
}

Deno.test("ingest loads all once, skips what is unchanged, replaces what changed", async () => {
  await using dir = await tempDir();
  const { ingest } = await smallSet(dir.path);
  const first = await runTask([...ingest, "--bulk-size", "4"]);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /10 stored, 0 skipped, 0 failed of 10/);
  const again = jsonOf(await runTask([...ingest, "--json"]));
  assert.deepEqual([again.stored, again.skipped, again.documents], [0, 10, 10]);
  await Deno.writeTextFile(join(dir.path, "r/nb/id7.json"), '{"id":"id7"}');
  const changed = jsonOf(await runTask([...ingest, "--json"]));
  assert.deepEqual([changed.stored, changed.skipped, changed.documents], [1, 9, 10]);
});

Deno.test("ingest counts and names what it cannot use, and indexes the rest", async () => {
  await using dir = await tempDir();
  const { ingest, vectors } = await smallSet(dir.path);
  const vector = (name: string) => join(dir.path, "v/everywhere", name);
  await Deno.remove(vector("id0.npy"));
  await Deno.writeFile(vector("id1.npy"), encodeNpy(new Float32Array(16)));
  await Deno.writeFile(vector("id2.npy"), encodeNpy(vectors[2]!.with(3, NaN)));
  await Deno.writeFile(vector("id3.npy"), encodeNpy(vectors[3]!.slice(0, 8)));
  await Deno.writeTextFile(vector("id4.npy"), "not NumPy");
  await Deno.writeTextFile(join(dir.path, "r/nb/id5.json"), "{");
  const result = await runTask([...ingest, "--json"]);
  assert.equal(result.code, 1);
  const { stored, skipped, failed, errors } = jsonOf(result);
  assert.deepEqual([stored, skipped, failed], [4, 1, 5]);
  assert.deepEqual(errors, { vector_values: 2, vector_size: 1, vector_file: 1, record_json: 1 });
  assert.equal((await failuresIn(join(dir.path, "i"))).length, 5);
  assert.match(result.stderr, /skipped without a vector: 1$/m);
  // Nothing is left but vectors of wrong sizes, more of them than of the right one.
  for (const name of ["id1.npy", "id2.npy", "id4.npy"]) {
    await Deno.writeFile(vector(name), encodeNpy(vectors[1]!.slice(0, 8)));
  }
  await Deno.writeTextFile(join(dir.path, "r/nb/id5.json"), '{"id":"id5"}');
  for (const expected of [[1, 5, 1, 4], [1, 4, 0, 4]]) {
    const again = await runTask([...ingest, "--retry-failed", "--json"]);
    const { total, stored, failed } = jsonOf(again);
    assert.deepEqual([again.code, total, stored, failed], expected, again.stderr);
  }
});

Deno.test("ingest names the index by a mapping file too, and begins it anew", async () => {
  await using dir = await tempDir();
  const { ingest } = await smallSet(dir.path);
  const mapping = join(dir.path, "photos.knn.mapping");
  await Deno.writeTextFile(mapping, "{}");
  const made = jsonOf(await runTask([...ingest, "--mapping", mapping, "--json"]));
  assert.deepEqual([made.index, made.stored], ["photos.knn", 10]);
  const args = [...ingest, "--mapping", "photos.knn", "--recreate-index", "--skip", "7", "--json"];
  const anew = jsonOf(await runTask(args));
  assert.deepEqual([anew.total, anew.stored, anew.documents], [3, 3, 3]);
});

Deno.test("search finds by id, vector and image; a table for people, JSON for programs", async () => {
  await using dir = await tempDir();
  const { ingest } = await smallSet(dir.path);
  await runTask(ingest);
  const index = ["--index-dir", join(dir.path, "i")];
  const byId = jsonOf(await runTask(["search", "--id", "id3", "-k", "4", ...index, "--json"]));
  const hits = byId.hits as { rank: number; similarity: number; id: string; access: string }[];
  assert.deepEqual(hits.map(({ rank }) => rank), [1, 2, 3, 4]);
  assert.ok(hits.every(({ id }) => id !== "id3"));
  assert.ok(hits.every(({ similarity }, i) => i === 0 || similarity <= hits[i - 1]!.similarity));
  const file = join(dir.path, "v/everywhere/id3.npy");
  const table = await runTask(["search", "--vector", file, "-k", "2", ...index]);
  assert.equal(table.code, 0, table.stderr);
  const [head, first] = table.stdout.split("\n");
  assert.match(head!, /^rank +similarity +id +title +access$/);
  assert.match(first!, /^ +1 +1\.0000 +id3 +Picture 3 +everywhere$/);
});

Deno.test("search by image embeds it with the model", async () => {
  await using dir = await tempDir();
  const photo = join(ROOT, "tests/fixtures/photos/ski_rocket.jpg");
  for (const name of ["ski_rocket.jpg", "skl_china.jpg", "edge_exif6.jpg"]) {
    const stem = name.split(".")[0];
    await Deno.mkdir(join(dir.path, "r"), { recursive: true });
    await Deno.mkdir(join(dir.path, "v"), { recursive: true });
    await Deno.writeTextFile(join(dir.path, `r/${stem}.json`), JSON.stringify({ id: stem }));
    const vector = join(ROOT, `tests/fixtures/reference/${name}.npy`);
    await Deno.copyFile(vector, join(dir.path, `v/${stem}.npy`));
  }
  const index = ["--index-dir", join(dir.path, "i")];
  await runTask(
    ["ingest", "--records-dir", join(dir.path, "r"), "--vectors-dir", join(dir.path, "v")]
      .concat(index),
  );
  const result = await runTask(["search", "--image", photo, "--model", "demo", ...index, "--json"]);
  assert.equal(result.code, 0, result.stderr);
  const hits = jsonOf(result).hits as { id: string; similarity: number }[];
  assert.deepEqual(hits.map(({ id }) => id), ["ski_rocket", "edge_exif6", "skl_china"]);
  assert.ok(hits[0]!.similarity > 0.99999);
});

Deno.test("ingest and search explain in one line what they cannot use, and end with 2", async () => {
  await using dir = await tempDir();
  const { ingest } = await smallSet(dir.path);
  await runTask(ingest);
  const index = ["--index-dir", join(dir.path, "i")];
  const text = join(dir.path, "text.npy");
  await Deno.writeTextFile(text, "no vector");
  const none = join(dir.path, "none");
  const cases: [string[], RegExp][] = [
    [["ingest", "--records-dir", none, "--vectors-dir", none, ...index], /no such file or folder/],
    [["ingest", "--vectors-dir", none], /records' folder is missing/],
    [
      ["ingest", "--recreate-index", "--records-dir", dir.path, "--vectors-dir", none, ...index],
      /Cannot read folder ".*none"/,
    ],
    [[...ingest, "--mapping", "../x"], /mapping file "..\/x": no such file/],
    [[...ingest, "--mapping", "x y"], /neither a file nor the name of an index/],
    [[...ingest, "--format", "csv"], /one of npy, vct/],
    [["search", ...index], /one of --id, --image, --vector and --text/],
    [["search", "--id", "none", ...index], /"none".*not in index/],
    [["search", "--id", "x", "--index", "none", ...index], /none\.sqlite.*deno task ingest/],
    [["search", "--vector", none, ...index], /no such file/],
    [["search", "--vector", text, ...index], /not a vector/],
    [["search", "--image", text, "--model", "demo", ...index], /Cannot search by image/],
    [["search", "--id", "id1", "-k", "0", ...index], /from 1 to 1000/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runTask(args);
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  }
  assert.equal(jsonOf(await runTask([...ingest, "--json"])).skipped, 10, "nothing was lost");
});
