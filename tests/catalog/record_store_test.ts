import assert from "node:assert/strict";
import { join } from "node:path";
import { parseExact } from "../../lib/catalog/exact_json.ts";
import { parseGroupBy } from "../../lib/catalog/group_by.ts";
import { IdMemory } from "../../lib/catalog/ids/id_memory.ts";
import { readRecord } from "../../lib/catalog/record_files.ts";
import { recordId, RecordStore } from "../../lib/catalog/record_store.ts";
import { RecordError } from "../../lib/shared/errors.ts";
import { OutputFolder } from "../../lib/shared/output_folder.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles, walkRecords } from "../helpers/walk_files.ts";

/** What may not be a file name, here or on Windows. */
const HOSTILE_IDS: readonly unknown[] = [
  ...["", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", "C:\\x", "c:", "a..b", "..a"],
  ...["\0", "a\0b", "a\nb", "\u007f", "a*", "a?", 'a"', "<a>", "a|b", " a", "a ", "\ta", "a\u00a0"],
  ...["CON", "nul", "aux.x", "Com1", "lpt³", "prn.tar.gz", "conout$"],
  ...["a".repeat(201), "ø".repeat(101), "\ud800", "a\udc00"],
  ...[undefined, null, 7.5, true, ["a"], { id: "a" }],
];
const SAFE_IDS = [
  ...["42ef89cb50684bc302a35833f9746c26", "a", "0", "a.b", "-", "_", "~a", "a b", "æøå", "中", "é"],
  ...["__proto__", "constructor", "a%2fb", "a&b=c", "a'b", "console", "a".repeat(200)],
  ...["ø".repeat(100), ".maken", "#"],
];

/** The RecordError that `work` ends with; its message must be one line of bounded length. */
async function recordError(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof RecordError, String(error));
    assert.equal(error.code, "record_id");
    assert.match(error.message, /^Cannot store a record[^\n\r\0]{1,200}$/);
    return;
  }
  throw new assert.AssertionError({ message: "nothing was thrown" });
}

Deno.test("recordId() takes ids that are safe as a file name", () => {
  for (const id of SAFE_IDS) assert.equal(recordId({ id }), id);
});

Deno.test("recordId() refuses ids that are not, and records that are none", async () => {
  for (const id of HOSTILE_IDS) await recordError(() => recordId({ id }));
  for (const record of [null, undefined, "a", 7, [], [{ id: "a" }], {}]) {
    await recordError(() => recordId(record));
  }
});

