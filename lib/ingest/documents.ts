/** Documents with their vectors: what ingest makes of records, and puts into an index. */
import type { RecordPlaces } from "../catalog/ids/record_places.ts";
import { accessOf, readRecord, type RecordFile } from "../catalog/record_files.ts";
import { toDocument } from "../index/document.ts";
import type { IndexItem } from "../index/types.ts";
import { count } from "../shared/progress.ts";
import { filesProof } from "../shared/proof.ts";
import type { Stage } from "../shared/run.ts";
import { regrouped } from "../shared/streams.ts";
import { VectorFolder } from "../vectors/vector_folder.ts";
import { JsonDocuments } from "./json_documents.ts";
import type { Position } from "./journal.ts";
import type { IngestOptions } from "./options.ts";

/** Records that are read at a time. */
const READERS = 32;

/** A record that is to be in the index. */
export interface Source {
  readonly record: RecordFile;
  /** Its vector, where that is at hand; else its file is read. */
  readonly vector?: Float32Array;
  /** Its place in the order of a run that can be gone on with. */
  readonly position?: Position;
}

/** The document of a source, with its vector. */
export interface Loaded extends IndexItem {
  readonly source: Source;
}

/** Documents that the index has now, or that failed and were counted. */
export interface LoadedGroup {
  readonly items: readonly Loaded[];
  /** Of the index that they went into, see `VectorIndex.generation`. */
  readonly generation: string | undefined;
}

/** Reads records and vectors, and counts the records that have no vector. */
export class DocumentReader {
  readonly #vectors: VectorFolder;
  readonly #json: JsonDocuments | undefined;
  #withoutVector = 0;
  /** Records with something that is left out, and what it is in the first of them. */
  #oddRecords = 0;
  #oddExample: string | undefined;

  /** @param places tells where records lay, as their vectors may do still */
  constructor(
    private readonly options: IngestOptions,
    private readonly stage: Stage,
    places?: Pick<RecordPlaces, "earlierFolders">,
  ) {
    const { vectorsDir, recordsDir, format, suffix } = options;
    this.#vectors = new VectorFolder(
      vectorsDir,
      options,
      (stem) => places?.earlierFolders(stem) ?? [],
    );
    this.#json = format === "json" ? new JsonDocuments(suffix, recordsDir) : undefined;
  }

  /** The documents of the sources that have a vector, as many together as a bulk takes. */
  groups(sources: AsyncIterable<readonly Source[]>): AsyncGenerator<Loaded[]> {
    return regrouped(this.#read(sources), this.options.bulkSize);
  }

  async *#read(sources: AsyncIterable<readonly Source[]>): AsyncGenerator<Loaded[]> {
    for await (const some of regrouped(sources, READERS)) yield await this.read(some);
  }

  /** The documents of those of the sources that have a vector; all are read at the same time. */
  async read(sources: readonly Source[]): Promise<Loaded[]> {
    const items = await Promise.all(sources.map((source) => this.#readOne(source)));
    return items.filter((item) => item !== undefined);
  }

  /** Undefined if the record has no vector or cannot be used, which is counted. */
  async #readOne(source: Source): Promise<Loaded | undefined> {
    const { record } = source;
    const item = { id: record.stem, file: record.path, about: indexName(this.options) };
    const proof = () => this.#proof(source);
    try {
      if (await this.stage.failedBefore(item, proof) !== undefined) return undefined;
      if (this.#json !== undefined) {
        const { document, vector, leftOut } = await this.#json.read(record);
        this.#countLeftOut(document.id, leftOut);
        return { document, vector, source };
      }
      const catalogued = await readRecord(record);
      this.#countLeftOut(catalogued.id, catalogued.leftOut);
      const document = toDocument(catalogued);
      const vector = source.vector ??
        await this.#vectors.read(record.folder, record.stem, () => catalogued.access);
      if (vector !== undefined) return { document, vector, source };
      this.stage.stats.skipped++;
      this.#withoutVector++;
      this.stage.settle(item);
    } catch (error) {
      this.stage.fail({ ...item, stage: "read", proof: proof() }, error);
    }
    return undefined;
  }

  /** Names the files that a document is made from. */
  #proof({ record, vector }: Source): string | undefined {
    if (this.#json !== undefined) return filesProof(...this.#json.files(record));
    const path = vector === undefined
      ? this.#vectors.find(record.folder, record.stem, accessOf(record))
      : undefined;
    return filesProof(record.path, ...path === undefined ? [] : [path]);
  }

  #countLeftOut(id: string, leftOut: readonly string[]): void {
    if (leftOut.length === 0) return;
    this.#oddRecords++;
    this.#oddExample ??= `${leftOut.join(", ")} of "${id}"`;
  }

  /** How many records were skipped for want of a vector. */
  get withoutVector(): number {
    return this.#withoutVector;
  }

  /** Says how many records were skipped for want of a vector, and what was read in another way. */
  explain(): void {
    const { textFiles } = this.#vectors;
    if (textFiles > 0) {
      this.stage.warn(`${count(textFiles)} .npy files hold text, and were read as .vct`);
    }
    if (this.#oddRecords > 0) {
      const records = this.#oddRecords === 1 ? "1 record" : `${count(this.#oddRecords)} records`;
      this.stage.warn(
        `${records} with something that is no text, which is left out: ${this.#oddExample}` +
          (this.#oddRecords > 1 ? " is the first" : ""),
      );
    }
    const n = this.#withoutVector;
    if (n > 0) this.stage.warn(`skipped without a vector: ${n}`);
  }
}

/** Names the index that a run loads into, among those that may share a list of failures. */
export function indexName({ place, index }: IngestOptions): string {
  if (place.kind !== "server") return index;
  return [...place.urls.map(({ origin }) => origin).sort(), index].join(" ");
}

/** The length that most vectors have. */
export function commonLength(items: readonly IndexItem[]): number {
  const groups = Map.groupBy(items, ({ vector }) => vector.length);
  const [length] = [...groups].reduce((a, b) => b[1].length > a[1].length ? b : a);
  return length;
}
