/** The tables of an embedded index, and what its first one says of the whole. */
import { type ModelIdentity, namedModel } from "../../vectors/model_identity.ts";

/** Another number is another layout; SQLite keeps it as `user_version`. */
export const FORMAT = 2;
/** "Makn": what SQLite keeps as `application_id`. */
export const APPLICATION = 0x4d616b6e;
/** Documents whose codes lie in one blob. */
export const BLOCK_ROWS = 64;

/**
 * The tables of a new file. Rows are counted from 0 and used again, so that they stay dense: `free`
 * has those whose document was taken out. Each write transaction has a number, and `block.change` is
 * that of the last one that changed a block, so that other connections read again only what is new to
 * them. `words` holds no text, only where the words are; `value` is for filters.
 */
export const SCHEMA = `
  CREATE TABLE meta (
    epoch INTEGER NOT NULL, change INTEGER NOT NULL,
    rows INTEGER NOT NULL, documents INTEGER NOT NULL,
    dims INTEGER, seed INTEGER, model TEXT, model_identity TEXT
  );
  INSERT INTO meta VALUES (0, 0, 0, 0, NULL, NULL, NULL, NULL);
  CREATE TABLE document (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, filename TEXT NOT NULL, source TEXT NOT NULL
  );
  CREATE INDEX document_filename ON document (filename) WHERE filename <> '';
  CREATE TABLE vector (row INTEGER PRIMARY KEY, value BLOB NOT NULL);
  CREATE TABLE block (
    number INTEGER PRIMARY KEY, change INTEGER NOT NULL, codes BLOB NOT NULL, access BLOB NOT NULL
  );
  CREATE INDEX block_change ON block (change);
  CREATE TABLE access (
    number INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE, documents INTEGER NOT NULL
  );
  CREATE TABLE free (row INTEGER PRIMARY KEY);
  CREATE VIRTUAL TABLE words USING fts5 (
    title, creators, subject, value,
    content = '', contentless_delete = 1, tokenize = 'unicode61'
  );
  INSERT INTO words (words, rank) VALUES ('rank', 'bm25(2.0, 1.0, 1.0, 0.0)');
`;

/** A column that files of earlier versions lack. */
export const NEW_COLUMN = "model_identity";

/** The index as a whole. */
export interface Meta {
  /** Times that everything was taken out. */
  readonly epoch: number;
  /** Number of the last write transaction. */
  readonly change: number;
  /** Rows in use or free. */
  readonly rows: number;
  readonly documents: number;
  readonly dims: number | null;
  /** Of the codes. */
  readonly seed: number | null;
  /** Name of the model that made the vectors. */
  readonly model: string | null;
  /** What more is known of that model, as JSON; files of earlier versions have no such column. */
  readonly model_identity?: string | null;
}

/** An index without documents. */
export const EMPTY: Meta = {
  ...{ epoch: 0, change: 0, rows: 0, documents: 0 },
  ...{ dims: null, seed: null, model: null, model_identity: null },
};

/** The model that made the vectors, where that was told. */
export function modelOf({ model, model_identity: text }: Meta): ModelIdentity | undefined {
  try {
    return namedModel(model, text && JSON.parse(text));
  } catch {
    return namedModel(model, undefined); // it is damaged: the name is what is left
  }
}
