import assert from "node:assert/strict";
import { join } from "node:path";
import { bytesProof, type Failure, isOpen } from "../../lib/shared/failure.ts";
import type { FailureList } from "../../lib/shared/failures.ts";
import { OutputFolder } from "../../lib/shared/output_folder.ts";
import { failuresIn, setupError } from "../helpers/files.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";

const DAY_MS = 24 * 3600e3;

function failureOf(id: string, code = "http_404", proof: string | undefined = "asked:1") {
  const file = `/nowhere/${id}.jpg`;
  return { id, file, stage: "load", code, message: "no", time: new Date().toISOString(), proof };
}

/** One run that works on a folder's list; the clock has gone on since the last one. */
async function run<T>(
  folder: string,
  work: (failures: FailureList) => T | Promise<T>,
  options: { task?: string; retry?: boolean } = {},
): Promise<T> {
  const before = Date.now();
  await until(() => Date.now() > before, "The next millisecond");
  await using output = await OutputFolder.open(folder, options.task ?? "vectorize", options);
  return await work(output.failures);
}

/** Changes what the list says of its items, as time does. */
async function alter(folder: string, change: (failure: Failure) => object): Promise<void> {
  const lines = (await failuresIn(folder)).map((failure) =>
    JSON.stringify({ ...failure, ...change(failure) })
  );
  await Deno.writeTextFile(join(folder, ".maken/failures.jsonl"), `${lines.join("\n")}\n`);
}

function daysAgo(days: number): string {
  return new Date(Date.now() - days * DAY_MS).toISOString();
}

const isKnown = (folder: string, id: string, proof = "asked:1") =>
  run(
    folder,
    async (failures) => await failures.known(failureOf(id), () => proof) !== undefined,
  );

Deno.test("FailureList keeps each failure that stands, with its first time and its runs", async () => {
  await using dir = await tempDir();
  for (const ids of [["a", "b"], ["b", "c"], []]) {
    await run(dir.path, (failures) => {
      for (const id of ids) failures.add(failureOf(id));
      failures.settle(failureOf("a"));
    });
  }
  const listed = await failuresIn(dir.path);
  assert.deepEqual(listed.map(({ id, runs }) => [id, runs]), [["b", 2], ["c", 1]]);
  assert.ok(listed[0]!.time < listed[0]!.last && listed[0]!.time < listed[1]!.time);
  assert.ok(listed.every(({ file, stage, code, message }) => file && stage && code && message));
});

Deno.test("FailureList.add() keeps what another task adds to the same list meanwhile", async () => {
  await using dir = await tempDir();
  await run(dir.path, (failures) => void failures.add(failureOf("gone")), { task: "download" });
  await run(dir.path, async (failures) => {
    failures.settle(failureOf("gone"));
    failures.add(failureOf("a"));
    await run(dir.path, (others) => void others.add(failureOf("a much longer id")));
    failures.add(failureOf("b"));
  }, { task: "download" });
  const ids = (await failuresIn(dir.path)).map(({ id }) => id);
  assert.deepEqual(ids, ["a", "a much longer id", "b"]);
});

Deno.test("FailureList knows an answer after three runs, for 30 days", async () => {
  await using dir = await tempDir();
  for (const runs of [1, 2, 3]) {
    assert.equal(await isKnown(dir.path, "a"), false, `before run ${runs}`);
    await run(dir.path, (failures) => assert.equal(failures.add(failureOf("a")), false));
  }
  assert.equal(await isKnown(dir.path, "a"), true);
  assert.equal(await isKnown(dir.path, "a", "asked:2"), false, "another address");
  await alter(dir.path, () => ({ faultTime: daysAgo(29), time: daysAgo(60) }));
  assert.equal(await isKnown(dir.path, "a"), true);
  await alter(dir.path, () => ({ faultTime: daysAgo(30), time: daysAgo(60) }));
  assert.equal(await isKnown(dir.path, "a"), false, "it is tried again");
  await run(dir.path, (failures) => assert.equal(failures.add(failureOf("a")), true, "no news"));
  assert.equal(await isKnown(dir.path, "a"), true);
  assert.equal((await failuresIn(dir.path))[0]!.runs, 4);
});

Deno.test("FailureList never takes a host that is away for an answer", async () => {
  await using dir = await tempDir();
  for (const code of ["network", "timeout", "body", "http_429", "http_408", "network"]) {
    await run(dir.path, (failures) => assert.equal(failures.add(failureOf("a", code)), false));
    assert.equal(await isKnown(dir.path, "a"), false, code);
  }
  // Nor does it make three of two answers.
  for (const code of ["http_500", "network", "http_404", "timeout"]) {
    await run(dir.path, (failures) => assert.equal(failures.add(failureOf("a", code)), false));
    assert.equal(await isKnown(dir.path, "a"), false, code);
  }
  await run(dir.path, (failures) => void failures.add(failureOf("a", "http_403")));
  assert.equal(await isKnown(dir.path, "a"), true);
});

