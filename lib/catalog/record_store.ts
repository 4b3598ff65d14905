/** Records on disk: `<folder>/<group>/…/<id>.json`. */
import { join } from "node:path";
import { FileError, fileReason, RecordError } from "../shared/errors.ts";
import { type OutputFolder } from "../shared/output_folder.ts";
import { isRawNumber, kindOfJson } from "./exact_json.ts";
import { idText } from "./record.ts";
import { type RecordFile, recordFile } from "./record_files.ts";
import type { IdMemory } from "./ids/id_memory.ts";
import { below } from "../shared/walk.ts";
import { groupFolders, type GroupKey, isReservedOnWindows } from "./group_by.ts";

/** Longest id in UTF-8 bytes: leaves room for suffixes within a file name's 255. */
const MAX_ID_BYTES = 200;

/** Groups whose folders are remembered. */
const MAX_KNOWN = 10_000;

/** Stores records one by one. */
export class RecordStore {
  /** Folders by the names that they would get. */
  readonly #known = new Map<string, string[]>();

  #moved = 0;

  constructor(
    private readonly folder: OutputFolder,
    private readonly ids: IdMemory,
    private readonly groupBy: readonly GroupKey[],
    private readonly overwrite: boolean,
  ) {}

  /**
   * Stores a record, unless it is there already; to overwrite is to replace what has changed. One that
   * lies in another folder is stored anew, and then goes from there. Tells its file, too.
   *
   * @throws {RecordError} if the record has no id that can be a file name
   * @throws {FileError} if it cannot be written, or its older file cannot be removed
   */
  put(json: unknown): { readonly record: RecordFile; readonly result: "stored" | "skipped" } {
    const id = recordId(json);
    const group = this.#folders(groupFolders(json, this.groupBy)).join("/");
    const { folder, isNew, older } = this.ids.place(id, group);
    const path = below(folder, `${id}.json`);
    const result = this.#write(path, json, isNew && older.length > 0);
    if (older.filter((other) => this.ids.removeOlder(id, other, folder)).length > 0) this.#moved++;
    return { record: recordFile(this.folder.path, path), result };
  }

  /** Records whose files in other folders have gone. */
  get moved(): number {
    return this.#moved;
  }

  /** The folders as they are there already: older scripts wrote their names in other case of letters. */
  #folders(names: readonly string[]): string[] {
    const key = names.join("/");
    let folders = this.#known.get(key);
    if (folders === undefined) {
      folders = [];
      for (const name of names) folders.push(this.#nameIn(folders.join("/"), name));
      if (this.#known.size >= MAX_KNOWN) this.#known.clear();
      this.#known.set(key, folders);
    }
    return folders;
  }

  #nameIn(parent: string, name: string): string {
    if (this.folder.has(join(parent, name))) return name;
    const isSame = (other: string) => other.normalize("NFC").toLowerCase() === name;
    return this.folder.namesIn(parent).find(isSame) ?? name;
  }

  #write(path: string, json: unknown, isMoved: boolean): "stored" | "skipped" {
    if (!this.overwrite && !isMoved && this.folder.has(path)) return "skipped";
    const text = JSON.stringify(json);
    if (this.overwrite && !isMoved && this.#read(path) === text) return "skipped";
    this.ids.changing(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    this.folder.write(path, text);
    return "stored";
  }

  #read(path: string): string | undefined {
    try {
      return this.folder.read(path);
    } catch (error) {
      throw new FileError(`Cannot read "${path}": ${fileReason(error)}`, { cause: error });
    }
  }
}

/**
 * The record's id, if it is safe as a file name everywhere; of a number its digits.
 *
 * @throws {RecordError} if it is not
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(recordId({ id: "42ef89cb50684bc302a35833f9746c26" }).length, 32);
 * assert.throws(() => recordId({ id: "../../etc/passwd" }), { code: "record_id" });
 * ```
 */
export function recordId(record: unknown): string {
  if (typeof record !== "object" || record === null || Array.isArray(record)) {
    throw new RecordError("Cannot store a record: it is not a JSON object", "record_id");
  }
  const { id } = record as { id?: unknown };
  if (id === undefined) {
    throw new RecordError("Cannot store a record with no id: it has none", "record_id");
  }
  const text = idText(id);
  if (text === undefined) {
    const what = isNumber(id) ? "neither a text nor a whole number" : "not a text";
    throw new RecordError(
      `Cannot store a record: its id is ${kindOfJson(id)}, ${what}`,
      "record_id",
    );
  }
  if (isSafeFileName(text)) return text;
  const shown = JSON.stringify(text).slice(0, 80);
  throw new RecordError(
    `Cannot store a record with its id ${shown}: it is not safe as a file name`,
    "record_id",
  );
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || isRawNumber(value);
}

function isSafeFileName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && name.isWellFormed() &&
    !/[/\\<>:"|?*\p{Cc}]|\.\.|^\s|\s$/u.test(name) &&
    !isReservedOnWindows(name) && new TextEncoder().encode(name).length <= MAX_ID_BYTES;
}
