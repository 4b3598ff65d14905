/** Documents with their vectors in one file, and runs that find nothing to ingest. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import { encodeVct } from "../../lib/vectors/vct.ts";
import { jsonOf, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";

async function write(path: string, content: unknown): Promise<void> {
  await Deno.mkdir(join(path, ".."), { recursive: true });
  const text = typeof content === "string" ? content : JSON.stringify(content);
  await Deno.writeTextFile(path, text);
}

const VECTOR = [0.5, -0.25, 0.125, 1];

Deno.test("ingest --format json takes documents with their vectors, each under its file's name", async () => {
  await using dir = await tempDir();
  const [vectors, records] = [join(dir.path, "v"), join(dir.path, "r")];
  const inner = {
    id: "a",
    filename: "digifoto_1",
    access: "EVERYWHERE",
    title: "Ski",
    creators: "Wilse",
    subject: ["snow", 7],
  };
  await write(join(vectors, "nb/a_inc.json"), { ...inner, vector: VECTOR });
  await write(join(vectors, "nb/b_inc.json"), { ...inner, vector: VECTOR.toReversed() }); // of "a"
  await write(join(vectors, "nb/c_inc.json"), { ...inner, vector: [1, 2, 3, 4] }); // without record
  await write(join(vectors, "nb/d_inc.json"), { ...inner, id: "d", vector: ["x"] });
  await write(join(vectors, "nb/e_inc.json"), "{");
  await write(join(vectors, "nb/f.json"), { ...inner, id: "f", vector: VECTOR }); // another suffix
  await write(join(records, "norway/b.json"), {
    id: "b",
    accessInfo: { accessAllowedFrom: "NORWAY" },
    metadata: { title: "Boat" },
  });
  const args = ["ingest", "--vectors-dir", vectors, "--records-dir", records, "--format", "json"]
    .concat("--suffix", "_inc", "--index-dir", join(dir.path, "i"), "--json");
  const result = await runTask(args);
  assert.equal(result.code, 1, result.stderr);
  const { total, stored, failed, errors } = jsonOf(result);
  assert.deepEqual([total, stored, failed], [5, 2, 3]);
  assert.deepEqual(errors, { record_id: 1, vector_file: 1, record_json: 1 });
  assert.match(result.stderr, /c_inc\.json": it tells of "a", and there is no record "c" in/);
  await using index = await EmbeddedIndex.open({
    dir: join(dir.path, "i"),
    name: "images.knn",
    mode: "read",
  });
  const [a, b] = [await index.get("id", "a"), await index.get("id", "b")];
  assert.deepEqual([a?.document.title, a?.document.access], ["Ski", "everywhere"]);
  assert.deepEqual([a?.document.creators, a?.document.subject], [["Wilse"], ["snow"]]);
  assert.deepEqual([b?.document.title, b?.document.access], ["Boat", "norway"]);
  assert.deepEqual([...a!.vector], VECTOR);
  assert.deepEqual([...b!.vector], VECTOR.toReversed());
});

Deno.test("ingest --format json reads fields as those of records are read", async () => {
  await using dir = await tempDir();
  const long = "9007199254740993";
  const documents = {
    a: {
      title: ["", "Ski"],
      creators: [{ name: "Wilse" }],
      subject: { topic: "snow" },
      date: 1905,
    },
    b: { title: { value: "Boat" }, access: ["EVERYWHERE"], creators: ["A", 3], filename: 7 },
    "12345": { id: 12345, title: 1905, vector: [VECTOR] },
    "67": { id: 67, access: "Å".repeat(33_000), vector: VECTOR.map((n) => [n]) },
  };
  for (const [id, document] of Object.entries(documents)) {
    await write(join(dir.path, "v", `${id}.json`), { id, vector: VECTOR, ...document });
  }
  await write(join(dir.path, "v", `${long}.json`), `{"id":${long},"vector":[1,2,3,4]}`);
  await write(join(dir.path, "v/two.json"), { id: "two", vector: [VECTOR, VECTOR] });
  const args = ["ingest", "--vectors-dir", join(dir.path, "v"), "--format", "json"];
  const result = await runTask([...args, "--index-dir", join(dir.path, "i"), "--json"]);
  assert.deepEqual(jsonOf(result).errors, { vector_file: 1 }, result.stderr);
  assert.match(result.stderr, /1 record with something that is no text, .*: creators of "b"/);
  await using index = await EmbeddedIndex.open({
    dir: join(dir.path, "i"),
    name: "images.knn",
    mode: "read",
  });
  const document = async (id: string) => (await index.get("id", id))!.document;
  const a = await document("a");
  assert.deepEqual([a.title, a.creators, a.subject, a.date], ["Ski", ["Wilse"], ["snow"], "1905"]);
  const b = await document("b");
  assert.deepEqual([b.title, b.access, b.creators, b.filename], ["Boat", "everywhere", ["A"], "7"]);
  assert.equal((await document("12345")).title, "1905");
  assert.equal((await document("67")).access, "å".repeat(16_383));
  assert.equal((await document(long)).id, long);
  assert.deepEqual([...(await index.get("id", "67"))!.vector], VECTOR);
});

Deno.test("ingest --format json finds records in the folder of the documents", async () => {
  await using dir = await tempDir();
  const at = join(dir.path, "d");
  for (const id of ["a", "b"]) {
    await write(join(at, `${id}.json`), { id, metadata: { title: `Title ${id}` } });
    await write(join(at, `${id}_v.json`), { id: "b", title: "Title b", vector: VECTOR });
  }
  // What has the name of a record, and is another document, or another's record.
  await write(join(at, "c.json"), { id: "c", title: "Title c", vector: VECTOR });
  await write(join(at, "d.json"), { id: "b", metadata: { title: "Title b" } });
  for (const id of ["c", "d"]) await write(join(at, `${id}_v.json`), { id: "b", vector: VECTOR });
  await write(join(at, "_v.json"), { id: "", vector: VECTOR });
  const args = ["ingest", "--vectors-dir", at, "--records-dir", at, "--format", "json"];
  const result = await runTask(
    [...args, "--suffix", "_v", "--index-dir", join(dir.path, "i"), "--json"],
  );
  const { stored, errors } = jsonOf(result);
  assert.deepEqual([stored, errors], [2, { record_id: 3 }], result.stderr);
  assert.match(
    result.stderr,
    /tells of "b", and there is no record "c" in ".*d" \(--records-dir\)/,
  );
  assert.match(result.stderr, /_v\.json": its name has no id/);
  await using index = await EmbeddedIndex.open({
    dir: join(dir.path, "i"),
    name: "images.knn",
    mode: "read",
  });
  for (const id of ["a", "b"]) {
    assert.equal((await index.get("id", id))?.document.title, `Title ${id}`);
  }
});

Deno.test("ingest --format json needs no records where the files are right", async () => {
  await using dir = await tempDir();
  await write(join(dir.path, "v/a.json"), { id: "a", title: "Ski", vector: VECTOR });
  const args = ["ingest", "--vectors-dir", join(dir.path, "v"), "--format", "json"]
    .concat("--index-dir", join(dir.path, "i"), "--json");
  const result = await runTask(args);
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual([jsonOf(result).stored, jsonOf(result).documents], [1, 1]);
});

Deno.test("ingest says once that .npy files hold text", async () => {
  await using dir = await tempDir();
  for (const id of ["a", "b"]) {
    await write(join(dir.path, "r", `${id}.json`), { id });
    await write(join(dir.path, "v", `${id}.npy`), encodeVct(Float32Array.from(VECTOR)));
  }
  const { code, stderr } = await runTask(
    ["ingest", "--records-dir", join(dir.path, "r"), "--vectors-dir", join(dir.path, "v")]
      .concat("--index-dir", join(dir.path, "i")),
  );
  assert.equal(code, 0, stderr);
  assert.equal(stderr.match(/2 \.npy files hold text, and were read as \.vct/g)?.length, 1);
  assert.match(stderr, /2 stored/);
});

Deno.test("ingest takes the vectors that scripts wrote with the ending .txt", async () => {
  await using dir = await tempDir();
  for (const id of ["a", "b"]) {
    await write(join(dir.path, "r", `${id}.json`), { id });
    await write(join(dir.path, "v", `${id}_v.txt`), encodeVct(Float32Array.from(VECTOR)));
  }
  const result = await runTask(
    ["ingest", "--records-dir", join(dir.path, "r"), "--vectors-dir", join(dir.path, "v")]
      .concat("--index-dir", join(dir.path, "i"), "--format", "txt", "--suffix", "_v", "--json"),
  );
  assert.equal(result.code, 0, result.stderr);
  assert.equal(jsonOf(result).stored, 2);
  assert.equal(result.stderr.includes("hold text"), false);
  const found = await runTask(
    ["search", "--vector", join(dir.path, "v/a_v.txt"), "--index-dir", join(dir.path, "i")],
  );
  assert.equal(found.code, 0, found.stderr);
});

Deno.test("ingest that finds nothing ends with 1, and says what to look at", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(join(dir.path, "v"));
  for (const id of ["a", "b"]) await write(join(dir.path, "r", `${id}.json`), { id });
  const args = [
    "ingest",
    "--records-dir",
    join(dir.path, "r"),
    "--vectors-dir",
    join(dir.path, "v"),
  ]
    .concat("--index-dir", join(dir.path, "i"), "--suffix", "_inception");
  const without = await runTask(args);
  assert.equal(without.code, 1);
  assert.match(
    without.stderr,
    /not one of 2 records has a vector "<id>_inception\.npy" in ".*": look at --vectors-dir, --suffix and --format$/m,
  );
  assert.deepEqual(await Array.fromAsync(Deno.readDir(join(dir.path, "i")), ({ name }) => name), [
    ".maken",
  ]);
  const shard = await runTask([...args, "--shard", "1/1000"]);
  assert.equal(shard.code, 0, "a part may well be empty");
  await Deno.mkdir(join(dir.path, "none"));
  const none = await runTask(
    ["ingest", "--records-dir", join(dir.path, "none"), "--vectors-dir", join(dir.path, "v")]
      .concat("--index-dir", join(dir.path, "i")),
  );
  assert.equal(none.code, 1);
  assert.match(none.stderr, /there is no record in ".*none"$/m);
});

Deno.test("ingest names a mapping file that is not there", async () => {
  await using dir = await tempDir();
  const data = ["--records-dir", dir.path, "--vectors-dir", dir.path, "--index-dir", dir.path];
  for (const mapping of ["./nowhere/images.knn.mapping", "images.knn.mapping"]) {
    const { code, stderr } = await runTask(["ingest", ...data, "--mapping", mapping]);
    assert.equal(code, 2);
    assert.equal(stderr, `ingest: Cannot read mapping file "${mapping}": no such file\n`);
  }
});

Deno.test("ingest says once how many records have something that it leaves out", async () => {
  await using dir = await tempDir();
  for (const [id, title] of [["a", false], ["b", "Ski"], ["c", true]] as const) {
    await write(join(dir.path, "r", `${id}.json`), { id, metadata: { title } });
    await write(join(dir.path, "v", `${id}.vct`), encodeVct(Float32Array.from(VECTOR)));
  }
  const { code, stderr } = await runTask(
    ["ingest", "--records-dir", join(dir.path, "r"), "--vectors-dir", join(dir.path, "v")]
      .concat("--format", "vct", "--index-dir", join(dir.path, "i")),
  );
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /2 records with something that is no text, which is left out: title of "a" is/,
  );
  assert.match(stderr, /3 stored/);
});
