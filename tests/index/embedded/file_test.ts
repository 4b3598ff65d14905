import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EmbeddedIndex } from "../../../lib/index/embedded/embedded_index.ts";
import { SetupError } from "../../../lib/shared/errors.ts";
import { ROOT } from "../../helpers/run_task.ts";
import { symlink } from "../../helpers/files.ts";
import { tempDir } from "../../helpers/temp_dir.ts";
import { until } from "../../helpers/until.ts";
import { documentOf, randomVectors } from "../contract.ts";

const vectors = randomVectors(300, 64);
const items = vectors.map((vector, i) => ({ document: documentOf(`${i}`), vector }));

function open(dir: string, mode: "read" | "write"): Promise<EmbeddedIndex> {
  return EmbeddedIndex.open({ dir, name: "x", mode });
}

async function fill(dir: string): Promise<void> {
  await using index = await open(dir, "write");
  await index.bulk(items);
}

Deno.test("EmbeddedIndex.open() explains what it cannot open, and leaves it alone", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "x.sqlite");
  await assert.rejects(open(dir.path, "read"), { code: "setup", message: /no such file/ });
  const files: Record<string, () => void> = {
    "it is not an index": () => {
      using db = new DatabaseSync(path);
      db.exec("CREATE TABLE meta (key TEXT)");
    },
    'format 1, and this version reads 2; "deno task ingest --recreate-index" begins it anew':
      () => {
        using db = new DatabaseSync(path);
        db.exec("CREATE TABLE code (row INTEGER PRIMARY KEY, bits BLOB NOT NULL)");
      },
    "format 3, which a later version of Maken made, and this version reads 2: use that": () => {
      using db = new DatabaseSync(path);
      db.exec("CREATE TABLE x (y); PRAGMA application_id = 0x4d616b6e; PRAGMA user_version = 3");
    },
    "not a database": () => Deno.writeTextFileSync(path, "not a database ".repeat(50)),
  };
  for (const [reason, make] of Object.entries(files)) {
    make();
    const before = await Deno.readFile(path);
    for (const mode of ["read", "write"] as const) {
      await assert.rejects(open(dir.path, mode), (error: Error) => {
        assert.ok(error instanceof SetupError && error.message.includes(reason), error.message);
        return true;
      });
    }
    assert.deepEqual(await Deno.readFile(path), before);
    await Deno.remove(path);
  }
  await Deno.writeFile(path, new Uint8Array());
  await assert.rejects(open(dir.path, "read"), { message: /it is not an index/ });
});

Deno.test("EmbeddedIndex.open() puts a new index in place of one of another format", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "x.sqlite");
  const anew = () =>
    EmbeddedIndex.open({ dir: dir.path, name: "x", mode: "write", recreate: true });
  for (const format of [1, 3]) {
    const db = new DatabaseSync(path);
    db.exec(`PRAGMA journal_mode = WAL; CREATE TABLE code (x); PRAGMA user_version = ${format}`);
    await Deno.copyFile(`${path}-wal`, `${path}.copy`);
    db.close();
    await Deno.rename(`${path}.copy`, `${path}-wal`); // as a process leaves it that was killed
    await using index = await anew();
    await index.bulk(items);
    assert.equal((await index.nearest(vectors[7]!, 1))[0]?.document.id, "7");
  }
  await Deno.remove(path);
  using db = new DatabaseSync(path);
  db.exec("CREATE TABLE mine (x)");
  await assert.rejects(anew(), { message: /it is not an index/ });
  assert.equal(db.prepare("SELECT count(*) AS n FROM mine").get()!.n, 0, "it is still there");
});

