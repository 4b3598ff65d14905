/** Documents that are known by their field `id`, in an index that gave them an `_id` of its own. */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { SetupError } from "../../shared/errors.ts";
import type { ServerClient, ServerRequest } from "./client.ts";
import { shorten } from "./errors.ts";
import type { Layout } from "./layout.ts";
import { isExact, isFindable, valueClause } from "./queries.ts";

/** Documents of each kind that are looked at, to see what their `_id` is. */
const SAMPLE = 200;
/** Ids that are looked up by one request. */
const LOOKUP = 500;
/** The same, where each makes as many clauses as it has words. */
const PHRASES = 50;
/** OpenSearch tells the routing only where it does not look for the vector. */
const ID_ONLY = { includes: ["id"], excludes: ["vector"] };
/** Longest `_id` in UTF-8 bytes: a longer one has a server refuse the whole request. */
const MAX_ID_BYTES = 512;

/** Where a document is put, or taken out. */
export interface DocumentPlace {
  readonly _id: string;
  /** What its shard was chosen by, where that is not its `_id`. */
  readonly routing?: string;
}

/** Where the document of an id is, and others that have the same id. */
export interface Found {
  readonly first: DocumentPlace;
  readonly doubles: readonly DocumentPlace[];
}

/** A document as far as it is looked at: its place, and what its field `id` has. */
export interface PlacedId {
  readonly place: DocumentPlace;
  /** The first text of the field; undefined if there is none. */
  readonly id: string | undefined;
  /** Whether it is where a document is put by its id alone. */
  readonly isOwn: boolean;
}

const idValue = z.union([z.string(), z.number().transform(String)]);
const answer = z.object({
  hits: z.object({
    hits: z.array(
      z.object({
        _id: z.string(),
        _routing: z.string().optional(),
        _source: z.object({ id: z.union([idValue, z.array(idValue)]) }).optional()
          .catch(undefined),
      }).transform(({ _id, _routing: routing, _source }): PlacedId => {
        const id = [_source?.id ?? []].flat()[0];
        return {
          place: { _id, ...(routing === undefined ? {} : { routing }) },
          id,
          isOwn: routing === undefined && (id === undefined || id === _id),
        };
      }),
    ),
  }),
});

/** Whether an id can be a document's `_id`, and a part of a request's path. */
export function isUsableId(id: string): boolean {
  return !["", ".", ".."].includes(id) && id.isWellFormed() &&
    Buffer.byteLength(id) <= MAX_ID_BYTES;
}

/** Finds documents of one index by their field `id`. */
export class Identity {
  constructor(
    private readonly client: ServerClient,
    private readonly index: string,
    private readonly layout: Layout,
    /** Told of a document that is not in its own place, once. */
    private onForeign?: () => void,
  ) {}

  /** Documents of the index: the first, the last and some others. */
  async sample(): Promise<readonly PlacedId[]> {
    const bodies = [
      { sort: [{ _seq_no: "asc" }] },
      { sort: [{ _seq_no: "desc" }] },
      { query: { function_score: { random_score: {}, boost_mode: "replace" } } },
    ];
    const size = Math.min(SAMPLE, this.layout.window);
    const sample: PlacedId[] = [];
    for (const body of bodies) {
      const found = await this.#search({ ...body, size });
      sample.push(...found);
      if (found.length < size) break; // those are all
    }
    return sample;
  }

  /**
   * Whether documents that are there are found by their id.
   *
   * @throws {SetupError} if one is not: it would soon be there twice
   */
  async check(sample: readonly PlacedId[]): Promise<void> {
    const wanted = sample.flatMap(({ id, place }) => id ? [{ id, place }] : []);
    const found = await this.find(wanted.map(({ id }) => id));
    const lost = wanted.find(({ id, place: { _id } }) => {
      const places = found.get(id);
      return places === undefined ||
        ![places.first, ...places.doubles].some((place) => place._id === _id);
    });
    if (lost === undefined) return;
    throw new SetupError(
      `Cannot use index "${this.index}": its document "${shorten(lost.id)}" is not found by its ` +
        'field "id", and would be there twice; make an index whose "id" is a keyword without ' +
        '"ignore_above", and load into that',
    );
  }

