/** The indexes of an Elasticsearch or OpenSearch cluster. */
import { z } from "zod";
import { AbsentIndexError, SetupError } from "../../shared/errors.ts";
import { unsearchable } from "./mapping.ts";
import { askProduct, isServerName, openWith } from "./open_server.ts";
import { type ClientOptions, ServerClient } from "./client.ts";
import { orSetupError } from "./errors.ts";
import type { WriteOptions } from "./prepare.ts";
import type { ServerIndex } from "./server_index.ts";
import type { Indexes, VectorIndex } from "../types.ts";

/** How long it is believed what an index was when it was opened: its model, the length of vectors. */
const FRESH_MS = 30_000;

const indexes = z.record(
  z.string(),
  z.object({
    mappings: z.record(z.string(), z.unknown()).default({}),
    settings: z.unknown().optional(),
  }),
);

/** Keeps in mind what the indexes are. Needs net permission for the cluster's hosts. */
export class Cluster implements Indexes {
  readonly #client: ServerClient;
  readonly #onNotice: (text: string) => void;
  readonly #told = new Set<string>();
  readonly #opened = new Map<string, { at: number; index: Promise<ServerIndex> }>();

  /** @throws {SetupError} if the certificates cannot be used */
  constructor(options: ClientOptions & Pick<WriteOptions, "onNotice">) {
    this.#client = new ServerClient(options);
    this.#onNotice = options.onNotice;
  }

  use<T>(name: string, work: (index: VectorIndex) => Promise<T>): Promise<T> {
    return orSetupError(this.#use(name, work));
  }

  async names(): Promise<string[]> {
    const parts = ["*.mappings", "*.settings.index.knn*", "*.settings.index.mapping"].join();
    const path = `/*?expand_wildcards=open&filter_path=${parts}`;
    const request = { method: "GET", path } as const;
    const found = await orSetupError(this.#client.ask("list the indexes", request, indexes));
    return Object.keys(found).filter((name) =>
      isServerName(name) && !name.startsWith(".") &&
      unsearchable(found[name]!) === undefined
    ).sort();
  }

  async check(): Promise<void> {
    await orSetupError(askProduct(this.#client));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    return Promise.resolve();
  }

  /** Indexes are opened again and again. */
  #tellOnce(text: string): void {
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.#onNotice(text);
  }

  async #use<T>(name: string, work: (index: VectorIndex) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#open(name));
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      const known = this.#opened.delete(name);
      if (known) await this.#open(name); // says so if the index is gone
      throw error;
    }
  }

  async #open(name: string): Promise<ServerIndex> {
    const known = this.#opened.get(name);
    const now = performance.now();
    if (known !== undefined && now - known.at < FRESH_MS) return await known.index;
    if (!isServerName(name)) throw new AbsentIndexError(`There is no index "${name}"`);
    const index = openWith(this.#client, {
      index: name,
      mode: "read",
      concurrency: 1,
      onNotice: (text) => this.#tellOnce(text),
    });
    this.#opened.set(name, { at: now, index });
    try {
      return await index;
    } catch (error) {
      this.#opened.delete(name);
      throw error;
    }
  }
}
