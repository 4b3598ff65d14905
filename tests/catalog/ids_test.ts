import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseGroupBy } from "../../lib/catalog/group_by.ts";
import { IdMemory } from "../../lib/catalog/ids/id_memory.ts";
import { RecordStore } from "../../lib/catalog/record_store.ts";
import { FileError } from "../../lib/shared/errors.ts";
import { OutputFolder } from "../../lib/shared/output_folder.ts";
import { makeFiles, setupError, symlink } from "../helpers/files.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles } from "../helpers/walk_files.ts";

const filesIn = (path: string) => Array.fromAsync(walkFiles(path));

/** What one run does in a folder: puts records, in folders by `access` or by `groupby`. */
async function run(dir: string, records: readonly unknown[], groupby = "access") {
  const keys = parseGroupBy(groupby);
  const notices: string[] = [];
  await using output = await OutputFolder.open(dir, "download");
  await using ids = await IdMemory.open(output, keys.length, (text) => notices.push(text));
  const store = new RecordStore(output, ids, keys, false);
  const results = records.map((record) => store.put(record).result);
  return { results, moved: store.moved, notices };
}

/** Writes files with the same time, or one that is later by `later` seconds. */
async function writeOld(dir: string, file: string, id: string, later = 0): Promise<void> {
  await makeFiles(dir, [file], JSON.stringify({ id, old: true }));
  await Deno.utime(join(dir, file), 1e9 + later, 1e9 + later);
}

/** Changes the memory of a folder as no run of Maken does. */
function change(dir: string, sql: string): void {
  const db = new DatabaseSync(join(dir, ".maken/ids.sqlite"));
  db.exec(sql);
  db.close();
}

Deno.test("a record whose group changes has one file, where it belongs now", async () => {
  await using dir = await tempDir();
  const others = [{ id: "b", access: "NB" }, { id: "c", access: "LIBRARY" }];
  for (const [n, access] of ["NB", "EVERYWHERE", "NORWAY", "NB"].entries()) {
    const { results, moved } = await run(dir.path, [{ id: "a", access, n }, ...others]);
    const other = n === 0 ? "stored" : "skipped";
    assert.deepEqual([results, moved], [["stored", other, other], n === 0 ? 0 : 1]);
    const own = `${access.toLowerCase()}/a.json`;
    assert.deepEqual(await filesIn(dir.path), [own, "library/c.json", "nb/b.json"].sort());
    assert.equal(JSON.parse(await Deno.readTextFile(join(dir.path, own))).n, n);
    assert.deepEqual((await run(dir.path, [{ id: "a", access, n: -1 }])).results, ["skipped"]);
  }
});

Deno.test("a record that comes twice in one run lies where it came last", async () => {
  await using dir = await tempDir();
  await run(dir.path, ["NB", "NORWAY", "NB"].map((access) => ({ id: "a", access })));
  assert.deepEqual(await filesIn(dir.path), ["nb/a.json"]);
});

Deno.test("records move between folders of any keys and numbers of levels", async () => {
  await using dir = await tempDir();
  const record = { id: "a", access: "NB", day: "2020-01-02", title: "T" };
  for (
    const [groupby, path] of [
      ["day:DATE,access", "2020-01-02/nb/a.json"],
      ["access", "nb/a.json"],
      ["", "a.json"],
      ["title", "t/a.json"],
    ] as const
  ) {
    await run(dir.path, [record], groupby);
    assert.deepEqual(await filesIn(dir.path), [path]);
  }
});

Deno.test("what lies there from runs without a memory, or is put there without it, moves too", async () => {
  await using dir = await tempDir();
  await writeOld(dir.path, "NB/a.json", "a");
  await writeOld(dir.path, "everywhere/b.json", "b");
  const wanted = [{ id: "a", access: "NORWAY" }, { id: "b", access: "EVERYWHERE" }];
  assert.deepEqual((await run(dir.path, wanted)).results, ["stored", "skipped"]);
  assert.deepEqual(await filesIn(dir.path), ["everywhere/b.json", "norway/a.json"]);
  await writeOld(dir.path, "library/c.json", "c");
  await writeOld(dir.path, "everywhere/c.json", "c", 1);
  assert.deepEqual((await run(dir.path, [{ id: "c", access: "EVERYWHERE" }])).moved, 1);
  assert.deepEqual(
    await filesIn(dir.path),
    ["everywhere/b.json", "everywhere/c.json", "norway/a.json"],
  );
});

