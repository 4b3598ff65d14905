/** Files, links and folders for tests. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { SetupError } from "../../lib/shared/errors.ts";
import type { Failure } from "../../lib/shared/failure.ts";

/** Makes files with the same text, and the folders that they are in. */
export async function makeFiles(
  root: string,
  files: readonly string[],
  text = "{}",
): Promise<void> {
  for (const file of files) {
    await Deno.mkdir(join(root, file, ".."), { recursive: true });
    await Deno.writeTextFile(join(root, file), text);
  }
}

/** The failures that an output folder lists. */
export async function failuresIn(folder: string): Promise<Failure[]> {
  const text = await Deno.readTextFile(join(folder, ".maken/failures.jsonl"));
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** Makes a link. That takes more permissions than the tests have, so another process does it. */
export async function symlink(target: string, path: string): Promise<void> {
  const code = `Deno.symlinkSync(${JSON.stringify(target)}, ${JSON.stringify(path)})`;
  const { success } = await new Deno.Command(Deno.execPath(), { args: ["eval", code] }).output();
  assert.ok(success);
}

/** The message of the SetupError that `work` ends with; fails unless it is one line. */
export async function setupError(work: Promise<unknown>): Promise<string> {
  const error = await work.then(() => undefined, (error) => error);
  assert.ok(error instanceof SetupError, String(error));
  assert.ok(!error.message.includes("\n"), error.message);
  return error.message;
}