Deno.test("FailureList knows damaged bytes at once and for ever, until they change", async () => {
  await using dir = await tempDir();
  const [damaged, other] = [bytesProof("1"), bytesProof("2")];
  const add = (proof: string) =>
    run(dir.path, (failures) => failures.add(failureOf("a", "image_unreadable", proof)));
  assert.equal(await add(damaged), false);
  await alter(dir.path, () => ({ faultTime: daysAgo(1000), last: daysAgo(1000) }));
  assert.equal(await isKnown(dir.path, "a", damaged), true);
  assert.equal(await isKnown(dir.path, "a", other), false);
  assert.equal(await add(other), false, "that is another failure");
  assert.deepEqual((await failuresIn(dir.path)).map(({ runs }) => runs), [1]);
  const isRetried = (failures: FailureList) => failures.known(failureOf("a"), () => other);
  assert.equal(await run(dir.path, isRetried, { retry: true }), undefined);
});

Deno.test("FailureList reads the lists of older versions, and one that was cut off", async () => {
  await using dir = await tempDir();
  const line = (id: string) => {
    const { proof: _, ...older } = failureOf(id);
    return JSON.stringify({ ...older, file: `/nowhere/${id}.json` });
  };
  const list = (name: string, text: string) =>
    Deno.writeTextFile(join(dir.path, ".maken", name), text);
  await Deno.mkdir(join(dir.path, ".maken"));
  await list("failures.jsonl", `${line("a")}\n${line("b").slice(0, 30)}`);
  await list("failures.1-of-2.jsonl", `${line("c")}\n`);
  await run(dir.path, (failures) => {
    assert.deepEqual([...failures.earlier()].map(({ id, runs }) => [id, runs]), [["a", 1], [
      "c",
      1,
    ]]);
    failures.add({ ...failureOf("a"), file: "/nowhere/a.json" });
    failures.add(failureOf("d"));
  });
  const listed = await failuresIn(dir.path);
  assert.deepEqual(listed.map(({ id, runs }) => [id, runs]), [["c", 1], ["a", 2], ["d", 1]]);
  const names = await Array.fromAsync(Deno.readDir(join(dir.path, ".maken")), ({ name }) => name);
  assert.deepEqual(names.filter((name) => name.endsWith(".jsonl")), ["failures.jsonl"]);
});

Deno.test("FailureList knows a record by its id where its file has moved", async () => {
  await using dir = await tempDir();
  const at = (folder: string) => {
    const failure = failureOf("a", "record_json", bytesProof("1"));
    return { ...failure, file: join(dir.path, folder, "a.json") };
  };
  const write = async (folder: string) => {
    await Deno.mkdir(join(dir.path, folder));
    await Deno.writeTextFile(at(folder).file, "{");
  };
  await write("nb");
  await run(dir.path, (failures) => void failures.add(at("nb")));
  await write("norway");
  const known = (folder: string) =>
    run(dir.path, (failures) => failures.known(at(folder), () => at(folder).proof));
  assert.equal(await known("norway"), undefined, "two files of one id are two");
  await Deno.remove(at("nb").file);
  assert.equal((await known("norway"))?.id, "a");
  assert.deepEqual((await failuresIn(dir.path)).map(({ file }) => file), [at("norway").file]);
});

Deno.test("FailureList of many failures takes time in proportion to them", async () => {
  await using dir = await tempDir();
  const ids = Array.from({ length: 10_000 }, (_, i) => `id${i}`);
  const lines = ids.map((id) => JSON.stringify(failureOf(id, "no_link", bytesProof("1"))));
  await Deno.mkdir(join(dir.path, ".maken"));
  await Deno.writeTextFile(join(dir.path, ".maken/failures.jsonl"), `${lines.join("\n")}\n`);
  await run(dir.path, (failures) => {
    const half = ids.slice(0, 5000);
    for (const id of half) failures.add(failureOf(id, "no_link", bytesProof("1")));
    for (const id of half.slice(1)) failures.settle(failureOf(id));
  }, { task: "download" });
  assert.deepEqual((await failuresIn(dir.path)).length, 5001);
});

Deno.test("FailureList.add() says in one line that the list cannot be written", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, ".maken/failures.jsonl");
  const message = await setupError(run(dir.path, async (failures) => {
    await Deno.remove(path);
    await Deno.mkdir(path);
    failures.add(failureOf("a"));
  }));
  assert.equal(message, `Cannot write "${path}": it is a folder`);
});

Deno.test("FailureList tells what stands now, and what of it had better be asked for again soon", async () => {
  await using dir = await tempDir();
  const codes = ["http_503", "worker", "network", "index_busy", "http_404", "image_unreadable"];
  const open = (folder: string) =>
    run(folder, (failures) => {
      for (const code of codes) failures.add(failureOf(code, code));
      failures.add(failureOf("gone", "http_503"));
      return [...failures.standing()].filter(isOpen).map(({ id }) => id);
    });
  const all = ["http_503", "worker", "network", "index_busy", "gone"];
  assert.deepEqual((await open(dir.path)).toSorted(), all.toSorted());
  await open(dir.path);
  assert.deepEqual((await open(dir.path)).toSorted(), ["index_busy", "network"], "the third time");
  const left = await run(dir.path, (failures) => {
    failures.settle({ id: "gone", file: "/nowhere/gone.jpg" });
    return [...failures.standing()].map(({ id }) => id);
  });
  assert.deepEqual(left.toSorted(), codes.toSorted());
});
