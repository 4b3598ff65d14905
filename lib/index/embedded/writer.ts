/** What one write transaction does to an embedded index. */
import { Buffer } from "node:buffer";
import { VectorError } from "../../shared/errors.ts";
import { checkVector } from "../../vectors/vector_store.ts";
import type { BinaryCoder } from "./codes/binary_code.ts";
import { bytesOf, type EmbeddedFile, toIntegers } from "./file.ts";
import { BLOCK_ROWS, type Meta } from "./schema.ts";
import type { BulkResult, Document, IndexItem } from "../types.ts";
import { indexedWords } from "../words.ts";

interface Block {
  /** uint8[BLOCK_ROWS, bytes of a code] */
  readonly codes: Uint8Array;
  /** Number of each row's access; 0 is a row without a document. */
  readonly access: Uint32Array<ArrayBuffer>;
}

interface Access {
  readonly number: number;
  documents: number;
}

/** Changes rows, and keeps what is written once a transaction until `finish()`. */
export class EmbeddedWriter {
  readonly #blocks = new Map<number, Block>();
  readonly #access = new Map<string, Access>();
  #rows: number;
  #documents: number;

  constructor(
    private readonly file: EmbeddedFile,
    private readonly meta: Meta,
    private readonly coder: BinaryCoder,
  ) {
    this.#rows = meta.rows;
    this.#documents = meta.documents;
  }

  /** Puts an item in place of the document that has its id. */
  put({ document, vector }: IndexItem): BulkResult {
    const { id } = document;
    try {
      checkVector(vector, this.coder.dims);
    } catch (error) {
      if (!(error instanceof VectorError)) throw error;
      const message = `Cannot use the vector of record "${id}": ${error.message}`;
      return { id, error: new VectorError(message, error.code) };
    }
    const source = JSON.stringify(document);
    const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
    const old = this.file.get("SELECT row, source FROM document WHERE id = ?", id);
    const row = old === undefined ? this.#newRow() : Number(old.row);
    const sameDocument = old?.source === source;
    if (sameDocument && this.#hasVector(row, bytes)) return { id, result: "noop" };

    if (!sameDocument) this.#putDocument(row, document, source, old !== undefined);
    const wasThere = old === undefined ? "INSERT" : "REPLACE";
    this.file.run(`${wasThere} INTO vector VALUES (?, ?)`, row, bytes);
    const block = this.#block(row);
    const place = row % BLOCK_ROWS;
    block.codes.set(this.coder.encode(vector).code, place * this.coder.bytes);
    if (!sameDocument) this.#setAccess(block, place, document.access);
    return { id, result: old === undefined ? "created" : "updated" };
  }

  /** Takes a document out; one that is not there does not matter. */
  delete(id: string): void {
    const old = this.file.get("DELETE FROM document WHERE id = ? RETURNING row", id);
    if (old === undefined) return;
    const row = Number(old.row);
    this.file.run("DELETE FROM vector WHERE row = ?", row);
    this.file.run("DELETE FROM words WHERE rowid = ?", row);
    this.file.run("INSERT INTO free VALUES (?)", row);
    this.#setAccess(this.#block(row), row % BLOCK_ROWS, undefined);
    this.#documents--;
  }

  /** Writes what is left to write; gives the index as it is then. */
  finish(): Meta {
    const change = this.meta.change + 1;
    for (const [number, { codes, access }] of this.#blocks) {
      const columns = [number, change, codes, new Uint8Array(access.buffer)] as const;
      this.file.run("REPLACE INTO block VALUES (?, ?, ?, ?)", ...columns);
    }
    for (const { number, documents } of this.#access.values()) {
      const sql = "UPDATE access SET documents = documents + ? WHERE number = ?";
      if (documents !== 0) this.file.run(sql, documents, number);
    }
    const { dims, seed } = this.coder;
    const meta = { ...this.meta, change, rows: this.#rows, documents: this.#documents, dims, seed };
    this.file.run(
      "UPDATE meta SET change = ?, rows = ?, documents = ?, dims = ?, seed = ?",
      ...[change, meta.rows, meta.documents, dims, seed],
    );
    return meta;
  }

  #newRow(): number {
    if (this.#documents++ === this.#rows) return this.#rows++;
    const sql = "DELETE FROM free WHERE row = (SELECT min(row) FROM free) RETURNING row";
    const free = this.file.get(sql);
    if (free === undefined) throw new Error("it has lost count of its rows");
    return Number(free.row);
  }

  #hasVector(row: number, bytes: Uint8Array): boolean {
    const old = this.file.get("SELECT value FROM vector WHERE row = ?", row)?.value;
    return old instanceof Uint8Array && Buffer.compare(old, bytes) === 0;
  }

  #putDocument(row: number, document: Document, source: string, wasThere: boolean): void {
    const { id, filename } = document;
    if (wasThere) {
      const sql = "UPDATE document SET filename = ?, source = ? WHERE row = ?";
      this.file.run(sql, filename, source, row);
      this.file.run("DELETE FROM words WHERE rowid = ?", row);
    } else {
      this.file.run("INSERT INTO document VALUES (?, ?, ?, ?)", row, id, filename, source);
    }
    const sql = "INSERT INTO words (rowid, title, creators, subject, value) VALUES (?, ?, ?, ?, ?)";
    this.file.run(sql, row, ...indexedWords(document));
  }

  #block(row: number): Block {
    const number = Math.floor(row / BLOCK_ROWS);
    let block = this.#blocks.get(number);
    if (block === undefined) {
      const found = this.file.get("SELECT codes, access FROM block WHERE number = ?", number);
      block = found === undefined
        ? {
          codes: new Uint8Array(BLOCK_ROWS * this.coder.bytes),
          access: new Uint32Array(BLOCK_ROWS),
        }
        : {
          codes: bytesOf(found.codes, BLOCK_ROWS * this.coder.bytes),
          access: toIntegers(found.access, BLOCK_ROWS),
        };
      this.#blocks.set(number, block);
    }
    return block;
  }

  #setAccess({ access }: Block, place: number, value: string | undefined): void {
    const before = access[place]!;
    if (before !== 0) this.#byNumber(before).documents--;
    access[place] = value === undefined ? 0 : this.#byValue(value).number;
    if (value !== undefined) this.#byValue(value).documents++;
  }

  #byNumber(number: number): Access {
    const found = this.file.get("SELECT value FROM access WHERE number = ?", number);
    if (found === undefined) throw new Error(`it has no access ${number}`);
    return this.#byValue(String(found.value));
  }

  #byValue(value: string): Access {
    let access = this.#access.get(value);
    if (access === undefined) {
      const found = this.file.get("SELECT number FROM access WHERE value = ?", value) ??
        this.file.get(
          "INSERT INTO access (value, documents) VALUES (?, 0) RETURNING number",
          value,
        );
      this.#access.set(value, access = { number: Number(found!.number), documents: 0 });
    }
    return access;
  }
}
