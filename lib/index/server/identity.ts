/** Documents that are known by their field `id`, in an index that gave them an `_id` of its own. */
import { Buffer } from "node:buffer";
import { z } from "zod";
import type { ServerClient, ServerRequest } from "./client.ts";
import type { Layout } from "./layout.ts";
import { valueClause, WINDOW } from "./queries.ts";

/** Documents of each kind that are looked at, to see what their `_id` is. */
const SAMPLE = 200;
/** Ids that are looked up by one request. */
const LOOKUP = 500;
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

const answer = z.object({
  hits: z.object({
    hits: z.array(z.object({
      _id: z.string(),
      _routing: z.string().optional(),
      _source: z.object({ id: z.union([z.string(), z.number().transform(String)]) }).optional()
        .catch(undefined),
    })),
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
  ) {}

  /** Whether documents of the index have another `_id`: the first, the last and some others. */
  async isOwn(): Promise<boolean> {
    const bodies = [
      { sort: [{ _seq_no: "asc" }] },
      { sort: [{ _seq_no: "desc" }] },
      { query: { function_score: { random_score: {}, boost_mode: "replace" } } },
    ];
    for (const body of bodies) {
      const found = await this.#search({ ...body, size: SAMPLE });
      if (found.some(({ _id, id }) => id !== undefined && id !== _id)) return false;
    }
    return true;
  }

  /** Where the documents of these ids are; those that are not there are left out. */
  async find(ids: readonly string[]): Promise<ReadonlyMap<string, Found>> {
    const found = new Map<string, DocumentPlace[]>();
    const wanted = [...new Set(ids)].filter((id) => id !== "" && id.isWellFormed());
    for (let start = 0; start < wanted.length; start += LOOKUP) {
      await this.#findSome(wanted.slice(start, start + LOOKUP), found);
    }
    return new Map([...found].map(([id, places]) => {
      const [first, ...doubles] = places.sort((a, b) => rankOf(a, id) < rankOf(b, id) ? -1 : 1);
      return [id, { first: first!, doubles }];
    }));
  }

  /** Those of the ids that are the `_id` of a document with another id: nothing may take its place. */
  async takenByOthers(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const taken = new Set<string>();
    const wanted = [...new Set(ids)].filter(isUsableId);
    for (let start = 0; start < wanted.length; start += LOOKUP) {
      const values = wanted.slice(start, start + LOOKUP);
      const hits = await this.#search({ query: { ids: { values } }, size: values.length });
      for (const { _id, id } of hits) {
        if (id !== undefined && id !== "" && id !== _id) taken.add(_id);
      }
    }
    return taken;
  }

  async #findSome(ids: readonly string[], found: Map<string, DocumentPlace[]>): Promise<void> {
    const hits = await this.#search({ query: this.#query(ids), size: WINDOW, sort: ["_doc"] });
    if (hits.length === WINDOW && ids.length > 1) {
      const half = ids.length >> 1;
      await this.#findSome(ids.slice(0, half), found);
      return await this.#findSome(ids.slice(half), found);
    }
    const wanted = new Set(ids);
    for (const { _id, _routing, id } of hits) {
      if (id === undefined || !wanted.has(id)) continue; // an analyzer takes others for it
      const place = { _id, ...(_routing === undefined ? {} : { routing: _routing }) };
      const places = found.get(id);
      if (places === undefined) found.set(id, [place]);
      else places.push(place);
    }
  }

  #query(ids: readonly string[]): object {
    const { id } = this.layout.uses;
    if (id?.isWhole) return { terms: { [id.path]: ids } };
    return { bool: { should: ids.map((value) => valueClause(this.layout, "id", value)) } };
  }

  async #search(body: object) {
    const request: ServerRequest = {
      method: "POST",
      path: `/${encodeURIComponent(this.index)}/_search?allow_partial_search_results=false`,
      body: { ...body, _source: ["id"] },
    };
    const { hits } = await this.client.ask(`read index "${this.index}"`, request, answer);
    return hits.hits.map(({ _id, _routing, _source }) => ({ _id, _routing, id: _source?.id }));
  }
}

/** The same place is the first one for everybody who looks: its own id's, else by name. */
function rankOf({ _id, routing = "" }: DocumentPlace, id: string): string {
  return `${_id === id ? 0 : 1}${_id}\0${routing}`;
}
