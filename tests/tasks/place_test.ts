/** Where the program and its user are: a folder that cannot be written, another folder, a comma. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { copyProgram, setWritable, User } from "../helpers/program_copy.ts";
import { jsonOf, ROOT } from "../helpers/run_task.ts";
import { fillIndex, smallItems } from "../helpers/small_index.ts";
import { skipIf } from "../helpers/skip.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles } from "../helpers/walk_files.ts";

const WINDOWS = Deno.build.os === "windows" ? "this system has no users as Unix has" : undefined;

/** The files of a program that its tools might make or change. */
async function filesOf(program: string): Promise<string[]> {
  const files = await Array.fromAsync(walkFiles(program));
  return files.filter((name) => !name.startsWith("node_modules/")).sort();
}

Deno.test({
  ...skipIf(WINDOWS, "a program that its user may not write to builds, imports and uses models"),
  fn: async () => {
    await using dir = await tempDir();
    const program = join(dir.path, "program");
    await copyProgram(program);
    const encoder = join(dir.path, "encoder.onnx");
    await Deno.copyFile(join(ROOT, "tests/fixtures/models/encoder.onnx"), encoder);
    const importing = (name: string, ...more: string[]) =>
      ["model", "import", encoder, "--name", name, "--size", "32", "--output", "image_embeds"]
        .concat(more);
    const user = await User.in(dir.path);
    const run = async (...args: string[]) => {
      const result = await user.run(program, ...args);
      assert.equal(result.code, 0, result.stderr);
      return result;
    };
    // As whoever installs the program: this model lies in its folder.
    await setWritable(program, true);
    const installed = join(program, "models");
    await Deno.copyFile(encoder, join(installed, "shared.onnx"));
    await run(...importing("shared", "--models-dir", join(user.home, "m")));
    await Deno.copyFile(join(user.home, "m/shared.json"), join(installed, "shared.json"));
    await setWritable(program, false);
    try {
      const before = await filesOf(program);
      await run("demo", "--once");
      await run(...importing("mine"));
      const data = ["--records-dir", "data/demo/records", "--vectors-dir", "data/demo/vectors"];
      for (const model of ["mine", "shared"]) {
        const made = await run("vectorize", ...data, "--model", model, "--suffix", `_${model}`);
        assert.match(made.stderr, /54 stored/);
      }
      const { models } = jsonOf(await run("model", "list", "--json")) as {
        models: { name: string; folder: string }[];
      };
      const places = models.map(({ name, folder }) => [name, folder.startsWith(user.home)]);
      assert.deepEqual(places, [["demo", true], ["mine", true], ["shared", false]]);
      const hidden = await user.run(
        program,
        ...importing("shared", "--fit", "crop", "--overwrite"),
      );
      assert.equal(hidden.code, 2);
      assert.match(hidden.stderr, /"shared".* is in ".*program\/models", which cannot be written/);
      assert.deepEqual(await filesOf(program), before);
    } finally {
      await setWritable(program, true);
    }
  },
});

Deno.test("relative paths are meant from the folder one is in, wherever that is", async () => {
  await using dir = await tempDir();
  const outFrom = async (env: Record<string, string> = {}) => {
    const { code, stdout, stderr } = await new Deno.Command("env", {
      args: ["-u", "INIT_CWD", ...Object.entries(env).map((pair) => pair.join("="))]
        .concat(Deno.execPath(), "task", "-q", "--config", join(ROOT, "deno.json"))
        .concat("download", "-o", "./out", "--print-permissions"),
      cwd: dir.path,
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.equal(code, 0, text);
    return [/--allow-write=(.*)/.exec(text)?.[1], new TextDecoder().decode(stderr)];
  };
  assert.deepEqual(await outFrom(), [join(dir.path, "out"), ""]);
  const none = join(dir.path, "none");
  const notice = `download: Cannot enter "${none}" (INIT_CWD): no such file or folder; ` +
    `relative paths are meant from "${ROOT}"\n`;
  assert.deepEqual(await outFrom({ INIT_CWD: none }), [join(ROOT, "out"), notice]);
});

Deno.test("a Deno that is too old is told which is needed, in one line", async () => {
  await using dir = await tempDir();
  const preload = join(dir.path, "older.ts");
  const older = `{ value: { ...Deno.version, deno: "2.6.8" } }`;
  await Deno.writeTextFile(preload, `Object.defineProperty(Deno, "version", ${older});`);
  for (const entry of ["launch.ts", "test.ts"]) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        `--preload=${preload}`,
        "--allow-all",
        join(ROOT, "tasks", entry),
        "download",
      ],
      cwd: dir.path,
    }).output();
    assert.equal(code, 2);
    assert.match(
      new TextDecoder().decode(stderr),
      /^Maken needs Deno 2\.7 or newer.* 2\.6\.8.*\n$/,
    );
  }
});

/** Runs a task with its stdout in /dev/full, its stderr there, or a reader that reads one line. */
const REDIRECT = `
import subprocess, sys
where, *args = sys.argv[1:]
full = open("/dev/full", "w")
if where == "head":
    run = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run.stdout.readline()
    run.stdout.close()
    text = run.stderr.read()
else:
    kinds = dict(stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    kinds[where] = full
    run = subprocess.Popen(args, **kinds)
    text = run.communicate()[1] or b""
sys.stdout.buffer.write(text)
sys.exit(run.wait())
`;

Deno.test({
  ...skipIf(
    (await hasFullDisk()) ? undefined : "there is no Python",
    "a result that cannot be written ends in one line, a log that cannot ends nothing",
  ),
  fn: async () => {
    await using dir = await tempDir();
    await fillIndex(dir.path, "images.knn", smallItems(900));
    const run = async (where: string, ...args: string[]) => {
      const { code, stdout } = await new Deno.Command("python3", {
        args: ["-c", REDIRECT, where, Deno.execPath(), "task", "-q", ...args],
        cwd: ROOT,
      }).output();
      return [code, new TextDecoder().decode(stdout)];
    };
    const search = ["search", "--index-dir", dir.path, "--id", "id1", "-k", "800"];
    const fault = [2, "search: Cannot write the result to stdout: the disk is full\n"];
    for (const more of [[], ["--json"], ["--help"], ["--print-permissions"]]) {
      assert.deepEqual(await run("stdout", ...search, ...more), fault);
      assert.deepEqual(await run("stderr", ...search, ...more), [0, ""]);
      const [code, text] = await run("head", ...search, ...more);
      assert.equal(code, 0);
      assert.match(String(text), /^(search: 800 of 900 documents in .*\n)?$/);
    }
    assert.deepEqual(await run("stderr", "search", "--nonsense"), [2, ""]);
  },
});

async function hasFullDisk(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("python3", {
      args: ["-c", 'open("/dev/full", "w")'],
    }).output();
    return success;
  } catch {
    return false; // it is not installed
  }
}

Deno.test("a comma in the program's path is refused in one line", async () => {
  await using dir = await tempDir();
  const program = join(dir.path, "programs, mine");
  await copyProgram(program);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "download", "-o", join(dir.path, "out"), "--dry-run"],
    cwd: program,
  }).output();
  const reason = `Cannot run Maken in "${program}": its path holds a comma; `;
  assert.equal(code, 2);
  assert.equal(
    new TextDecoder().decode(stderr),
    `${reason}move it to a folder without one\n`,
  );
});
