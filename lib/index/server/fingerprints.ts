/** What of a batch an index holds already, just as it is: that is not sent again. */
import { z } from "zod";
import { HttpError } from "../../shared/errors.ts";
import { hashOf } from "../../shared/proof.ts";
import type { IndexItem } from "../types.ts";
import type { ServerClient } from "./client.ts";
import { type DocumentPlace, type Found, isUsableId } from "./identity.ts";
import type { Intake } from "./intake.ts";

/** Another one has all documents sent again: what is sent of one has changed. */
const FORM = 1;

/** What was sent to indexes whose mapping has no room for a fingerprint. */
export interface SentMemory {
  /** Fingerprints by id, of those of the ids that were sent to this index. */
  get(generation: string, ids: readonly string[]): ReadonlyMap<string, string>;
  /** Remembers what was sent to this index. */
  put(generation: string, sent: ReadonlyMap<string, string>): void;
}

/** An item, what it is known by, and where it goes. */
export interface PlacedItem extends IndexItem {
  readonly fingerprint: string;
  readonly place: DocumentPlace;
}

const answer = z.object({
  docs: z.array(z.object({
    found: z.boolean().default(false),
    _source: z.object({ fingerprint: z.string() }).optional().catch(undefined),
  })),
});

/** What a {@linkcode Fingerprints} works with. */
export interface FingerprintParts {
  readonly client: ServerClient;
  /** Name of the index. */
  readonly index: string;
  readonly intake: Intake;
  /** Another text whenever the index was begun anew. */
  readonly generation: string;
  readonly sent: SentMemory | undefined;
}

/** Tells by fingerprints what an index holds of a batch. */
export class Fingerprints {
  readonly #parts: FingerprintParts;
  /** What, besides document and vector, decides what is sent. */
  readonly #form: string;
  #mayAsk = true;

  constructor(parts: FingerprintParts) {
    this.#parts = parts;
    const { leftOut, hasOwnWords } = parts.intake;
    this.#form = JSON.stringify([FORM, leftOut, hasOwnWords]);
  }

  /** The same for items of which the same would be sent. */
  of({ document, vector }: IndexItem): string {
    const { intake, sent } = this.#parts;
    if (!intake.hasFingerprint && sent === undefined) return ""; // nobody asks for it
    return hashOf(this.#form, JSON.stringify(document), vector);
  }

  /**
   * Those of the items that the index holds just so.
   *
   * @param found where documents are that have another `_id` than their own id
   */
  async held(
    items: readonly PlacedItem[],
    found: ReadonlyMap<string, Found> | undefined,
  ): Promise<ReadonlySet<PlacedItem>> {
    const { intake, generation, sent } = this.#parts;
    if (!this.#mayAsk) return new Set();
    const single = items.filter(({ document: { id }, place: { _id } }) =>
      isUsableId(_id) && !found?.get(id)?.doubles.length
    );
    if (intake.hasFingerprint) {
      const kept = await this.#ask(single);
      return new Set(single.filter(({ fingerprint }, i) => kept[i]?.fingerprint === fingerprint));
    }
    const before = sent?.get(generation, single.map(({ document }) => document.id));
    const same = single.filter(({ document, fingerprint }) =>
      before?.get(document.id) === fingerprint
    );
    // Documents may have been taken out by others since.
    if (found !== undefined) return new Set(same.filter(({ document: { id } }) => found.has(id)));
    const kept = await this.#ask(same);
    return new Set(same.filter((_, i) => kept[i]?.isThere));
  }

  /** Remembers what was sent, where documents do not tell it themselves. */
  note(items: readonly PlacedItem[]): void {
    const { intake, generation, sent } = this.#parts;
    if (intake.hasFingerprint || items.length === 0) return;
    sent?.put(
      generation,
      new Map(items.map(({ document: { id }, fingerprint }) => [id, fingerprint])),
    );
  }

  /** What there is in each place; nothing for one who may not read. */
  async #ask(items: readonly PlacedItem[]) {
    if (items.length === 0) return [];
    const { client, index } = this.#parts;
    const query = "_source_includes=fingerprint&filter_path=docs.found,docs._source,docs._id";
    const request = {
      method: "POST",
      path: `/${encodeURIComponent(index)}/_mget?${query}`,
      body: { docs: items.map(({ place }) => place) },
    } as const;
    try {
      const { docs } = await client.ask(`read index "${index}"`, request, answer);
      return docs.map(({ found, _source }) => ({
        isThere: found,
        fingerprint: _source?.fingerprint,
      }));
    } catch (error) {
      if (!(error instanceof HttpError) || ![403, 404].includes(error.info.status ?? 0)) {
        throw error;
      }
      this.#mayAsk = false; // writing tells what is wrong, if anything is
      return [];
    }
  }
}