Deno.test("of two files the catalogue's word decides, and what it gave last is stored", async () => {
  await using dir = await tempDir();
  await writeOld(dir.path, "nb/a.json", "a");
  await writeOld(dir.path, "norway/a.json", "a", 1);
  await writeOld(dir.path, "library/a.json", "a");
  const { results } = await run(dir.path, [{ id: "a", access: "NB", is: "new" }]);
  assert.deepEqual(results, ["stored"]);
  assert.deepEqual(await filesIn(dir.path), ["nb/a.json"]);
  assert.match(await Deno.readTextFile(join(dir.path, "nb/a.json")), /new/);
});

Deno.test("records that lie in folders with names in capitals stay there", async () => {
  await using dir = await tempDir();
  await writeOld(dir.path, "NORWAY/a.json", "a");
  await makeFiles(dir.path, ["norway/b.json"], '{"id":"b"}');
  const { results } = await run(dir.path, [{ id: "a", access: "NORWAY" }]);
  assert.deepEqual(results, ["skipped"]);
  assert.deepEqual(await filesIn(dir.path), ["NORWAY/a.json", "norway/b.json"]);
});

Deno.test("nothing goes that is not the record's older file", async () => {
  await using dir = await tempDir();
  await run(dir.path, [{ id: "a", access: "NB" }, { id: "b", access: "NB" }]);
  await makeFiles(dir.path, ["nb/a.json"], '{"id":"other"}');
  await makeFiles(dir.path, ["week/.maken/x", "week/b.json", "x/y/nb/b.json"], '{"id":"b"}');
  // Another name of the same folder.
  await symlink("nb", join(dir.path, "library"));
  await run(dir.path, [{ id: "a", access: "NORWAY" }, { id: "b", access: "LIBRARY" }]);
  const left = ["nb/a.json", "nb/b.json", "norway/a.json", "week/b.json", "x/y/nb/b.json"];
  assert.deepEqual(await filesIn(dir.path), left);
});

Deno.test("a run that was killed while a record moved loses nothing, and the next one ends it", async () => {
  for (const written of [false, true]) {
    await using dir = await tempDir();
    await run(dir.path, [{ id: "a", access: "NB" }]);
    // The memory knows of the move before it is done.
    change(
      dir.path,
      `UPDATE record SET folder = 'norway';
      INSERT INTO earlier VALUES ('a', 'nb', 1);
      UPDATE folder SET changed = NULL`,
    );
    if (written) await makeFiles(dir.path, ["norway/a.json"], '{"id":"a"}');
    const { results, moved } = await run(dir.path, [{ id: "a", access: "NORWAY" }]);
    assert.deepEqual([results, moved], [[written ? "skipped" : "stored"], 1]);
    assert.deepEqual(await filesIn(dir.path), ["norway/a.json"]);
  }
});

Deno.test("a memory that is damaged or of another format is made anew, and says so", async () => {
  const damages: [string, (path: string) => Promise<void> | void][] = [
    ["it is damaged", (path) => Deno.writeTextFile(path, "not a database, but longer than a head")],
    ["it is damaged", async (path) => {
      const bytes = await Deno.readFile(path);
      await Deno.writeFile(path, bytes.fill(0x5a, 200));
    }],
    ["it has another format", (path) => {
      const db = new DatabaseSync(path);
      db.exec("PRAGMA user_version = 99");
      db.close();
    }],
    ["it is damaged", (path) => {
      const db = new DatabaseSync(path);
      db.exec("DROP TABLE earlier");
      db.close();
    }],
  ];
  for (const [what, damage] of damages) {
    await using dir = await tempDir();
    await run(dir.path, [{ id: "a", access: "NB" }]);
    const path = join(dir.path, ".maken/ids.sqlite");
    await damage(path);
    const { notices, moved } = await run(dir.path, [{ id: "a", access: "NORWAY" }]);
    assert.deepEqual(notices, [`"${path}" is made anew from the records in the folder: ${what}`]);
    assert.equal(moved, 1);
    assert.deepEqual(await filesIn(dir.path), ["norway/a.json"]);
  }
});