Deno.test("recordId() says what is wrong", () => {
  const message = (id: unknown) => {
    try {
      return recordId({ id });
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(message(undefined), "Cannot store a record with no id: it has none");
  assert.equal(
    message("../a"),
    'Cannot store a record with its id "../a": it is not safe as a file name',
  );
  const refused: [json: string, what: string][] = [
    ['["a"]', "a list, not a text"],
    ['{"id":"a"}', "an object, not a text"],
    ["null", "null, not a text"],
    ["true", "true, not a text"],
    ["7.5", "7.5, neither a text nor a whole number"],
    ["1e3", "1e3, neither a text nor a whole number"],
    ["-0", "-0, neither a text nor a whole number"],
  ];
  for (const [json, what] of refused) {
    assert.equal(message(parseExact(json)), `Cannot store a record: its id is ${what}`);
  }
});

Deno.test("RecordStore.put() takes a number for an id, by its digits as they are written", async () => {
  await using dir = await tempDir();
  await using output = await OutputFolder.open(dir.path, "download");
  await using ids = await IdMemory.open(output, 2);
  const store = new RecordStore(output, ids, [], false);
  for (const digits of ["7", "0", "-12", "12345", "9007199254740993", "12345678901234567890123"]) {
    const text = `{"id":${digits},"title":"Bjørn"}`;
    assert.equal(store.put(parseExact(text)).record.stem, digits);
    const file = { path: join(dir.path, `${digits}.json`), folder: "", stem: digits };
    assert.equal(await Deno.readTextFile(file.path), text, "stored as it came");
    assert.equal((await readRecord(file)).id, digits);
  }
});

Deno.test("RecordStore.put() names a folder that is in a record's place", async () => {
  await using dir = await tempDir();
  await using output = await OutputFolder.open(dir.path, "download");
  await Deno.mkdir(join(dir.path, "a.json"));
  await using ids = await IdMemory.open(output, 2);
  const store = new RecordStore(output, ids, [], true);
  assert.throws(() => store.put({ id: "a" }), {
    code: "file",
    message: 'Cannot read "a.json": it is a folder',
  });
});

Deno.test("RecordStore.put() stores a record in its folders, as it was read", async () => {
  await using dir = await tempDir();
  await using output = await OutputFolder.open(dir.path, "download");
  await using ids = await IdMemory.open(output, 2);
  const store = new RecordStore(output, ids, parseGroupBy("access,issued:DATE"), false);
  const text = '{"id":"a","access":["NORWAY"],"issued":"on 1905-06-07","n":12345678901234567890,' +
    '"x":1.0,"y":1e400,"z":-0,"__proto__":{"s":"1.0\\u0000\\n"},"title":"Bjørn 𝒳"}';
  assert.equal(store.put(parseExact(text)).result, "stored");
  const stored = await Deno.readTextFile(join(dir.path, "norway/1905-06-07/a.json"));
  assert.equal(stored, text);
  assert.equal(store.put({ id: "b" }).result, "stored");
  assert.deepEqual(await Array.fromAsync(walkFiles(dir.path)), [
    "norway/1905-06-07/a.json",
    "unknown/unknown/b.json",
  ]);
});

Deno.test("RecordStore.put() leaves what is there, unless told to overwrite", async () => {
  await using dir = await tempDir();
  await using output = await OutputFolder.open(dir.path, "download");
  await using ids = await IdMemory.open(output, 0);
  const [keep, overwrite] = [false, true].map((flag) => new RecordStore(output, ids, [], flag));
  const read = async () => JSON.parse(await Deno.readTextFile(join(dir.path, "a.json"))).n;
  assert.equal(keep!.put({ id: "a", n: 1 }).result, "stored");
  assert.equal(keep!.put({ id: "a", n: 2 }).result, "skipped");
  assert.equal(await read(), 1);
  assert.equal(overwrite!.put({ id: "a", n: 3 }).result, "stored");
  assert.equal(await read(), 3);
});

Deno.test("RecordStore.put() goes on in folders whose names are in other case of letters", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(join(dir.path, "EVERYWHERE/2020-01-01"), { recursive: true });
  await Deno.writeTextFile(join(dir.path, "EVERYWHERE/2020-01-01/old.json"), '{"id":"old"}');
  await using output = await OutputFolder.open(dir.path, "download");
  await using ids = await IdMemory.open(output, 2);
  const store = new RecordStore(output, ids, parseGroupBy("access,day"), false);
  const [access, day] = ["EVERYWHERE", "2020-01-01"];
  assert.equal(store.put({ id: "old", access, day }).result, "skipped");
  assert.equal(store.put({ id: "new", access, day: "2020-01-02" }).result, "stored");
  assert.equal(store.put({ id: "other", access: "NORWAY", day }).result, "stored");
  assert.deepEqual(await Array.fromAsync(walkFiles(dir.path)), [
    "EVERYWHERE/2020-01-01/old.json",
    "EVERYWHERE/2020-01-02/new.json",
    "norway/2020-01-01/other.json",
  ]);
});

Deno.test("RecordStore.put() writes nothing outside its folder", async () => {
  await using dir = await tempDir();
  const root = join(dir.path, "one/two");
  await using output = await OutputFolder.open(root, "download");
  await using ids = await IdMemory.open(output, 2);
  const store = new RecordStore(output, ids, parseGroupBy("group,id"), false);
  const groups = ["../../..", "..", "/etc", "..\\..", "a/../../b", "\0", "C:", "", null, ["../.."]];
  for (const [n, group] of groups.entries()) {
    for (const id of HOSTILE_IDS) await recordError(() => store.put({ id, group }));
    assert.equal(store.put({ id: `good${n}`, group }).result, "stored");
  }
  const stems = (await Array.fromAsync(walkRecords(root))).map(({ stem }) => stem);
  assert.deepEqual(stems.sort(), groups.map((_, n) => `good${n}`));
  const around = await Array.fromAsync(walkFiles(dir.path));
  assert.equal(around.length, groups.length);
  assert.ok(around.every((path) => path.startsWith("one/two/")));
});

Deno.test("RecordStore.put() keeps records apart from the folder's own state", async () => {
  await using dir = await tempDir();
  {
    await using output = await OutputFolder.open(dir.path, "download");
    await using ids = await IdMemory.open(output, 2);
    const store = new RecordStore(output, ids, parseGroupBy("a,b"), false);
    for (const b of ["download.tmp", "download.lock", "failures.jsonl", "x"]) {
      assert.equal(store.put({ id: `good ${b}`, a: ".maken", b }).result, "stored");
    }
  }
  assert.equal((await Array.fromAsync(walkRecords(dir.path))).length, 4);
});

Deno.test("RecordStore.put() stores records of every safe id, and finds them again", async () => {
  await using dir = await tempDir();
  await using output = await OutputFolder.open(dir.path, "download");
  await using ids = await IdMemory.open(output, 2);
  const store = new RecordStore(output, ids, [], false);
  for (const id of SAFE_IDS) assert.equal(store.put({ id }).result, "stored", id);
  for (const id of SAFE_IDS) assert.equal(store.put({ id }).result, "skipped", id);
  const stems = (await Array.fromAsync(walkRecords(dir.path))).map(({ stem }) => stem);
  assert.deepEqual(stems.sort(), SAFE_IDS.toSorted());
});
