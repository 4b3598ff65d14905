/** Runs the real `deno task`, as a user does. */
import { resolve } from "node:path";

/** Folder of the program. */
export const ROOT: string = resolve(import.meta.dirname!, "../..");

/** What a run ended with. */
export interface TaskResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `deno task --quiet <args>` with pipes for its output. */
export function spawnTask(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "", INIT_CWD: ROOT, ...env }, // empty: as on a terminal
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs `deno task <args>` to its end. */
export async function runTask(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<TaskResult> {
  const { code, stdout, stderr } = await spawnTask(args, env).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** How many records a `--json` run had, and what became of them. */
export function countsOf(result: TaskResult) {
  const { total, stored, skipped, failed } = jsonOf(result);
  return { total, stored, skipped, failed };
}

/** The object that a `--json` run printed; fails unless it printed just that. */
export function jsonOf({ stdout, stderr }: TaskResult): Record<string, unknown> {
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`No JSON object on stdout: ${stdout}\n${stderr}`);
  }
}

/** What a run says, without the line that warns of a password among its arguments. */
export function withoutSecretWarning(stderr: string): string {
  return stderr.replace(/^\w+: a secret on the command line [^\n]*\n/, "");
}