/** An index that a load was killed at, in a folder of its own: the file and its log. */
async function killed(dir: string, first: number, seed: number): Promise<string> {
  const batch = (n: number, s: number) =>
    randomVectors(n, 64, s).map((vector, i) => ({ document: documentOf(`${s}-${i}`), vector }));
  const made = join(dir, `made-${seed}`);
  if (first > 0) {
    await using index = await open(made, "write");
    await index.bulk(batch(first, seed));
  }
  await using index = await open(made, "write");
  await index.bulk(batch(100, seed + 1));
  const copy = join(dir, `killed-${seed}`);
  await Deno.mkdir(copy);
  for (const end of ["", "-wal"]) {
    await Deno.copyFile(join(made, `x.sqlite${end}`), join(copy, `x.sqlite${end}`));
  }
  return copy;
}

Deno.test("EmbeddedIndex.open() tells a log that is missing, or another index's", async () => {
  await using dir = await tempDir();
  const [small, one, other] = [
    await killed(dir.path, 0, 10),
    await killed(dir.path, 300, 20),
    await killed(dir.path, 500, 30),
  ];
  for (const [folder, count] of [[small, 100], [one, 400], [other, 600]] as const) {
    await using index = await open(folder, "read");
    assert.equal(await index.count(), count);
  }
  const beside = async (name: string, main: string, log: string | undefined) => {
    const folder = join(dir.path, name);
    await Deno.mkdir(folder);
    await Deno.copyFile(join(main, "x.sqlite"), join(folder, "x.sqlite"));
    if (log !== undefined) {
      await Deno.copyFile(join(log, "x.sqlite-wal"), join(folder, "x.sqlite-wal"));
    }
    return folder;
  };
  const without = await beside("without", small, undefined);
  await assert.rejects(open(without, "read"), {
    code: "setup",
    message: /its log "x\.sqlite-wal" is missing/,
  });
  for (const length of [20, 5000, 30_000]) {
    const cut = await beside(`cut-${length}`, small, small);
    await Deno.truncate(join(cut, "x.sqlite-wal"), length);
    await assert.rejects(open(cut, "read"), {
      code: "setup",
      message: /last load was broken off, and "x\.sqlite-wal" beside it.* is cut off or damaged/,
    });
  }
  const part = await beside("part", one, undefined);
  const notices: string[] = [];
  {
    await using index = await EmbeddedIndex.open({
      dir: part,
      name: "x",
      mode: "read",
      onNotice: (text) => void notices.push(text),
    });
    assert.equal(await index.count(), 300);
  }
  assert.match(notices.join(), /x\.sqlite-wal" is not beside it: what the last load put in may/);
  const whole = join(dir.path, "made-20");
  for (const [name, main] of [["closed", whole], ["killed", one]] as const) {
    const folder = await beside(name, main, other);
    const before = await Deno.readFile(join(folder, "x.sqlite"));
    for (const mode of ["read", "write"] as const) {
      await assert.rejects(open(folder, mode), {
        code: "setup",
        message: /"x\.sqlite-wal" beside it is not its own log/,
      });
    }
    assert.deepEqual(await Deno.readFile(join(folder, "x.sqlite")), before);
  }
});

Deno.test("EmbeddedIndex.open() tells what a killed load left where nothing can be written", async () => {
  await using dir = await tempDir();
  const folder = await killed(dir.path, 0, 10);
  // What SQLite has to make beside a log; in a folder that root can always write.
  await symlink(join(folder, "none/none"), join(folder, "x.sqlite-shm"));
  await assert.rejects(open(folder, "read"), {
    code: "setup",
    message:
      /: its last load was broken off.*"x\.sqlite-wal" can only be read where the folder can/,
  });
});

Deno.test("EmbeddedIndex says in one line that a file is damaged, whatever it is asked", async () => {
  await using dir = await tempDir();
  await fill(dir.path);
  const path = join(dir.path, "x.sqlite");
  const sound = await Deno.readFile(path);
  const questions: ((index: EmbeddedIndex) => Promise<unknown>)[] = [
    (index) => index.count(),
    (index) => index.count({ subject: "ski" }),
    (index) => index.facet("access"),
    (index) => index.nearest(vectors[0]!, 20),
    (index) => index.nearest(vectors[0]!, 20, { subject: "ski" }),
    (index) => index.get("id", "250"),
    (index) => index.get("filename", "digifoto_250"),
    (index) => index.text("pict", { size: 20 }),
    (index) => index.random(20),
    (index) => index.setModel({ name: "demo" }),
    (index) => index.delete(["1", "2"]),
    (index) => index.bulk(items.map((item, i) => ({ ...item, vector: vectors[(i + 1) % 300]! }))),
    (index) => index.clear(),
  ];
  let failures = 0;
  const oneLine = (error: Error) => {
    failures++;
    assert.ok(error instanceof SetupError, `${error.stack}`);
    assert.match(error.message, /^Cannot (open|read|write to) index "[^\n]+$/);
  };
  const page = 8192;
  for (let at = 0; at < sound.length; at += page) {
    const damaged = sound.slice();
    for (let i = at + (at === 0 ? 16 : 0); i < at + page; i += 3) damaged[i] = (i * 7 + 13) % 256;
    await Deno.writeFile(path, damaged);
    const index = await open(dir.path, "write").catch(oneLine);
    if (index === undefined) continue;
    for (const ask of questions) await ask(index).catch(oneLine);
    await index[Symbol.asyncDispose]();
  }
  assert.ok(failures > 50, `${failures}`);
  await Deno.writeFile(path, sound.subarray(0, 5 * page));
  await assert.rejects(open(dir.path, "read"), SetupError);
});

Deno.test("EmbeddedIndex holds whole batches after its process was killed", async () => {
  await using dir = await tempDir();
  for (let round = 0; round < 3; round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", `--allow-read=${dir.path}`]
        .concat(`--allow-write=${dir.path}`, "tests/helpers/index_loader.ts", dir.path),
      cwd: ROOT,
      stdout: "piped",
    }).spawn();
    let told = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      told += text;
      if (told.split("\n").length > 8) break;
    }
    child.kill("SIGKILL");
    await child.status;
    const batches = told.split("\n").length - 1;

    await using index = await open(dir.path, "write");
    const count = await index.count();
    assert.ok(count >= 100 * batches && count % 100 === 0, `${count} after ${batches} batches`);
    assert.equal(await index.count({ subject: "ski" }), count);
    const { vector } = (await index.get("id", "3-7"))!;
    assert.equal((await index.nearest(vector, 1))[0]?.document.id, "3-7");
    using db = new DatabaseSync(join(dir.path, "x.sqlite"), { readOnly: true });
    assert.deepEqual({ ...db.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
  }
});

Deno.test("EmbeddedIndex is never locked for readers, however often writers come and go", async () => {
  await using dir = await tempDir();
  await fill(dir.path);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", WRITER, dir.path],
    cwd: ROOT,
    stdout: "piped",
  }).spawn();
  let ended = false;
  const status = child.output().then(({ stdout, success }) => {
    ended = true;
    assert.ok(success);
    return new TextDecoder().decode(stdout);
  });
  let reads = 0;
  const read = async () => {
    await using index = await open(dir.path, "read");
    for (let i = 0; i < 5; i++) {
      assert.ok(await index.count() >= 300);
      assert.equal((await index.nearest(vectors[7]!, 1))[0]?.document.id, "7");
      reads++;
    }
    return ended;
  };
  await until(read, "The writer's end", 180);
  assert.equal((await status).trim(), "done");
  assert.ok(reads > 5, `${reads}`);
});

/** Opens, writes and closes again and again. */
const WRITER = `
import { EmbeddedIndex } from "./lib/index/embedded/embedded_index.ts";
import { documentOf, randomVectors } from "./tests/index/contract.ts";
for (let round = 0; round < 40; round++) {
  await using index = await EmbeddedIndex.open({ dir: Deno.args[0], name: "x", mode: "write" });
  const vectors = randomVectors(20, 64, 1000 + round);
  await index.bulk(vectors.map((vector, i) => ({ document: documentOf("n" + round + i), vector })));
}
console.log("done");
`;
