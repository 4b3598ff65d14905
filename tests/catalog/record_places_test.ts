import assert from "node:assert/strict";
import { join } from "node:path";
import { parseGroupBy } from "../../lib/catalog/group_by.ts";
import { IdMemory } from "../../lib/catalog/ids/id_memory.ts";
import { RecordPlaces } from "../../lib/catalog/ids/record_places.ts";
import { RecordStore } from "../../lib/catalog/record_store.ts";
import { countRecords, type Selection, selectRecords } from "../../lib/catalog/selection.ts";
import { OutputFolder } from "../../lib/shared/output_folder.ts";
import { makeFiles } from "../helpers/files.ts";
import { tempDir } from "../helpers/temp_dir.ts";

/** Writes a record's file, with a time in seconds. */
async function write(root: string, path: string, id: string, time: number): Promise<void> {
  await makeFiles(root, [path], JSON.stringify({ id }));
  await Deno.utime(join(root, path), time, time);
}

/** What is selected in a folder, and what is said of it. */
async function selected(recordsDir: string, given: Partial<Selection> = {}, byName = false) {
  const selection = {
    ...{ recordsDir, recordsGlob: "**/*", passOver: 0, shard: undefined, retryFailed: false },
    ...{ outputDir: join(recordsDir, "out"), ...given },
  };
  using places = await RecordPlaces.open({ ...selection, byName });
  const lists = await Array.fromAsync(selectRecords({ ...selection, places }));
  const paths = lists.flat().map(({ path }) => path.slice(recordsDir.length + 1));
  assert.equal(await countRecords({ ...selection, places }), paths.length);
  return { paths: paths.sort(), notice: places.notice };
}

/** Puts records as a download does, and calls `during` before it has ended. */
async function put(dir: string, records: readonly unknown[], during = () => Promise.resolve()) {
  await using output = await OutputFolder.open(dir, "download");
  const keys = parseGroupBy("access");
  await using ids = await IdMemory.open(output, keys.length);
  const store = new RecordStore(output, ids, keys, false);
  for (const record of records) store.put(record);
  await during();
}

Deno.test("of the files of one id in several folders, the one that was written last counts", async () => {
  await using dir = await tempDir();
  const files: [path: string, id: string, time: number][] = [
    ["EVERYWHERE/a.json", "a", 2000],
    ["NB/a.json", "a", 3000],
    ["everywhere/a.json", "a", 1000],
    ["everywhere/b.json", "b", 5000],
    ["nb/b.json", "b", 4000],
    ["nb/c.json", "c", 4000],
  ];
  for (const [path, id, time] of files) await write(dir.path, path, id, time);
  assert.deepEqual(await selected(dir.path), {
    paths: ["NB/a.json", "everywhere/b.json", "nb/c.json"],
    notice: "3 records lie in a second folder as well: the file that came last counts",
  });
  const shards = [1, 2, 3].map((index) => selected(dir.path, { shard: { index, count: 3 } }));
  const inShards = (await Promise.all(shards)).flatMap(({ paths }) => paths);
  assert.deepEqual(inShards.sort(), ["NB/a.json", "everywhere/b.json", "nb/c.json"]);
  const some = await selected(dir.path, { recordsGlob: "nb/*" });
  assert.deepEqual(some, { paths: ["nb/b.json", "nb/c.json"], notice: undefined });
});

Deno.test("files of one name that hold other ids are all taken, and a damaged one is not preferred", async () => {
  await using dir = await tempDir();
  await write(dir.path, "2020/1.json", "a", 1000);
  await write(dir.path, "2021/1.json", "b", 2000);
  assert.equal((await selected(dir.path)).paths.length, 2);
  const byName = await selected(dir.path, {}, true);
  assert.deepEqual(byName.paths, ["2021/1.json"]);
  await write(dir.path, "nb/c.json", "c", 1000);
  await makeFiles(dir.path, ["norway/c.json"], '{"id":"c');
  assert.ok((await selected(dir.path)).paths.includes("nb/c.json"));
  assert.ok(!(await selected(dir.path)).paths.includes("norway/c.json"));
});

Deno.test("the memory of a folder says which file counts, whatever their times", async () => {
  await using dir = await tempDir();
  await write(dir.path, "everywhere/a.json", "a", 2000);
  await write(dir.path, "nb/a.json", "a", 1000);
  await put(dir.path, []);
  await Deno.utime(join(dir.path, "nb/a.json"), 3000, 3000);
  const { paths, notice } = await selected(dir.path);
  assert.deepEqual(paths, ["everywhere/a.json"]);
  assert.equal(notice, "1 record lies in a second folder as well: the file that came last counts");
  await put(dir.path, [{ id: "a", access: "NORWAY" }]);
  assert.deepEqual(await selected(dir.path), { paths: ["norway/a.json"], notice: undefined });
});

Deno.test("a memory that is missing, damaged, locked or behind does not stop those who read", async () => {
  await using dir = await tempDir();
  const memory = join(dir.path, ".maken/ids.sqlite");
  const isRight = async () => {
    const { paths } = await selected(dir.path);
    assert.deepEqual(paths, ["norway/a.json"]);
  };
  await put(dir.path, [{ id: "a", access: "NB" }]);
  await put(dir.path, [{ id: "a", access: "NORWAY" }], isRight); // while it is written
  await isRight();
  // Put back by hand: older, and not known of.
  await write(dir.path, "library/a.json", "a", 1000);
  await isRight();
  for (const text of ["", "damaged, but longer than the head of a file of SQLite's would be"]) {
    await Deno.writeTextFile(memory, text);
    await isRight();
  }
  await Deno.chmod(memory, 0o000);
  await isRight();
  await Deno.remove(memory);
  await isRight();
  await Deno.mkdir(memory);
  await isRight();
});

Deno.test("folders that a record lay in are known until the memory is lost", async () => {
  await using dir = await tempDir();
  const open = () => RecordPlaces.open({ recordsDir: dir.path, recordsGlob: "**/*" });
  for (const access of ["NB", "EVERYWHERE", "NORWAY"]) await put(dir.path, [{ id: "a", access }]);
  {
    using places = await open();
    assert.deepEqual(places.earlierFolders("a").toSorted(), ["everywhere", "nb"]);
    assert.deepEqual(places.earlierFolders("b"), []);
  }
  await Deno.remove(join(dir.path, ".maken/ids.sqlite"));
  using places = await open();
  assert.deepEqual(places.earlierFolders("a"), []);
});
