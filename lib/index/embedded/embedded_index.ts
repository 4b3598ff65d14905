/**
 * An index in one SQLite file. Vectors lie there as float32; a code of one bit a dimension lies in
 * memory, is scanned whole, and the best candidates are compared exactly.
 */
import { errorMessage, SetupError } from "../../shared/errors.ts";
import { BinaryCoder } from "./codes/binary_code.ts";
import { EmbeddedFile, type Mode, toFloats, whenFree } from "./file.ts";
import { EMPTY, type Meta, modelOf } from "./schema.ts";
import type { ModelIdentity } from "../../vectors/model_identity.ts";
import { EmbeddedSearch, matchingRows } from "./search.ts";
import { EmbeddedWriter } from "./writer.ts";
import type {
  BulkResult,
  Document,
  Filters,
  Hit,
  IndexItem,
  Page,
  TextHits,
  VectorIndex,
} from "../types.ts";
import { filterQuery, matches, wordQuery } from "../words.ts";

/** Matches that are put in order; of words that more have, the oldest documents come first. */
const MAX_RANKED = 20_000;

/** How a file is opened. */
export interface EmbeddedOptions {
  /** Folder of the indexes. */
  readonly dir: string;
  /** Name of the index: the file is `<dir>/<name>.sqlite`. */
  readonly name: string;
  readonly mode: Mode;
  /** It will be cleared: one of another format makes way for a new one. */
  readonly recreate?: boolean | undefined;
  /** Told what a user should know, in one line. */
  readonly onNotice?: (text: string) => void;
}

/** Opens an embedded index. */
export class EmbeddedIndex implements VectorIndex {
  readonly kind = "embedded";
  /** As it was when the last transaction began, or ended if that was a write. */
  #meta: Meta = EMPTY;
  /** Undefined while there is no vector. */
  #search: EmbeddedSearch | undefined;

  private constructor(readonly name: string, private readonly file: EmbeddedFile) {}

