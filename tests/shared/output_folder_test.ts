import assert from "node:assert/strict";
import { join } from "node:path";
import { FileError } from "../../lib/shared/errors.ts";
import { OutputFolder } from "../../lib/shared/output_folder.ts";
import { makeFiles, setupError, symlink } from "../helpers/files.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles } from "../helpers/walk_files.ts";

const OUTPUT_URL = new URL("../../lib/shared/output_folder.ts", import.meta.url).href;

/** Opens the folder of its first argument, leaves half a file there, says so and lives on. */
const HOLDER = `
  import { OutputFolder } from ${JSON.stringify(OUTPUT_URL)};
  globalThis.held = await OutputFolder.open(Deno.args[0], "download");
  await Deno.mkdir(Deno.args[0] + "/.maken/download.tmp/sub");
  await Deno.writeTextFile(Deno.args[0] + "/.maken/download.tmp/0", "half a fi");
  await Deno.stdout.write(new TextEncoder().encode("ready"));
  setInterval(() => {}, 1000); // it lives until it is killed
`;

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

Deno.test("OutputFolder.open() refuses a folder that a run of the same task has", async () => {
  await using dir = await tempDir();
  const temporary = join(dir.path, ".maken/download.tmp");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", HOLDER, dir.path],
    cwd: dir.path,
    stdout: "piped",
  }).spawn();
  try {
    const { value } = await child.stdout.getReader().read();
    assert.equal(new TextDecoder().decode(value), "ready");
    assert.equal(
      await setupError(OutputFolder.open(dir.path, "download")),
      `Cannot write to "${dir.path}": another download run is using it`,
    );
    assert.deepEqual(await namesIn(temporary), ["0", "sub"]); // the other run's work is untouched
    await using _another = await OutputFolder.open(dir.path, "vectorize");
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
  await using output = await OutputFolder.open(dir.path, "download");
  assert.deepEqual(await namesIn(temporary), [], "what the killed run left is cleared");
  output.write("a", "whole");
  assert.deepEqual(await Array.fromAsync(walkFiles(dir.path)), ["a"]);
});

Deno.test("OutputFolder.open() takes a folder again that was given back", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "new/folders");
  for (const text of ["one", "two"]) {
    await using output = await OutputFolder.open(path, "download");
    output.write("file", text);
    await setupError(OutputFolder.open(path, "download"));
  }
  assert.equal(await Deno.readTextFile(join(path, "file")), "two");
});

Deno.test("OutputFolder.open() throws a SetupError where no folder can be", async () => {
  await using dir = await tempDir();
  await makeFiles(dir.path, ["file", "taken/.maken"]);
  for (const name of ["file", "file/below/it", "taken"]) {
    const path = join(dir.path, name);
    const message = await setupError(OutputFolder.open(path, "download"));
    assert.ok(message.startsWith(`Cannot write to folder "${path}": `), message);
  }
});

Deno.test("OutputFolder.open() keeps no lock when it throws", async () => {
  await using dir = await tempDir();
  const inTheWay = join(dir.path, ".maken/failures.jsonl");
  await Deno.mkdir(inTheWay, { recursive: true });
  await setupError(OutputFolder.open(dir.path, "download"));
  await Deno.remove(inTheWay);
  await using output = await OutputFolder.open(dir.path, "download");
  assert.equal(output.path, dir.path);
});

Deno.test("OutputFolder.write() replaces a file whole", async () => {
  await using dir = await tempDir();
  await using output = await OutputFolder.open(dir.path, "download");
  const path = join(dir.path, "a/b/c.json");
  assert.equal(output.has("a/b/c.json"), false);
  output.write("a/b/c.json", "a long first text");
  assert.equal(output.has("a/b/c.json"), true);
  using reader = await Deno.open(path);
  output.write("a/b/c.json", new TextEncoder().encode("short"));
  assert.equal(await Deno.readTextFile(path), "short");
  const old = await new Response(reader.readable).text();
  assert.equal(old, "a long first text", "who reads the old file sees all of it");
  assert.deepEqual(await namesIn(join(dir.path, ".maken/download.tmp")), []);
});

Deno.test("OutputFolder.write() writes many files, each with its own bytes", async () => {
  await using dir = await tempDir();
  await using output = await OutputFolder.open(dir.path, "download");
  const names = Array.from({ length: 50 }, (_, n) => `${n % 3}/${n}`);
  for (const name of names) output.write(name, name);
  for (const name of names) assert.equal(await Deno.readTextFile(join(dir.path, name)), name);
});

Deno.test("OutputFolder.write() throws a FileError for a file's own fault and leaves nothing behind", async () => {
  await using dir = await tempDir();
  await using output = await OutputFolder.open(dir.path, "download");
  await makeFiles(dir.path, ["file", "folder/x"]);
  for (const name of ["file/below", "folder", "x".repeat(300)]) {
    assert.throws(() => output.write(name, "text"), (error: FileError) => {
      assert.ok(error instanceof FileError);
      return error.message.startsWith(`Cannot write "${join(dir.path, name)}": `);
    });
  }
  assert.deepEqual(await namesIn(join(dir.path, ".maken/download.tmp")), []);
  assert.deepEqual(await Array.fromAsync(walkFiles(dir.path)), ["file", "folder/x"]);
});

Deno.test("OutputFolder.move() moves within the folder, and neither out of it nor into it", async () => {
  await using dir = await tempDir();
  const root = join(dir.path, "in");
  await makeFiles(dir.path, ["in/nb/a", "in/nb/b", "out/c"]);
  await using output = await OutputFolder.open(root, "vectorize");
  await symlink(join(dir.path, "out"), join(root, "link"));
  output.move("nb/a", "norway/day/a");
  for (const [from, to] of [["nb/b", "link/b"], ["link/c", "nb/c"], ["nb/none", "nb/d"]] as const) {
    assert.throws(() => output.move(from, to), FileError);
  }
  const files = (await Array.fromAsync(walkFiles(dir.path))).sort();
  assert.deepEqual(files, ["in/nb/b", "in/norway/day/a", "out/c"]);
});
