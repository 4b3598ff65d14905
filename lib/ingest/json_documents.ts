/**
 * Documents with their vectors in one file, `<id><suffix>.json`, as the weekly jobs of the older Python
 * scripts wrote them: `{id, filename, access, title, creators, subject, vector}`.
 */
import { join } from "node:path";
import { utf8Text } from "../catalog/declared_text.ts";
import { readRecord, type RecordFile, recordFile } from "../catalog/record_files.ts";
import { toDocument } from "../index/document.ts";
import type { Document, IndexItem } from "../index/types.ts";
import { fileReason, RecordError, VectorError } from "../shared/errors.ts";
import { exists, readFile } from "../shared/files.ts";
import { Layout } from "../shared/layout.ts";

/** Reads such files. */
export class JsonDocuments {
  readonly #layout: Layout | undefined;

  /**
   * @param suffix follows the id in a file's name
   * @param recordsDir absolute path of the folder with the catalogue's records, if there is one
   */
  constructor(private readonly suffix: string, private readonly recordsDir: string | undefined) {
    this.#layout = recordsDir === undefined ? undefined : new Layout(recordsDir);
  }

  /**
   * The document and vector of a file. Its name is the id: those scripts wrote what belongs to the last
   * record of a batch into every file of it, all but the vector. Where the id inside is another one, the
   * catalogue's record is taken.
   *
   * @throws {RecordError} if it is no such document, or another one's without a record of its own
   * @throws {VectorError} if its vector is not a list of numbers
   */
  async read(file: RecordFile): Promise<IndexItem> {
    const id = this.#id(file);
    const json = await readObject(file.path);
    const vector = vectorOf(json, file.path);
    const document = json.id === id
      ? documentOf(id, json)
      : await this.#fromRecord(id, file, json.id);
    return { document, vector };
  }

  /** The file, and the catalogue's record of its id where there is one. */
  files(file: RecordFile): string[] {
    const record = this.#record(this.#id(file), file);
    return record === undefined ? [file.path] : [file.path, record.path];
  }

  #id({ stem }: RecordFile): string {
    return stem.slice(0, stem.length - this.suffix.length);
  }

  #record(id: string, { path, folder }: RecordFile): RecordFile | undefined {
    for (const place of this.#layout?.folders(folder) ?? []) {
      const relative = join(place, `${id}.json`);
      const own = join(this.recordsDir!, relative);
      if (own !== path && exists(own)) return recordFile(this.recordsDir!, relative);
    }
    return undefined;
  }

  async #fromRecord(id: string, file: RecordFile, found: unknown): Promise<Document> {
    const record = this.#record(id, file);
    if (record !== undefined) return toDocument(await readRecord(record));
    const where = this.recordsDir === undefined
      ? "; --records-dir may have it"
      : ` in "${this.recordsDir}"`;
    throw new RecordError(
      `Cannot use "${file.path}": it tells of ${
        JSON.stringify(found) ?? "no id"
      }, and there is no record ` +
        `"${id}"${where}`,
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
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json;
  } catch (error) {
    throw fail("it is not JSON", error);
  }
  throw fail("it is not a JSON object");
}

function vectorOf({ vector }: Record<string, unknown>, path: string): Float32Array {
  if (Array.isArray(vector) && vector.length > 0 && vector.every((n) => typeof n === "number")) {
    return Float32Array.from(vector);
  }
  const reason = vector === undefined
    ? 'it has no "vector"'
    : 'its "vector" is not a list of numbers';
  throw new VectorError(`Cannot use "${path}": ${reason}`, "vector_file");
}

function documentOf(id: string, json: Record<string, unknown>): Document {
  const text = (value: unknown) => typeof value === "string" ? value.trim() : "";
  const texts = (value: unknown) =>
    (Array.isArray(value) ? value : [value]).map(text).filter((part) => part !== "");
  return {
    id,
    filename: text(json.filename),
    access: text(json.access).toLowerCase(),
    title: text(json.title),
    creators: texts(json.creators),
    subject: texts(json.subject),
    license: text(json.license),
    date: text(json.date),
    thumbnail: text(json.thumbnail),
  };
}
