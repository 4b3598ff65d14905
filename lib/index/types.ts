/** What an index holds, and what every index can do. */
import type { ModelIdentity } from "../vectors/model_identity.ts";

/** What an index keeps of a record, besides its vector. Empty where the record has no value. */
export interface Document {
  readonly id: string;
  /** URN less `URN:NBN:no-nb_`. */
  readonly filename: string;
  /** Who may see the item, lower case, such as `everywhere`. */
  readonly access: string;
  readonly title: string;
  readonly creators: readonly string[];
  /** Topics and names. */
  readonly subject: readonly string[];
  readonly license: string;
  /** When it was issued or created, as the catalogue writes it. */
  readonly date: string;
  /** Address of a small picture. */
  readonly thumbnail: string;
}

/** A document to be indexed under its id. */
export interface IndexItem {
  readonly document: Document;
  /** float32[dims] */
  readonly vector: Float32Array;
}

/**
 * What became of one item: `noop` if the index held exactly this already, `dropped` if it takes none
 * such.
 */
export type BulkResult =
  | { readonly id: string; readonly result: "created" | "updated" | "noop" | "dropped" }
  | { readonly id: string; readonly error: Error };

/** A neighbour. */
export interface Hit {
  /** Cosine of the angle between the two vectors, -1 to 1. */
  readonly similarity: number;
  readonly document: Document;
}

/** Fields that documents can be chosen by; of a list, one value has to equal the wanted one. */
export const FILTER_FIELDS = ["access", "license", "date", "creators", "subject"] as const;
/** Wanted values of some fields; all of them have to match. */
export type Filters = Partial<Record<typeof FILTER_FIELDS[number], string>>;

/** Which part of an ordered answer is wanted. */
export interface Page {
  readonly size: number;
  /** Documents to pass over. */
  readonly offset?: number;
  readonly filters?: Filters;
}

/** An answer to a question in words. */
export interface TextHits {
  /** Documents that match. */
  readonly total: number;
  /** The wanted part of them, best first. */
  readonly documents: readonly Document[];
}

/** A similar-image index. */
export interface VectorIndex extends AsyncDisposable {
  readonly name: string;
  readonly kind: "embedded" | "elasticsearch" | "opensearch";
  /** Length of its vectors; undefined while it is empty and new. */
  readonly dims: number | undefined;
  /** The model that made its vectors, where that was told. */
  readonly model: ModelIdentity | undefined;
  /**
   * Another text whenever the index was begun anew; undefined while it is empty and new. Afterwards
   * `model` is what other runs have told, too.
   */
  generation(): Promise<string | undefined>;
  /** Remembers which model made the vectors. */
  setModel(model: ModelIdentity): Promise<void>;
  /** Number of documents that can be found. */
  count(filters?: Filters): Promise<number>;
  /** Number of documents for each value of a field, most first. */
  facet(field: "access"): Promise<ReadonlyMap<string, number>>;
  /**
   * Puts items in, each in place of the document that has its id. What fails for good is an error of
   * its item; the others are in.
   *
   * @throws {SetupError} if the index cannot be written at all
   */
  bulk(items: readonly IndexItem[]): Promise<BulkResult[]>;
  /** Prepares for many bulks: on a server, nothing is refreshed meanwhile. */
  beginLoad(): Promise<void>;
  /** Puts back what {@linkcode beginLoad} changed and makes all visible; after an abort too. */
  endLoad(): Promise<void>;
  /** What to say where there is too little memory for so many documents. */
  memoryWarning(documents: number): Promise<string | undefined>;
  /** Makes the first searches as fast as later ones. */
  warmup(): Promise<void>;
  /** Merges what was loaded in parts. */
  forcemerge(): Promise<void>;
  /** Takes documents out by id; those that are not there do not matter. */
  delete(ids: readonly string[]): Promise<void>;
  /** Takes all documents out; the length of the vectors is free again where the index decides it. */
  clear(): Promise<void>;
  /** Takes the index away again if this run made it and no document is in it: a run was refused. */
  removeIfUnused(): Promise<void>;
  /** Makes what was put in or taken out visible to every search. */
  refresh(): Promise<void>;
  /** A document with its vector, by its id or its file name; undefined if there is none. */
  get(field: "id" | "filename", value: string): Promise<IndexItem | undefined>;
  /**
   * The nearest documents by cosine similarity, best first; of equal ones the smaller id first.
   *
   * @param vector float32[dims]
   * @param k most hits
   */
  nearest(vector: Float32Array, k: number, filters?: Filters): Promise<Hit[]>;
  /** Documents with all these words, or words that begin so, in title, creators and subject. */
  text(words: string, page: Page): Promise<TextHits>;
  /** Some documents, others each time. */
  random(size: number, filters?: Filters): Promise<readonly Document[]>;
}

/** All indexes of one place, to be read; each is opened when it is first wanted. */
export interface Indexes extends AsyncDisposable {
  /**
   * Works with an index, as it is now: one that was made or replaced meanwhile is found.
   *
   * @throws {AbsentIndexError} if there is none of that name
   * @throws {SetupError} if it cannot be read
   */
  use<T>(name: string, work: (index: VectorIndex) => Promise<T>): Promise<T>;
  /**
   * Names of the indexes, in order.
   *
   * @throws {SetupError} if the place cannot be reached
   */
  names(): Promise<string[]>;
  /**
   * Looks whether the place can be reached.
   *
   * @throws {SetupError} if it cannot
   */
  check(): Promise<void>;
}
