/** Passwords: asked for at a terminal, and kept off command lines, which everybody may read. */
import process from "node:process";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { UsageError } from "./errors.ts";

/** Whether there is a person to be asked. */
export function canAsk(): boolean {
  return Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
}

/**
 * Asks for a text at the terminal, and does not show what is typed.
 *
 * @returns undefined if Ctrl-C or Ctrl-D was the answer
 */
export async function askSecret(question: string): Promise<string | undefined> {
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const lines = createInterface({
    ...{ input: process.stdin, output: unseen, terminal: true, historySize: 0 },
  });
  lines.on("line", resolve);
  lines.on("SIGINT", () => lines.close());
  lines.on("close", () => resolve(undefined));
  process.stderr.write(question);
  try {
    return await promise;
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}

/** What no argument of a person would be. */
const MARK = "\ufffe";

/**
 * The arguments with an empty text in every place where they give the secret.
 *
 * @param secretOf the secret that a tool would take from arguments; may throw UsageError
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const secretOf = ([user, password]: readonly string[]) => password;
 * assert.deepEqual(hideSecret(["me", "me", "me"], secretOf), ["me", "", "me"]);
 * ```
 */
export function hideSecret(
  argv: readonly string[],
  secretOf: (argv: readonly string[]) => string | undefined,
): readonly string[] {
  const secret = secretOf(argv);
  if (!secret) return argv;
  for (const [i, token] of argv.entries()) {
    if (!token.endsWith(secret)) continue;
    const start = token.slice(0, -secret.length); // such as `--password=`
    if (isSecret(argv.with(i, start + MARK), secretOf)) {
      return hideSecret(argv.with(i, start), secretOf); // another one may count now
    }
  }
  return argv;
}

function isSecret(
  argv: readonly string[],
  secretOf: (argv: readonly string[]) => string | undefined,
): boolean {
  try {
    return secretOf(argv) === MARK;
  } catch (error) {
    if (error instanceof UsageError) return false; // it was something else
    throw error;
  }
}
