/** What has come of a file that is fetched: on disk as it comes, so that any later run goes on. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileReason, SetupError } from "../../shared/errors.ts";
import { requireOwn, STATE_DIR } from "../../shared/files.ts";
import { takeLock } from "../../shared/lock.ts";

/** Where a file is from, and what tells whether it is still the same there. */
export interface Source {
  readonly url: string;
  /** Empty if there is none. */
  readonly etag: string;
  /** Date as a header tells it; empty if there is none. */
  readonly lastModified: string;
}

/** The part of a file that is there; one run at a time has it. */
export class PartFile implements Disposable {
  private constructor(
    readonly path: string,
    private readonly file: Deno.FsFile,
    private readonly lock: Deno.FsFile,
    private length: number,
    private from: Source | undefined,
  ) {}

  /**
   * Opens `<dir>/.maken/<md5>.part`, where an earlier run may have left something.
   *
   * @param md5 of the whole file, in hex
   * @throws {SetupError} if another run has it, or it cannot be written
   */
  static async open(dir: string, md5: string): Promise<PartFile> {
    const path = join(dir, STATE_DIR, `${md5}.part`);
    using stack = new DisposableStack();
    try {
      for (const end of ["part", "source", "lock"]) requireOwn(dir, `${STATE_DIR}/${md5}.${end}`);
      await Deno.mkdir(join(dir, STATE_DIR), { recursive: true });
      const lock = await takeLock(path.replace(/part$/, "lock"), true);
      if (lock === undefined) {
        throw new SetupError(`Cannot write "${path}": another run is fetching this file`);
      }
      stack.use(lock);
      const file = stack.use(await Deno.open(path, { create: true, read: true, append: true }));
      const part = new PartFile(
        path,
        file,
        lock,
        (await file.stat()).size,
        await readSource(sourcePath(path)),
      );
      stack.move();
      return part;
    } catch (error) {
      if (error instanceof SetupError) throw error;
      throw new SetupError(`Cannot write "${path}": ${fileReason(error)}`, { cause: error });
    }
  }

  /** Bytes that are there, from the file's beginning. */
  get size(): number {
    return this.length;
  }

  /** Where they are from, if that is known. */
  get source(): Source | undefined {
    return this.from;
  }

  /** Notes where the bytes are from. */
  async setSource(source: Source): Promise<void> {
    const text = sourceText(source);
    if (this.from !== undefined && sourceText(this.from) === text) return;
    this.from = source;
    await Deno.writeTextFile(sourcePath(this.path), text);
  }

  /** Adds bytes; where that fails, those that were written count. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      const n = await this.file.write(bytes.subarray(written));
      written += n;
      this.length += n;
    }
  }

  /** Takes all bytes away. */
  async clear(): Promise<void> {
    await this.file.truncate(0);
    this.length = 0;
  }

  /** First bytes, `n` at the most. */
  async start(n: number): Promise<Uint8Array> {
    await this.file.seek(0, Deno.SeekMode.Start);
    const bytes = new Uint8Array(n);
    return bytes.subarray(0, await this.file.read(bytes) ?? 0);
  }

  /** md5 of what is there, in hex. */
  async md5(): Promise<string> {
    const hash = createHash("md5");
    await this.file.seek(0, Deno.SeekMode.Start);
    const buffer = new Uint8Array(1 << 20);
    for (let n; (n = await this.file.read(buffer)) !== null;) hash.update(buffer.subarray(0, n));
    return hash.digest("hex");
  }

  /** Removes it: it is stored elsewhere, or of no use. It takes no more bytes then. */
  async remove(): Promise<void> {
    this.file.close();
    await Deno.remove(this.path);
    await Deno.remove(sourcePath(this.path)).catch(() => {}); // mostly not there
  }

  [Symbol.dispose](): void {
    this.file[Symbol.dispose]();
    this.lock.close();
  }
}

const sourcePath = (path: string) => path.replace(/part$/, "source");

/** A line for each, none of which holds a line break. */
const sourceText = ({ url, etag, lastModified }: Source) =>
  [url, etag, lastModified].join("\n") + "\n";

async function readSource(path: string): Promise<Source | undefined> {
  try {
    const [url = "", etag = "", lastModified = ""] = (await Deno.readTextFile(path)).split("\n");
    return { url, etag, lastModified };
  } catch {
    return undefined; // the checksum tells in the end
  }
}
