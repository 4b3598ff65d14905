/** Output folders that are, lie below, or hold symbolic links. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeNpy } from "../../lib/vectors/npy.ts";
import { demoApi } from "../helpers/demo_api.ts";
import { symlink } from "../helpers/files.ts";
import { jsonOf, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles } from "../helpers/walk_files.ts";

/** `link` leads to the folder `real`, `broken` nowhere, `round` to itself. */
async function linkedFolders() {
  const dir = await tempDir();
  await Deno.mkdir(join(dir.path, "real"));
  await symlink("real", join(dir.path, "link"));
  await symlink("nothing", join(dir.path, "broken"));
  await symlink("round", join(dir.path, "round"));
  return dir;
}

for (const place of ["link", "link/below"]) {
  Deno.test(`download, vectorize, ingest and search work in ${place}, a symbolic link`, async () => {
    await using dir = await linkedFolders();
    await using api = demoApi();
    const [records, vectors, index] = ["r", "v", "i"].map((name) => join(dir.path, place, name));
    const politeness = ["--delay", "0", "--base-url", api.url];
    const data = ["--records-dir", records!, "--vectors-dir", vectors!];
    const tools = [
      ["download", "-o", records!, "--max", "2", ...politeness],
      ["vectorize", ...data, "--model", "demo", "--download-images", ...politeness],
      ["ingest", ...data, "--index-dir", index!],
    ];
    for (const args of tools) {
      const result = await runTask([...args, "--json"]);
      assert.equal(result.code, 0, result.stderr);
      assert.equal(jsonOf(result).stored, 2, result.stderr);
      assert.equal(jsonOf(await runTask([...args, "--json"])).stored, 0, "a second run");
    }
    const [id] = (await Array.fromAsync(walkFiles(records!)))
      .map((path) => path.replace(/.*\/(.*)\.json/, "$1"));
    const { code, stderr } = await runTask(["search", "--index-dir", index!, "--id", id!]);
    assert.equal(code, 0, stderr);
  });
}

Deno.test("the demo works in a folder that is a symbolic link", async () => {
  await using dir = await linkedFolders();
  const { code, stderr } = await runTask(["demo", "--once", "--data", join(dir.path, "link")]);
  assert.equal(code, 0, stderr);
});

Deno.test("a folder that cannot be made for its links is refused in one plain line", async () => {
  await using dir = await linkedFolders();
  await using api = demoApi();
  for (
    const [place, reason] of [
      ["broken", /a symbolic link that leads nowhere$/],
      ["broken/below", /a symbolic link that leads nowhere$/],
      ["round", /symbolic links lead in a circle$|leads nowhere$/],
    ] as const
  ) {
    const out = join(dir.path, place);
    const { code, stderr } = await runTask(["download", "-o", out, "--base-url", api.url]);
    assert.equal(code, 2);
    assert.match(stderr, /^download: Cannot write to folder "[^"]+": [^\n]+\n$/);
    assert.match(stderr.trim(), reason);
  }
});

Deno.test("nothing is written through a link that leads out of the output folder", async () => {
  await using dir = await linkedFolders();
  await using api = demoApi();
  const [out, elsewhere] = [join(dir.path, "out"), join(dir.path, "elsewhere")];
  await Deno.mkdir(elsewhere);
  await Deno.mkdir(join(out, "inner"), { recursive: true });
  await symlink(elsewhere, join(out, "norway"));
  await symlink(join(dir.path, "nothing"), join(out, "library"));
  await symlink("inner", join(out, "everywhere"));
  const args = ["download", "-o", out, "--delay", "0", "--base-url", api.url, "--json"];
  const { stored, failed, errors } = jsonOf(await runTask(args));
  assert.deepEqual(await Array.fromAsync(walkFiles(elsewhere)), []);
  assert.ok(Number(failed) > 0);
  assert.deepEqual(errors, { file: failed });
  const within = await Array.fromAsync(walkFiles(out));
  assert.ok(
    within.some((path) => path.startsWith("inner/")),
    "links within the folder are followed",
  );
  assert.equal(within.length, stored);
  await Deno.remove(join(out, ".maken"), { recursive: true });
  await symlink(elsewhere, join(out, ".maken"));
  const { code, stderr } = await runTask(args.slice(0, -1));
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^download: Cannot use ".*\.maken": it is a symbolic link that leads elsewhere\n$/,
  );
  assert.deepEqual(await Array.fromAsync(walkFiles(elsewhere)), []);
});

Deno.test("the list of failures and the locks are not written through links", async () => {
  for (const name of ["failures.jsonl", "download.lock"]) {
    await using dir = await linkedFolders();
    await using api = demoApi();
    const [out, precious] = [join(dir.path, "out"), join(dir.path, "precious.txt")];
    await Deno.mkdir(join(out, ".maken"), { recursive: true });
    await Deno.writeTextFile(precious, "keep");
    await symlink(precious, join(out, ".maken", name));
    const { code, stderr } = await runTask(["download", "-o", out, "--base-url", api.url]);
    assert.equal(code, 2);
    assert.match(stderr, /it is a symbolic link that leads elsewhere\n$/);
    assert.equal(await Deno.readTextFile(precious), "keep");
  }
});

Deno.test("damaged pictures below a link that leads out do not end the run", async () => {
  await using dir = await linkedFolders();
  await using api = demoApi();
  const [records, vectors] = [join(dir.path, "r"), join(dir.path, "v")];
  const politeness = ["--delay", "0", "--base-url", api.url];
  await runTask(["download", "-o", records, ...politeness]);
  await Deno.mkdir(vectors);
  await symlink(join(dir.path, "real"), join(vectors, "nb"));
  const [id] = (await Array.fromAsync(walkFiles(join(records, "nb"))))
    .map((path) => path.replace(".json", ""));
  await Deno.writeTextFile(join(dir.path, "real", `${id}.jpg`), "no picture");
  const result = await runTask(
    ["vectorize", "--records-dir", records, "--vectors-dir", vectors, "--model", "demo", "--json"]
      .concat("--download-images", ...politeness),
  );
  const { total, stored, skipped, failed } = jsonOf(result);
  assert.equal(result.code, 1, result.stderr);
  assert.equal(Number(stored) + Number(skipped) + Number(failed), total);
  assert.ok(Number(stored) > 30);
});

Deno.test("a file in the way is told as that", async () => {
  await using dir = await linkedFolders();
  await using api = demoApi();
  await Deno.writeTextFile(join(dir.path, "real/.maken"), "");
  const out = join(dir.path, "real");
  const { code, stderr } = await runTask(["download", "-o", out, "--base-url", api.url]);
  assert.equal(code, 2);
  assert.match(
    stderr,
    /something of that name is in the way\n$|it is not a folder, or below a file\n$/,
  );
});

Deno.test("an index that is a link out of its folder is not written", async () => {
  await using dir = await linkedFolders();
  await symlink(join(dir.path, "real/elsewhere"), join(dir.path, "images.knn.sqlite"));
  await Deno.writeTextFile(join(dir.path, "a.json"), '{"id":"a"}');
  await Deno.writeFile(join(dir.path, "a.npy"), encodeNpy(new Float32Array(8).fill(1)));
  const { code, stderr } = await runTask(
    ["ingest", "--records-dir", dir.path, "--vectors-dir", dir.path, "--index-dir", dir.path],
  );
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^ingest: Cannot open index ".*": it is a symbolic link that leads out .*\n$/,
  );
  assert.deepEqual(await Array.fromAsync(Deno.readDir(join(dir.path, "real"))), []);
});