  /** Where the documents of these ids are; those that are not there are left out. */
  async find(ids: readonly string[]): Promise<ReadonlyMap<string, Found>> {
    const found = new Map<string, DocumentPlace[]>();
    const wanted = [...new Set(ids)].filter((id) =>
      id !== "" && id.isWellFormed() && isFindable(this.layout, "id", id)
    );
    const isWhole = (id: string) => id.length <= (this.layout.uses.id?.whole?.longest ?? -1);
    const whole = wanted.filter(isWhole);
    const others = wanted.filter((id) => !isWhole(id));
    const lookup = Math.min(LOOKUP, this.layout.terms);
    for (let start = 0; start < whole.length; start += lookup) {
      await this.#findSome(whole.slice(start, start + lookup), found);
    }
    for (let start = 0; start < others.length; start += PHRASES) {
      await this.#findSome(others.slice(start, start + PHRASES), found);
    }
    return new Map([...found].map(([id, places]) => {
      const [first, ...doubles] = places.sort((a, b) => rankOf(a, id) < rankOf(b, id) ? -1 : 1);
      return [id, { first: first!, doubles }];
    }));
  }

  /** Why documents of ids that were not found cannot be put in, by id: nothing may be doubled. */
  async refusals(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const refused = new Map(
      ids.filter((id) => !isFindable(this.layout, "id", id)).map((id) => [
        id,
        `the index finds no id of more than ${this.layout.uses.id?.whole?.longest} characters ` +
        '("ignore_above"), and may have it already',
      ]),
    );
    const wanted = [...new Set(ids)].filter(isUsableId);
    const lookup = Math.min(LOOKUP, this.layout.terms, this.layout.window);
    for (let start = 0; start < wanted.length; start += lookup) {
      const values = wanted.slice(start, start + lookup);
      const hits = await this.#search({ query: { ids: { values } }, size: values.length });
      for (const { place: { _id }, id } of hits) {
        if (id !== undefined && id !== "" && id !== _id) {
          refused.set(_id, "its id is the _id of a document of another id");
        }
      }
    }
    return refused;
  }

  async #findSome(ids: readonly string[], found: Map<string, DocumentPlace[]>): Promise<void> {
    const { window: size } = this.layout;
    const hits = await this.#search({ query: this.#query(ids), size, sort: ["_doc"] });
    if (hits.length === size && ids.length > 1) {
      const half = ids.length >> 1;
      await this.#findSome(ids.slice(0, half), found);
      return await this.#findSome(ids.slice(half), found);
    }
    const wanted = new Set(ids);
    for (const { place, id, isOwn } of hits) {
      if (id === undefined || !wanted.has(id)) continue; // an analyzer takes others for it
      if (!isOwn) this.#tellForeign();
      const places = found.get(id);
      if (places === undefined) found.set(id, [place]);
      else places.push(place);
    }
    const [first] = ids;
    if (hits.length < size || isExact(this.layout, "id", first!) || found.has(first!)) return;
    throw new SetupError(
      `Cannot tell whether document "${shorten(first!)}" is in index "${this.index}": its field ` +
        `"id" takes ${size} or more documents for it; make an index whose "id" is a keyword, and ` +
        "load into that",
    );
  }

  #query(ids: readonly string[]): object {
    const whole = this.layout.uses.id?.whole;
    if (whole !== undefined && ids.every((id) => id.length <= whole.longest)) {
      return { terms: { [whole.path]: ids } };
    }
    return { bool: { should: ids.map((value) => valueClause(this.layout, "id", value)) } };
  }

  #tellForeign(): void {
    this.onForeign?.();
    this.onForeign = undefined;
  }

  async #search(body: object): Promise<readonly PlacedId[]> {
    const request: ServerRequest = {
      method: "POST",
      path: `/${encodeURIComponent(this.index)}/_search?allow_partial_search_results=false`,
      body: { ...body, _source: ID_ONLY },
    };
    return (await this.client.ask(`read index "${this.index}"`, request, answer)).hits.hits;
  }
}

/** What a user should know of an index whose documents are not all in their own place. */
export function foreignNotice(index: string): string {
  return `Index "${index}" has documents whose "_id" is not their id, as other programs make ` +
    'them: each is replaced where it is, found by its field "id", and what is there twice is ' +
    "taken out";
}

/** The same place is the first one for everybody who looks: its own id's, else by name. */
function rankOf({ _id, routing = "" }: DocumentPlace, id: string): string {
  return `${_id === id ? 0 : 1}${_id}\0${routing}`;
}