  /**
   * Opens or makes the index.
   *
   * @throws {SetupError} if it is not there, not an index, or cannot be written
   */
  static async open(
    { dir, name, mode, recreate = false, onNotice = () => {} }: EmbeddedOptions,
  ): Promise<EmbeddedIndex> {
    const file = await EmbeddedFile.open(dir, name, mode, { recreate, onNotice });
    const index = new EmbeddedIndex(name, file);
    try {
      await index.count(); // so that `dims` and `model` are known
      return index;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get dims(): number | undefined {
    return this.#meta.dims ?? undefined;
  }

  get model(): ModelIdentity | undefined {
    return modelOf(this.#meta);
  }

  generation(): Promise<string | undefined> {
    return this.#read(() => {
      const { epoch, seed } = this.#meta;
      return seed === null ? undefined : `${epoch}.${seed}`;
    });
  }

  setModel(model: ModelIdentity): Promise<void> {
    return this.#write((meta) => {
      const { name } = model;
      const identity = JSON.stringify(model);
      this.file.run("UPDATE meta SET model = ?, model_identity = ?", name, identity);
      return [undefined, { ...meta, model: name, model_identity: identity }];
    });
  }

  count(filters: Filters = {}): Promise<number> {
    return this.#read(() => {
      const { access, ...others } = filters;
      if (filterQuery(others) !== undefined) return this.#countMatches(filterQuery(filters)!);
      if (access === undefined) return this.#meta.documents;
      const found = this.file.get("SELECT documents FROM access WHERE value = ?", access);
      return Number(found?.documents ?? 0);
    });
  }

  facet(_field: "access"): Promise<ReadonlyMap<string, number>> {
    return this.#read(() => {
      const sql = "SELECT value, documents FROM access WHERE documents > 0 ORDER BY 2 DESC, 1";
      const rows = this.file.prepare(sql).all();
      return new Map(rows.map(({ value, documents }) => [String(value), Number(documents)]));
    });
  }

  bulk(items: readonly IndexItem[]): Promise<BulkResult[]> {
    if (items.length === 0) return Promise.resolve([]);
    return this.#write((meta) => {
      const coder = this.#search?.coder ?? newCoder(firstLength(items));
      const writer = new EmbeddedWriter(this.file, meta, coder);
      const results = items.map((item) => writer.put(item));
      const isChanged = results.some((result) => "result" in result && result.result !== "noop");
      return [results, isChanged ? writer.finish() : meta];
    });
  }

  delete(ids: readonly string[]): Promise<void> {
    return this.#write((meta) => {
      if (this.#search === undefined) return [undefined, meta];
      const writer = new EmbeddedWriter(this.file, meta, this.#search.coder);
      for (const id of ids) writer.delete(id);
      return [undefined, writer.finish()];
    });
  }

  clear(): Promise<void> {
    return this.#write(({ epoch, change }) => {
      const tables = ["document", "vector", "block", "access", "free"];
      for (const table of tables) this.file.run(`DELETE FROM ${table}`);
      this.file.run("INSERT INTO words (words) VALUES ('delete-all')");
      this.file.run(
        "UPDATE meta SET epoch = epoch + 1, change = change + 1, rows = 0, documents = 0, " +
          "dims = NULL, seed = NULL, model = NULL, model_identity = NULL",
      );
      return [undefined, { ...EMPTY, epoch: epoch + 1, change: change + 1 }];
    });
  }

  /** Every search sees what was put in or taken out at once. */
  refresh(): Promise<void> {
    return Promise.resolve();
  }

  get(field: "id" | "filename", value: string): Promise<IndexItem | undefined> {
    return this.#read(() => {
      const condition = field === "id" ? "id = ?" : "filename = ? AND filename <> ''";
      const found = this.file.get(
        `SELECT source, value FROM document JOIN vector USING (row) WHERE ${condition} ` +
          "ORDER BY id LIMIT 1",
        value,
      );
      if (found === undefined) return undefined;
      const vector = toFloats(found.value, this.#meta.dims ?? 0);
      return { document: JSON.parse(String(found.source)), vector };
    });
  }

  nearest(vector: Float32Array, k: number, filters: Filters = {}): Promise<Hit[]> {
    return this.#read(() => this.#search?.nearest(vector, k, filters, this.#meta.change) ?? []);
  }

  text(words: string, { size, offset = 0, filters = {} }: Page): Promise<TextHits> {
    return this.#read(() => {
      const query = wordQuery(words);
      if (query === undefined) return { total: 0, documents: [] };
      const match = [query, filterQuery(filters) ?? []].flat().join(" AND ");
      const total = this.#countMatches(match);
      const order = total <= MAX_RANKED ? "rank, rowid" : "rowid";
      const sql = "SELECT rowid AS row FROM words WHERE words MATCH ?";
      const page = this.file.prepare(`${sql} ORDER BY ${order} LIMIT ? OFFSET ?`);
      const rows = page.all(match, size, offset);
      return { total, documents: rows.map(({ row }) => this.file.document(Number(row))!) };
    });
  }

  random(size: number, filters: Filters = {}): Promise<readonly Document[]> {
    return this.#read(() => {
      const found = new Map<number, Document>();
      // Rows are dense, so most tries are hits unless the filters' values are rare.
      for (let tries = 4 * size + 100; tries > 0 && found.size < size; tries--) {
        const row = Math.floor(Math.random() * this.#meta.rows);
        const document = found.has(row) ? undefined : this.file.document(row);
        if (document !== undefined && matches(document, filters)) found.set(row, document);
      }
      if (found.size === size) return [...found.values()];
      const rows = matchingRows(this.file, filters);
      return sample(rows, size).map((row) => this.file.document(row)!);
    });
  }

  /** Nothing: each bulk is seen at once, and costs no more for it. */
  beginLoad(): Promise<void> {
    return Promise.resolve();
  }

  endLoad(): Promise<void> {
    return Promise.resolve();
  }

  /** Nothing: a run is refused before it makes the file. */
  removeIfUnused(): Promise<void> {
    return Promise.resolve();
  }

  /** Never: the vectors stay on disk. */
  memoryWarning(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Nothing that would outlast this process. */
  warmup(): Promise<void> {
    return Promise.resolve();
  }

  forcemerge(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => resolve(this.file.close()));
  }

  #countMatches(query: string): number {
    return Number(this.file.get("SELECT count(*) AS n FROM words WHERE words MATCH ?", query)!.n);
  }

  /** All of the work or none of it, in the file and in memory. */
  #write<T>(work: (meta: Meta) => [T, Meta]): Promise<T> {
    return this.#try("write to", () => {
      const [result, meta] = this.file.transaction("BEGIN IMMEDIATE", () => {
        this.#notice(this.file.meta());
        return work(this.#meta);
      });
      this.#notice(meta);
      return result;
    });
  }

  /** All of the work on one state of the file. */
  #read<T>(work: () => T): Promise<T> {
    const read = () =>
      this.file.transaction("BEGIN", () => {
        this.#notice(this.file.meta());
        return work();
      });
    return this.#try("read", () => whenFree(read));
  }

  /** Takes over what the file holds now. */
  #notice(meta: Meta): void {
    if (meta.epoch !== this.#meta.epoch || meta.seed !== this.#meta.seed) {
      this.#search = searchOf(this.file, meta);
    }
    this.#meta = meta;
  }

  async #try<T>(what: string, work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const message = `Cannot ${what} index "${this.name}": ${errorMessage(error)}`;
      throw new SetupError(message, { cause: error });
    }
  }
}

function searchOf(file: EmbeddedFile, { dims, seed }: Meta): EmbeddedSearch | undefined {
  if (dims === null || seed === null) return undefined;
  return new EmbeddedSearch(file, new BinaryCoder(dims, seed));
}

/** Length of the first vector that can be used. */
function firstLength(items: readonly IndexItem[]): number {
  const usable = items.find(({ vector }) => vector.some((x) => x !== 0) && vector.every(isFinite));
  return usable?.vector.length ?? 1;
}

function newCoder(dims: number): BinaryCoder {
  return new BinaryCoder(dims, crypto.getRandomValues(new Uint32Array(1))[0]!);
}

/** Some of the numbers, each at most once. */
function sample(numbers: Uint32Array, size: number): number[] {
  const taken = Math.min(size, numbers.length);
  for (let i = 0; i < taken; i++) {
    const other = i + Math.floor(Math.random() * (numbers.length - i));
    [numbers[i], numbers[other]] = [numbers[other]!, numbers[i]!];
  }
  return Array.from(numbers.subarray(0, taken));
}
