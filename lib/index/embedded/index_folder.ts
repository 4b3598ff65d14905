/** The embedded indexes of a folder. */
import { join } from "node:path";
import { PLAIN_NAME } from "../../shared/args.ts";
import { AbsentIndexError, fileReason, SetupError } from "../../shared/errors.ts";
import { EmbeddedIndex } from "./embedded_index.ts";
import type { Indexes, VectorIndex } from "../types.ts";

const EXTENSION = ".sqlite";

/** A file that was opened. */
interface Opened {
  /** Tells the file from another one that takes its place. */
  readonly inode: number | null;
  readonly index: Promise<EmbeddedIndex>;
  /** Calls that work with it. */
  users: number;
  /** Another file has its name: it is closed after the last call. */
  isReplaced: boolean;
  isClosed: boolean;
}

/** Keeps the files open that were asked for. Needs read permission for the folder. */
export class IndexFolder implements Indexes {
  readonly #opened = new Map<string, Opened>();

  /** @param dir absolute path; it may come into being later */
  constructor(private readonly dir: string) {}

  async use<T>(name: string, work: (index: VectorIndex) => Promise<T>): Promise<T> {
    const opened = this.#open(name, await this.#inode(name));
    try {
      return await work(await opened.index);
    } catch (error) {
      if (error instanceof SetupError) this.#drop(name, opened);
      throw error;
    } finally {
      opened.users--;
      await closeUnused(opened);
    }
  }

  async names(): Promise<string[]> {
    try {
      const entries = await Array.fromAsync(Deno.readDir(this.dir));
      return entries.filter(({ name, isDirectory }) => name.endsWith(EXTENSION) && !isDirectory)
        .map(({ name }) => name.slice(0, -EXTENSION.length))
        .filter((name) => PLAIN_NAME.test(name)).sort();
    } catch (error) {
      const reason = fileReason(error);
      throw new SetupError(`Cannot read index folder "${this.dir}": ${reason}`, { cause: error });
    }
  }

  async check(): Promise<void> {
    await this.names();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#opened].map(([name, opened]) => this.#drop(name, opened)));
  }

  #open(name: string, inode: number | null): Opened {
    let opened = this.#opened.get(name);
    if (opened === undefined || opened.inode !== inode) {
      if (opened !== undefined) this.#drop(name, opened);
      const index = EmbeddedIndex.open({ dir: this.dir, name, mode: "read" });
      this.#opened.set(
        name,
        opened = { inode, index, users: 0, isReplaced: false, isClosed: false },
      );
    }
    opened.users++;
    return opened;
  }

  async #inode(name: string): Promise<number | null> {
    const isAbsent = (error: unknown) =>
      error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
    try {
      if (PLAIN_NAME.test(name)) {
        const { ino, isFile } = await Deno.stat(join(this.dir, name + EXTENSION));
        if (isFile) return ino;
      }
    } catch (error) {
      if (!isAbsent(error)) {
        throw new SetupError(`Cannot open index "${name}": ${fileReason(error)}`, { cause: error });
      }
    }
    const known = this.#opened.get(name);
    if (known !== undefined) this.#drop(name, known);
    throw new AbsentIndexError(`There is no index "${name}"`);
  }

  /** Has the file opened again when it is next wanted. */
  #drop(name: string, opened: Opened): Promise<void> {
    opened.isReplaced = true;
    if (this.#opened.get(name) === opened) this.#opened.delete(name);
    return closeUnused(opened);
  }
}

async function closeUnused(opened: Opened): Promise<void> {
  if (opened.users > 0 || !opened.isReplaced || opened.isClosed) return;
  opened.isClosed = true;
  const index = await opened.index.catch(() => undefined); // was told when it was opened
  await index?.[Symbol.asyncDispose]();
}