Deno.test("a memory that was emptied or cut is filled again without a word", async () => {
  await using dir = await tempDir();
  await run(dir.path, [{ id: "a", access: "NB" }]);
  await Deno.writeTextFile(join(dir.path, ".maken/ids.sqlite"), "");
  const { notices, moved } = await run(dir.path, [{ id: "a", access: "NORWAY" }]);
  assert.deepEqual([notices, moved], [[], 1]);
});

Deno.test("a first look that was cut off is ended by the next run", async () => {
  await using dir = await tempDir();
  const groups = ["nb", "norway", "library"];
  for (const group of groups) await writeOld(dir.path, `${group}/${group}.json`, group);
  await run(dir.path, []);
  // It had seen the top, and one of the folders there.
  change(
    dir.path,
    `UPDATE folder SET changed = NULL WHERE path NOT IN ('', 'nb');
    DELETE FROM record WHERE id <> 'nb'`,
  );
  const records = groups.map((id) => ({ id, access: "EVERYWHERE" }));
  assert.equal((await run(dir.path, records)).moved, groups.length);
});

Deno.test("another program's file, and a link, are not taken for a memory", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, ".maken/ids.sqlite");
  await makeFiles(dir.path, [".maken/x"]);
  const db = new DatabaseSync(path);
  db.exec("CREATE TABLE theirs (x)");
  db.close();
  const before = await Deno.readFile(path);
  assert.equal(
    await setupError(run(dir.path, [])),
    `Cannot use "${path}": it is not Maken's; move it away and run the same command again`,
  );
  assert.deepEqual(await Deno.readFile(path), before);
  await Deno.remove(path);
  await Deno.mkdir(path);
  assert.match(await setupError(run(dir.path, [])), /^Cannot write "[^"]*ids\.sqlite": /);
  await Deno.remove(path);
  await using elsewhere = await tempDir();
  await symlink(join(elsewhere.path, "ids.sqlite"), path);
  assert.match(await setupError(run(dir.path, [])), /it is a symbolic link that leads elsewhere$/);
  assert.deepEqual(await filesIn(elsewhere.path), []);
});

Deno.test("whatever a memory says, nothing outside the folder goes", async () => {
  await using dir = await tempDir();
  const root = join(dir.path, "one/two");
  const outside = ["one/a.json", "one/two-more/a.json"];
  await makeFiles(dir.path, outside, '{"id":"a"}');
  for (const folder of ["..", "../two-more", "nb/../..", join(dir.path, "one"), ".maken", "./nb"]) {
    await makeFiles(root, ["nb/a.json", ".maken/a.json"], '{"id":"a"}');
    await run(root, [{ id: "a", access: "NB" }]);
    change(root, `UPDATE record SET folder = '${folder}'`);
    const message = await setupError(run(root, [{ id: "a", access: "NORWAY" }]));
    assert.match(message, /ids\.sqlite": it was damaged, and is removed; run the same command/);
    const { moved } = await run(root, [{ id: "a", access: "NORWAY" }]);
    assert.equal(moved, 1);
    for (const path of outside) await Deno.stat(join(dir.path, path));
    await Deno.stat(join(root, ".maken/a.json"));
  }
});

Deno.test("an older file behind a link that leads out stays, and that is told", async () => {
  await using dir = await tempDir();
  const root = join(dir.path, "in");
  await run(root, [{ id: "a", access: "NB" }]);
  await Deno.rename(join(root, "nb"), join(dir.path, "out"));
  await symlink(join(dir.path, "out"), join(root, "nb"));
  await assert.rejects(run(root, [{ id: "a", access: "NORWAY" }]), (error: unknown) => {
    assert.ok(error instanceof FileError);
    assert.match(error.message, /it is a symbolic link that leads out of/);
    return true;
  });
  assert.deepEqual((await filesIn(dir.path)).sort(), ["in/norway/a.json", "out/a.json"]);
});
