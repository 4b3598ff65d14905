/**
 * Documents with their vectors in one file, `<id><suffix>.json`, as the weekly jobs of the older Python
 * scripts wrote them: `{id, filename, access, title, creators, subject, vector}`.
 */
import { join } from "node:path";
import { utf8Text } from "../catalog/declared_text.ts";
import { notJsonReason, parseExact } from "../catalog/exact_json.ts";
import { idText, toRecord } from "../catalog/record.ts";
import { FieldReader, href, text, textOrNumber } from "../catalog/record_fields.ts";
import type { RecordFile } from "../catalog/record_files.ts";
import { term, toDocument } from "../index/document.ts";
import type { Document, IndexItem } from "../index/types.ts";
import { fileReason, RecordError, VectorError } from "../shared/errors.ts";
import { exists, readFile } from "../shared/files.ts";
import { Layout } from "../shared/layout.ts";

/** A document of which something may have been left out. */
interface Read {
  readonly document: Document;
  /** Fields that hold something of another kind. */
  readonly leftOut: readonly string[];
}

/** Reads such files. */
export class JsonDocuments {
  readonly #layout: Layout;

  /**
   * @param suffix follows the id in a file's name
   * @param recordsDir absolute path of the folder with the catalogue's records
   */
  constructor(private readonly suffix: string, private readonly recordsDir: string) {
    this.#layout = new Layout(recordsDir);
  }

  /**
   * The document and vector of a file. Its name is the id: those scripts wrote what belongs to the last
   * record of a batch into every file of it, all but the vector. Where the id inside is another one, the
   * catalogue's record is taken.
   *
   * @throws {RecordError} if it is no such document, or another one's without a record of its own
   * @throws {VectorError} if its vector is not a list of numbers
   */
  async read(file: RecordFile): Promise<Read & IndexItem> {
    const id = this.#id(file);
    if (id === "") {
      throw new RecordError(`Cannot use "${file.path}": its name has no id`, "record_id");
    }
    const json = await readObject(file.path);
    const vector = vectorOf(json, file.path);
    const isOwn = idText(json.id) === id;
    const read = isOwn ? documentOf(id, json) : await this.#fromRecord(id, file, json.id);
    return { ...read, vector };
  }

  /** The file, and those in which the catalogue's record of its id may be. */
  files(file: RecordFile): string[] {
    return [file.path, ...this.#recordPaths(this.#id(file), file)];
  }

  #id({ stem }: RecordFile): string {
    return stem.slice(0, stem.length - this.suffix.length);
  }

  #recordPaths(id: string, { path, folder }: RecordFile): string[] {
    return [...this.#layout.folders(folder)]
      .map((place) => join(this.recordsDir, place, `${id}.json`))
      .filter((own) => own !== path && exists(own));
  }

  async #fromRecord(id: string, file: RecordFile, found: unknown): Promise<Read> {
    for (const own of this.#recordPaths(id, file)) {
      const json = await readObject(own);
      const record = toRecord(json);
      // A document with a vector is no record, and may be another one's as well.
      if (record?.id !== id || "vector" in json) continue;
      return { document: toDocument(record), leftOut: record.leftOut };
    }
    throw new RecordError(
      `Cannot use "${file.path}": it tells of ${
        JSON.stringify(found) ?? "no id"
      }, and there is no record ` +
        `"${id}" in "${this.recordsDir}" (--records-dir)`,
      "record_id",
    );
  }
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  const fail = (reason: string, cause?: unknown) =>
    new RecordError(`Cannot read "${path}": ${reason}`, "record_json", { cause });
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fail(fileReason(error), error);
  }
  const text = utf8Text(bytes);
  if (text === undefined) throw fail("it is not UTF-8");
  try {
    const json = JSON.parse(text);
    if (typeof json === "object" && json !== null && !Array.isArray(json)) {
      // Only an id that is a long number needs the digits as they are written.
      const isLong = typeof json.id === "number" && !Number.isSafeInteger(json.id);
      return isLong ? { ...json, id: (parseExact(text) as { id: unknown }).id } : json;
    }
  } catch (error) {
    throw fail(notJsonReason(text, error), error);
  }
  throw fail("it is not a JSON object");
}

/** @throws {VectorError} if it is not a list of numbers, even without the lists of one around them */
function vectorOf({ vector }: Record<string, unknown>, path: string): Float32Array {
  let numbers = vector;
  while (Array.isArray(numbers) && isNested(numbers)) numbers = numbers.flat();
  if (Array.isArray(numbers) && numbers.length > 0 && numbers.every((n) => typeof n === "number")) {
    return Float32Array.from(numbers);
  }
  const reason = vector === undefined
    ? 'it has no "vector"'
    : 'its "vector" is not a list of numbers';
  throw new VectorError(`Cannot use "${path}": ${reason}`, "vector_file");
}

/** Whether a list has an axis of length 1, its own or that of its lists. */
function isNested(list: readonly unknown[]): boolean {
  return list.length > 0 && list.every(Array.isArray) &&
    (list.length === 1 || list.every((inner) => inner.length === 1));
}

function documentOf(id: string, json: Record<string, unknown>): Read {
  const reader = new FieldReader();
  const one = (name: string, read?: (value: unknown) => string | undefined) =>
    (reader.one(name, json[name], read) ?? "").trim();
  const many = (name: string) => reader.many(name, json[name]).map((found) => found.trim());
  const document = {
    id,
    filename: one("filename", textOrNumber),
    access: term(one("access").toLowerCase()),
    title: one("title", textOrNumber),
    creators: many("creators"),
    subject: many("subject"),
    license: term(one("license")),
    date: term(one("date", textOrNumber)),
    thumbnail: one("thumbnail", (link) => href(link) ?? text(link)),
  };
  return { document, leftOut: reader.leftOut };
}
