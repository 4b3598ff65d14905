/** The program in another folder, as it is when it has just been installed. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { ROOT, type TaskResult } from "./run_task.ts";

const PARTS = ["deno.json", "deno.lock", "demo", "lib", "models", "node_modules", "tasks"];

/** A user other than root, on each Unix. */
const NOBODY = 65_534;

/** Installs the program in a folder, with Deno beside it. Links take more permissions than tests have. */
export async function copyProgram(to: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", import.meta.filename!, to],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** Somebody who may not write to the program: another user than root, else the one who runs this. */
export class User {
  private constructor(readonly home: string, private readonly id: number | undefined) {}

  /** Makes a home for them in a folder that they may read. */
  static async in(dir: string): Promise<User> {
    const home = join(dir, "home");
    await Deno.mkdir(home);
    await Deno.chmod(dir, 0o755);
    const id = Deno.uid() === 0 ? NOBODY : undefined;
    if (id !== undefined) await Deno.chown(home, id, id);
    return new User(home, id);
  }

  /** Runs `deno task` of the program in their home. */
  async run(program: string, ...args: string[]): Promise<TaskResult> {
    // The tests may run `env`, and that runs the copy of Deno, which others can read.
    const { code, stdout, stderr } = await new Deno.Command("env", {
      args: [join(program, "deno"), "task", "-q", "--config", join(program, "deno.json"), ...args],
      cwd: this.home,
      clearEnv: true,
      env: { HOME: this.home, PATH: "/usr/bin:/bin" },
      ...this.id === undefined ? {} : { uid: this.id, gid: this.id },
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }
}

/** Takes from everybody, or gives back, the right to write to the folders of a tree. */
export async function setWritable(dir: string, isWritable: boolean): Promise<void> {
  await Deno.chmod(dir, isWritable ? 0o755 : 0o555);
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    if (isDirectory) await setWritable(join(dir, name), isWritable);
  }
}

/** Links files, as far as they may be, so that a copy takes neither time nor room. */
function copy(from: string, to: string): void {
  const info = fs.lstatSync(from);
  if (info.isSymbolicLink()) return fs.symlinkSync(fs.readlinkSync(from), to);
  if (!info.isDirectory()) {
    try {
      return fs.linkSync(from, to);
    } catch {
      return fs.copyFileSync(from, to); // to another disk
    }
  }
  fs.mkdirSync(to);
  for (const name of fs.readdirSync(from)) copy(join(from, name), join(to, name));
}

if (import.meta.main) {
  const [to = ""] = Deno.args;
  fs.mkdirSync(to);
  for (const part of PARTS) copy(join(ROOT, part), join(to, part));
  copy(fs.realpathSync(Deno.execPath()), join(to, "deno"));
  for (const name of fs.readdirSync(join(to, "models"))) {
    if (/^\.maken$|\.(onnx|json)$/.test(name)) {
      fs.rmSync(join(to, "models", name), { recursive: true });
    }
  }
}
