/** What vectorize makes of vectors and pictures that are there already, whoever made them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeNpy } from "../../lib/vectors/npy.ts";
import { encodeVct } from "../../lib/vectors/vct.ts";
import { importEncoder } from "../helpers/encoder.ts";
import { serve } from "../helpers/http_server.ts";
import { jsonOf, ROOT, runTask } from "../helpers/run_task.ts";
import { symlink } from "../helpers/files.ts";
import { tempDir } from "../helpers/temp_dir.ts";

const PHOTOS = ["ski_rocket.jpg", "skl_china.jpg", "skl_flower.jpg", "edge_exif6.jpg"];

/** Length of the encoder's vectors. */
const SIZE = 12;

/** Four records with pictures, and the arguments that make their vectors. */
async function fourPictures() {
  const dir = await tempDir();
  const [records, vectors] = [join(dir.path, "r"), join(dir.path, "v")];
  for (const folder of [records, vectors]) await Deno.mkdir(folder);
  const ids = ["a", "b", "c", "d"];
  for (const [i, id] of ids.entries()) {
    await Deno.writeTextFile(join(records, `${id}.json`), JSON.stringify({ id }));
    await Deno.copyFile(
      join(ROOT, "tests/fixtures/photos", PHOTOS[i]!),
      join(vectors, `${id}.jpg`),
    );
  }
  const model = await importEncoder(dir.path);
  return {
    ids,
    records,
    vectors,
    dir: dir.path,
    model,
    args: ["vectorize", "--records-dir", records, "--vectors-dir", vectors, "--model", model],
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

for (const format of ["npy", "vct", "txt"] as const) {
  Deno.test(`vectorize makes a damaged .${format} again, and leaves whole ones`, async () => {
    await using at = await fourPictures();
    const args = [...at.args, "--format", format, "--json"];
    assert.equal(jsonOf(await runTask(args)).stored, 4);
    const path = (id: string) => join(at.vectors, `${id}.${format}`);
    const whole = await Deno.readFile(path("a"));
    const damaged: [string, Uint8Array][] = [
      ["empty", new Uint8Array()],
      ["cut in its header", whole.slice(0, 40)],
      ["cut in its numbers", whole.slice(0, whole.length - 3)],
      ["of another size", new TextEncoder().encode("0.5\n")],
      ["zeros", new Uint8Array(whole.length)],
    ];
    for (const [what, bytes] of damaged) {
      if (format === "vct" && what === "zeros") continue; // a text without lines, as the second
      await Deno.writeFile(path("a"), bytes);
      const { stored, skipped } = jsonOf(await runTask(args));
      assert.deepEqual([stored, skipped], [1, 3], what);
      assert.deepEqual(await Deno.readFile(path("a")), whole, what);
    }
  });
}

Deno.test("vectorize takes whole vectors that other programs wrote for done", async () => {
  await using at = await fourPictures();
  assert.equal(jsonOf(await runTask([...at.args, "--json"])).stored, 4);
  const made = await Deno.readFile(join(at.vectors, "a.npy"));
  const vector = new Float32Array(made.slice(-4 * SIZE).buffer);
  const vct = encodeVct(vector).trimEnd(); // without an end of its last line
  await Deno.writeTextFile(join(at.vectors, "a.vct"), vct);
  const { skipped } = jsonOf(await runTask([...at.args, "--format", "vct", "--json"]));
  assert.equal(skipped, 1);
});

Deno.test("vectorize refuses to add to vectors that another model made, and says which differ", async () => {
  await using at = await fourPictures();
  const foreign = new Float32Array(SIZE).map((_, i) => Math.sin(i));
  await Deno.writeFile(join(at.vectors, "b.npy"), encodeNpy(foreign));
  const refused = await runTask(at.args);
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    /^vectorize: Cannot add vectors of model "encoder" to ".*": .*b\.npy" were made by another model, of other numbers \(similarity -?0\.\d\d\).*\n$/,
  );
  await Deno.writeFile(join(at.vectors, "b.npy"), encodeNpy(foreign.slice(0, SIZE / 2)));
  assert.match(
    (await runTask(at.args)).stderr,
    /b\.npy" were made by another model, that gives 6 numbers/,
  );
  const files = await Array.fromAsync(Deno.readDir(at.vectors), ({ name }) => name);
  assert.deepEqual(files.filter((name) => name.endsWith(".npy")), ["b.npy"]);
  const kept = await runTask([...at.args, "--suffix", "_new", "--json"]);
  assert.deepEqual([kept.code, jsonOf(kept).stored], [0, 4]);
  const anew = await runTask([...at.args, "--overwrite", "--json"]);
  assert.deepEqual([anew.code, jsonOf(anew).stored], [0, 4]);
});

Deno.test("vectorize adds to vectors of the same model that say nothing of it", async () => {
  await using at = await fourPictures();
  assert.equal((await runTask(at.args)).code, 0);
  await Deno.remove(join(at.vectors, ".maken"), { recursive: true });
  await Deno.remove(join(at.vectors, "d.npy"));
  const { stored, skipped } = jsonOf(await runTask([...at.args, "--json"]));
  assert.deepEqual([stored, skipped], [1, 3]);
});

Deno.test("vectorize says it once where vectors cannot be compared for want of pictures", async () => {
  await using at = await fourPictures();
  await Deno.writeFile(
    join(at.vectors, "a.npy"),
    encodeNpy(new Float32Array(SIZE).map((_, i) => Math.cos(i))),
  );
  await Deno.remove(join(at.vectors, "a.jpg"));
  const first = await runTask(at.args);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(first.stderr.match(/nothing says that model "encoder" made them/g)?.length, 1);
  assert.match(first.stderr, /3 stored, 1 skipped/);
  const note = JSON.parse(await Deno.readTextFile(join(at.vectors, ".maken/models.json")));
  assert.equal(note["*.npy"].unchecked, true);
  const second = await runTask(at.args);
  assert.doesNotMatch(second.stderr, /nothing says/);
});

Deno.test("vectorize finds pictures whose names end or are composed otherwise", async () => {
  await using at = await fourPictures();
  await Deno.rename(join(at.vectors, "a.jpg"), join(at.vectors, "a.JPG"));
  await Deno.rename(join(at.vectors, "b.jpg"), join(at.vectors, "b.Jpeg"));
  const [composed, decomposed] = ["blå".normalize("NFC"), "blå".normalize("NFD")];
  assert.notEqual(composed, decomposed);
  await Deno.rename(join(at.records, "c.json"), join(at.records, `${composed}.json`));
  await Deno.rename(join(at.vectors, "c.jpg"), join(at.vectors, `${decomposed}.jpg`));
  await Deno.rename(join(at.records, "d.json"), join(at.records, `x${decomposed}.json`));
  await Deno.rename(join(at.vectors, "d.jpg"), join(at.vectors, `x${composed}.jpg`));
  const { stored, skipped } = jsonOf(await runTask([...at.args, "--json"]));
  assert.deepEqual([stored, skipped], [4, 0]);
});

Deno.test("vectorize takes pictures from a folder of their own, mirrored or flat", async () => {
  await using at = await fourPictures();
  const objects = join(at.dir, "objects");
  await Deno.mkdir(join(at.records, "norway"));
  await Deno.mkdir(join(objects, "norway"), { recursive: true });
  for (const id of ["a", "b"]) {
    await Deno.rename(join(at.records, `${id}.json`), join(at.records, "norway", `${id}.json`));
  }
  await Deno.rename(join(at.vectors, "a.jpg"), join(objects, "norway/a.jpg"));
  for (const id of ["b", "c", "d"]) {
    await Deno.rename(join(at.vectors, `${id}.jpg`), join(objects, `${id}.JPG`));
  }
  const { stored } = jsonOf(await runTask([...at.args, "--objects-dir", objects, "--json"]));
  assert.equal(stored, 4);
  assert.ok((await Deno.stat(join(at.vectors, "norway/b.npy"))).isFile);
});

Deno.test("an empty picture is no picture that was fetched, and fails with its reason", async () => {
  await using at = await fourPictures();
  await Deno.writeFile(join(at.vectors, "a.jpg"), new Uint8Array());
  const { stderr, code } = await runTask(at.args);
  assert.equal(code, 1);
  assert.match(stderr, /3 stored, 0 skipped, 1 failed of 4 \[1 image_unreadable\]/);
});

Deno.test("vectorize says that one picture file is shared by too many records", async () => {
  await using at = await fourPictures();
  const photo = join(at.vectors, "a.jpg");
  for (let i = 0; i < 24; i++) {
    await Deno.writeTextFile(join(at.records, `p${i}.json`), `{"id":"p${i}"}`);
    await Deno.copyFile(photo, join(at.vectors, `p${i}.jpg`));
  }
  const { stderr } = await runTask(at.args);
  const lines = stderr.split("\n").filter((line) => line.includes("share one picture file"));
  assert.equal(lines.length, 1);
  assert.match(
    lines[0]!,
    /^\d{4}-\S+Z vectorize: 25 records share one picture file, such as "(a|p\d+)"/,
  );
  for (let i = 0; i < 5; i++) await Deno.remove(join(at.records, `p${i}.json`));
  const fewer = await runTask([...at.args, "--overwrite"]);
  assert.doesNotMatch(fewer.stderr, /share one picture/);
});

Deno.test("vectors of a model that is noted are neither added to nor replaced by another's", async () => {
  await using at = await fourPictures();
  const note = { "*.npy": { name: "clip", sha256: "abc" } };
  await Deno.mkdir(join(at.vectors, ".maken"));
  await Deno.writeTextFile(join(at.vectors, ".maken/models.json"), JSON.stringify(note));
  const foreign = encodeNpy(new Float32Array(SIZE * 2).fill(1));
  await Deno.writeFile(join(at.vectors, "a.npy"), foreign);
  const { code, stderr } = await runTask(at.args);
  assert.equal(code, 2);
  assert.match(stderr, /those that are there were made by another model, "clip"; --model names it/);
  assert.deepEqual(await Deno.readFile(join(at.vectors, "a.npy")), foreign);
});

Deno.test("a run with --overwrite that did not get through is to be done again", async () => {
  await using at = await fourPictures();
  const notePath = join(at.vectors, ".maken/models.json");
  const clip = { name: "clip", sha256: "abc" };
  await Deno.mkdir(join(at.vectors, ".maken"));
  await Deno.writeTextFile(notePath, JSON.stringify({ "*.npy": clip }));
  await Deno.writeFile(join(at.vectors, "d.npy"), encodeNpy(new Float32Array(SIZE).fill(1)));
  await Deno.writeTextFile(join(at.vectors, "d.jpg"), "no picture");
  assert.equal((await runTask([...at.args, "--overwrite"])).code, 1);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(notePath))["*.npy"].replacing, clip);
  const without = await runTask(at.args);
  assert.equal(without.code, 2);
  assert.match(
    without.stderr,
    /has not replaced all vectors of model "clip"; run it with --overwrite/,
  );
  await Deno.copyFile(join(at.vectors, "a.jpg"), join(at.vectors, "d.jpg"));
  assert.equal((await runTask([...at.args, "--overwrite"])).code, 0);
  assert.equal(JSON.parse(await Deno.readTextFile(notePath))["*.npy"].replacing, undefined);
  assert.equal((await runTask(at.args)).code, 0);
});

