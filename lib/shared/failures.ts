/** Failed items, listed one a line in the `.maken` folder of an output folder. */
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileReason, SetupError } from "./errors.ts";
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

/** The list that one run adds to: what an earlier run left in it comes first. */
export class FailureList implements Disposable {
  #earlier: number;

  private constructor(
    readonly path: string,
    private readonly file: Deno.FsFile,
    length: number,
  ) {
    this.#earlier = length;
  }

  /** Opens the list; nothing is taken off it. */
  static async open(path: string): Promise<FailureList> {
    const file = await Deno.open(path, { create: true, append: true });
    try {
      return new FailureList(path, file, (await Deno.stat(path)).size);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** The failures that an earlier run left. */
  earlier(): AsyncGenerator<Partial<Failure>> {
    return readFailures(this.path, this.#earlier);
  }

  /** Length of the list in bytes, to go on from with {@linkcode keep}. */
  async length(): Promise<number> {
    return (await Deno.stat(this.path)).size;
  }

  /**
   * Cuts the list to its first `length` bytes: what an earlier run had listed when it got where this
   * one goes on. Gives false, and keeps nothing, if another run has written the list since.
   */
  async keep(length: number): Promise<boolean> {
    const isKept = length === 0 || (await Deno.readFile(this.path))[length - 1] === 0x0a;
    this.#earlier = isKept ? length : 0;
    await this.file.truncate(this.#earlier);
    return isKept;
  }

  /** Adds a line. */
  async add(failure: Failure): Promise<void> {
    const line = new TextEncoder().encode(JSON.stringify(failure) + "\n");
    try {
      for (let written = 0; written < line.length;) {
        written += await this.file.write(line.subarray(written));
      }
    } catch (error) {
      const reason = fileReason(error);
      throw new SetupError(`Cannot write "${this.path}": ${reason}`, { cause: error });
    }
  }

  /** The list's text without those of an earlier run that this one has tried again. */
  async textWithout(wasTried: (failure: Partial<Failure>) => boolean): Promise<string> {
    let kept = "";
    for await (const failure of this.earlier()) {
      if (!wasTried(failure)) kept += `${JSON.stringify(failure)}\n`;
    }
    const added = (await Deno.readFile(this.path)).subarray(this.#earlier);
    return kept + new TextDecoder().decode(added);
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}
