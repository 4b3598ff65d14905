import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles, setupError, symlink } from "../helpers/files.ts";
import { skipIf } from "../helpers/skip.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles } from "../helpers/walk_files.ts";

Deno.test("walkFolders() gives each folder's entries by code unit, less .maken", async () => {
  await using dir = await tempDir();
  await makeFiles(dir.path, [
    ...["b/2", "b/10", "b/c/x", "Z", "a.json", "a/z", "é", "e", ".hidden", "b.c", "\u{1d4b3}"],
    ...[".maken/failures.jsonl", "b/.maken/x", "b/.maken.json", "\uff21"],
  ]);
  await Deno.mkdir(join(dir.path, "empty"));
  assert.deepEqual(await Array.fromAsync(walkFiles(dir.path)), [
    ...[".hidden", "Z", "a/z", "a.json", "b/.maken.json", "b/10", "b/2", "b/c/x", "b.c", "e", "é"],
    ...["\u{1d4b3}", "\uff21"], // by code unit, not by code point
  ]);
});

Deno.test("walkFolders() throws a SetupError for what is not a folder", async () => {
  await using dir = await tempDir();
  await makeFiles(dir.path, ["file"]);
  for (const name of ["missing", "file", "file/below"]) {
    const path = join(dir.path, name);
    const message = await setupError(Array.fromAsync(walkFiles(path)));
    assert.ok(message.startsWith(`Cannot read folder "${path}": `), message);
  }
});

const noLinks = Deno.build.os === "windows" ? "links need a privilege on Windows" : undefined;

Deno.test(skipIf(noLinks, "walkFolders() follows links to files"), async () => {
  await using dir = await tempDir();
  await makeFiles(dir.path, ["out/one"]);
  await Deno.mkdir(join(dir.path, "in"));
  await symlink(join(dir.path, "out/one"), join(dir.path, "in/one"));
  assert.deepEqual(await Array.fromAsync(walkFiles(join(dir.path, "in"))), ["one"]);
});

Deno.test(
  skipIf(noLinks, "walkFolders() gives no link to a folder as a file"),
  async () => {
    await using dir = await tempDir();
    await makeFiles(dir.path, ["a/one"]);
    await symlink(dir.path, join(dir.path, "a/loop.json"));
    assert.deepEqual(await Array.fromAsync(walkFiles(dir.path)), ["a/one"]);
  },
);
