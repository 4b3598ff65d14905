/** What an index holds, and what every index can do. */

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

/** What became of one item: `noop` if the index held exactly this already. */
export type BulkResult =
  | { readonly id: string; readonly result: "created" | "updated" | "noop" }
  | { readonly id: string; readonly error: Error };

/** A neighbour. */
export interface Hit {
  /** Cosine of the angle between the two vectors, -1 to 1. */
  readonly similarity: number;
  readonly document: Document;
}

/** A similar-image index. */
export interface VectorIndex extends Disposable {
  readonly name: string;
  /** Length of its vectors; undefined while it is empty and new. */
  readonly dims: number | undefined;
  /** Number of documents. */
  count(): number | Promise<number>;
  /** Puts items in, each in place of the document that has its id; all of them or none. */
  bulk(items: readonly IndexItem[]): BulkResult[] | Promise<BulkResult[]>;
  /** Takes all documents out; the length of the vectors is free again. */
  clear(): void | Promise<void>;
  /** The vector of a document; undefined if there is no such document. */
  vector(id: string): (Float32Array | undefined) | Promise<Float32Array | undefined>;
  /**
   * The nearest documents by cosine similarity, best first; of equal ones the smaller id first.
   *
   * @param vector float32[dims]
   * @param k most hits
   */
  nearest(vector: Float32Array, k: number): Hit[] | Promise<Hit[]>;
}
