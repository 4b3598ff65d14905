/** Failed items, listed one a line in the `.maken` folder of an output folder. */
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { exists, STATE_DIR } from "./files.ts";

/** A failed item, as one line of `failures.jsonl`. */
export interface Failure {
  readonly id: string | null;
  /** File or URL that the failure is about. */
  readonly file: string | null;
  /** Step that failed, such as `fetch`, `decode` or `embed`. */
  readonly stage: string;
  readonly code: string;
  readonly message: string;
  /** ISO 8601. */
  readonly time: string;
}

/** Path of the file that lists the failures of the last run in an output folder. */
export function failuresFile(folder: string, part: string | undefined): string {
  const name = part === undefined ? "failures.jsonl" : `failures.${part}.jsonl`;
  return join(folder, STATE_DIR, name);
}

/** The failures that the first `length` bytes of such a file tell; none if there is no file. */
export async function* readFailures(
  path: string,
  length = Infinity,
): AsyncGenerator<Partial<Failure>> {
  if (length === 0 || !exists(path)) return;
  const file = createReadStream(path, { end: length - 1 });
  for await (const line of createInterface({ input: file, crlfDelay: Infinity })) {
    const failure = parseFailure(line);
    if (failure !== undefined) yield failure;
  }
}

function parseFailure(line: string): Partial<Failure> | undefined {
  try {
    const json = JSON.parse(line);
    return typeof json === "object" && json !== null ? json : undefined;
  } catch {
    return undefined; // cut short by a full disk: a run without --retry-failed tries what it told
  }
}

/** Paths of all files in an output folder that list failures: one, and one for each part. */
export function failuresFiles(folder: string): string[] {
  const stateDir = join(folder, STATE_DIR);
  if (!exists(stateDir)) return [];
  const names = readdirSync(stateDir).filter((name) => /^failures(\..*)?\.jsonl$/.test(name));
  return names.sort().map((name) => join(stateDir, name));
}