Deno.test("a run that makes no vector notes no model", async () => {
  await using at = await fourPictures();
  for (const id of at.ids) await Deno.writeTextFile(join(at.vectors, `${id}.jpg`), "no picture");
  assert.equal((await runTask(at.args)).code, 1);
  await assert.rejects(Deno.stat(join(at.vectors, ".maken/models.json")), Deno.errors.NotFound);
});

Deno.test("damaged vectors, and those of another suffix, say nothing of the model", async () => {
  await using at = await fourPictures();
  await Deno.writeFile(join(at.vectors, "a.npy"), encodeNpy(new Float32Array(SIZE)));
  await Deno.writeFile(join(at.vectors, "b_old.npy"), encodeNpy(new Float32Array(5).fill(1)));
  const { code, stderr } = await runTask(at.args);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /nothing says/);
});

Deno.test("vectorize --no-inference fetches beside what cannot be read, and survives dead links", async () => {
  await using at = await fourPictures();
  const photo = await Deno.readFile(join(at.vectors, "c.jpg"));
  await using host = serve(() => new Response(photo));
  await Deno.rename(join(at.vectors, "a.jpg"), join(at.vectors, "a.jp2"));
  await Deno.remove(join(at.vectors, "b.jpg"));
  await symlink("/nowhere/b.png", join(at.vectors, "b.png"));
  for (const id of ["a", "b"]) {
    const record = { id, _links: { thumbnail_large: { href: `/${id}.jpg` } } };
    await Deno.writeTextFile(join(at.records, `${id}.json`), JSON.stringify(record));
  }
  const fetching = ["--no-inference", "--download-images", "--base-url", host.url, "--delay", "0"];
  const result = await runTask([...at.args, ...fetching, "--json"]);
  const { stored, skipped } = jsonOf(result);
  assert.deepEqual([result.code, stored, skipped], [0, 2, 2], result.stderr);
  assert.equal(jsonOf(await runTask([...at.args, "--json"])).stored, 4);
});

Deno.test("vectorize --dry-run counts vectors of another size as to be made", async () => {
  await using at = await fourPictures();
  await Deno.writeFile(join(at.vectors, "a.npy"), encodeNpy(new Float32Array(SIZE / 2).fill(1)));
  await Deno.writeFile(join(at.vectors, "b.npy"), encodeNpy(new Float32Array(SIZE).fill(1)));
  const { done, onDisk } = jsonOf(await runTask([...at.args, "--dry-run", "--json"]));
  assert.deepEqual([done, onDisk], [1, 3]);
});

Deno.test("--objects-dir may be the vectors' folder", async () => {
  await using at = await fourPictures();
  const { code, stderr } = await runTask([
    ...at.args,
    "--objects-dir",
    at.vectors,
    "--download-images",
  ]);
  assert.equal(code, 0, stderr);
});
