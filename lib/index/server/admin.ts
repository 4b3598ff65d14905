/** What an index on a server is made of, and how that is changed. */
import { z } from "zod";
import { HttpError, SetupError, UnfitIndexError } from "../../shared/errors.ts";
import { shorten } from "./errors.ts";
import type { IndexBody, Mapping } from "./mapping.ts";
import type { ServerClient, ServerRequest } from "./client.ts";
import type { Dialect } from "./dialect.ts";

const meta = z.looseObject({
  maken: z.looseObject({
    /** Name of the model that made the vectors, and what more is known of it. */
    model: z.string().optional().catch(undefined),
    modelIdentity: z.unknown().optional(),
    /**
     * `id` where all documents were put in by Maken, under their own id; `field` where some have
     * another `_id`, and are known by their field `id`.
     */
    identity: z.enum(["id", "field"]).optional().catch(undefined),
    restore: z.record(z.string(), z.string().nullable()).optional().catch(undefined),
  }).optional().catch(undefined), // others may keep anything there
});
const state = z.object({
  aliases: z.record(z.string(), z.unknown()).default({}),
  mappings: z.looseObject({ _meta: meta.optional() }).default({}),
  settings: z.object({ index: z.record(z.string(), z.unknown()) }),
  data_stream: z.string().optional(),
});

/** Mappings, settings and aliases of an index. */
export type IndexState = z.infer<typeof state> & {
  /** Its own name, where it was asked for by an alias. */
  readonly name: string;
};
/** What Maken keeps in the index's `_meta`. */
export type MakenMeta = NonNullable<z.infer<typeof meta>["maken"]>;

/** Settings that are of one index alone, and that another cannot have, or should not. */
const OWN_SETTINGS = [
  ...["creation_date", "provided_name", "uuid", "version", "resize", "history"],
  ...["blocks", "verified_before_close"],
];

/** Reads and changes one index. */
export class IndexAdmin {
  readonly #path: string;

  constructor(
    private readonly client: ServerClient,
    private readonly dialect: Dialect,
    readonly name: string,
  ) {
    this.#path = `/${encodeURIComponent(name)}`;
  }

  /** What the index is; undefined if there is none. */
  async read(always = false): Promise<IndexState | undefined> {
    const what = `read index "${this.name}"`;
    const request = { method: "GET", path: this.#path, accept: [404], always } as const;
    const { status, body } = await this.client.send(what, request);
    if (status === 404) return undefined;
    const parsed = z.record(z.string(), state).safeParse(body);
    const found = Object.entries(parsed.data ?? {});
    if (found.length === 1) return { ...found[0]![1], name: found[0]![0] };
    if (!parsed.success) {
      throw new SetupError(`Cannot ${what}: its description is not as expected`);
    }
    const names = shorten(found.map(([name]) => `"${name}"`).join(", "));
    throw new UnfitIndexError(
      `Cannot ${what}: it stands for ${found.length} indexes; use one of ${names}`,
    );
  }

  /**
   * Creates the index; without the settings that this version does not know.
   *
   * @returns whether this made it: another run may have been quicker
   */
  async create(body: IndexBody, always = false): Promise<boolean> {
    const what = `create index "${this.name}"`;
    const left = new Set(this.dialect.newSettings);
    for (let tries = marked(body);;) {
      try {
        const path = `${this.#path}?timeout=5s`; // for its shards: what they wait for is asked
        const request = { method: "PUT", path, body: tries, always } as const;
        await this.client.send(what, request);
        return true;
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        if (/resource_already_exists/.test(error.message)) return false;
        const unknown = [...left].find((setting) =>
          error.message.includes(`unknown setting [index.${setting}]`)
        );
        if (unknown === undefined) throw error;
        left.delete(unknown);
        tries = withoutSetting(tries, unknown);
      }
    }
  }

  /** Makes what was put in visible. */
  async refresh(always = false): Promise<void> {
    const request = { method: "POST", path: `${this.#path}/_refresh`, accept: [404], always };
    await this.client.send(`refresh index "${this.name}"`, request as ServerRequest);
  }

  /** Deletes the index, whatever is in it. */
  async delete(): Promise<void> {
    const request = { method: "DELETE", path: this.#path, accept: [404], always: true } as const;
    await this.client.send(`delete index "${this.name}"`, request);
  }

  /** Deletes the index if no document is in it. */
  async deleteEmpty(): Promise<void> {
    await this.refresh(true);
    const what = `delete index "${this.name}"`;
    const counting = { method: "GET", path: `${this.#path}/_count`, always: true } as const;
    const answer = z.object({ count: z.number(), _shards: z.object({ failed: z.number() }) });
    const { count, _shards } = await this.client.ask(what, counting, answer);
    if (count === 0 && _shards.failed === 0) await this.delete();
  }

  /** Adds fields to the mapping. */
  async addFields(properties: Record<string, object>): Promise<void> {
    const request = {
      method: "PUT",
      path: `${this.#path}/_mapping`,
      body: { properties },
    } as const;
    await this.client.send(`change the mapping of index "${this.name}"`, request);
  }

  /**
   * Deletes the index and creates it empty: by the mapping, or as it was. An interruption between
   * both would lose what it was, and does not stop them.
   */
  async recreate(mapping: Mapping | undefined): Promise<void> {
    const old = await this.read();
    if (old !== undefined) {
      const path = `/${encodeURIComponent(old.name)}`;
      const what = `delete index "${old.name}"`;
      await this.client.send(what, { method: "DELETE", path, accept: [404], always: true });
    }
    const isAlias = old !== undefined && old.name !== this.name;
    const admin = isAlias ? new IndexAdmin(this.client, this.dialect, old.name) : this;
    const aliases = old?.aliases ?? {};
    const body = mapping?.body ?? (old && likeness(old)) ?? { mappings: {} };
    await admin.create({ ...body, aliases } as IndexBody, true);
  }

  /** What Maken keeps with the index. */
  async meta(): Promise<MakenMeta> {
    return (await this.read())?.mappings._meta?.maken ?? {};
  }

  /** Changes what Maken keeps with the index; undefined takes a value out. */
  async setMeta(changes: { [K in keyof MakenMeta]?: MakenMeta[K] | undefined }, always = false) {
    const old = (await this.read(always))?.mappings._meta ?? {};
    const body = { _meta: { ...old, maken: { ...old.maken, ...changes } } };
    const path = `${this.#path}/_mapping`;
    await this.client.send(`change index "${this.name}"`, { method: "PUT", path, body, always });
  }

  /** Changes settings; null gives a setting its default again. */
  async setSettings(settings: Record<string, string | null>, always = false): Promise<void> {
    const path = `${this.#path}/_settings`;
    const request = { method: "PUT", path, body: { index: settings }, always } as const;
    await this.client.send(`change the settings of index "${this.name}"`, request);
  }
}

/** The body of a new index that is as this one. */
function likeness({ mappings, settings }: IndexState): IndexBody {
  const { _meta, ...rest } = mappings;
  const { maken: _maken, ...others } = _meta ?? {};
  const index = Object.fromEntries(
    Object.entries(settings.index).filter(([key]) => !OWN_SETTINGS.includes(key)),
  );
  return { mappings: { ...rest, _meta: others }, settings: { index } };
}

/** The body of an index in which all documents will be under their own id. */
function marked(body: IndexBody): IndexBody {
  const { maken, ...others } = z.object({ _meta: meta }).safeParse(body.mappings).data?._meta ?? {};
  const _meta = { ...others, maken: { ...maken, identity: "id" } };
  return { ...body, mappings: { ...body.mappings, _meta } };
}

/** An index body without one setting, wherever it may stand. */
function withoutSetting(body: IndexBody, name: string): IndexBody {
  const text = JSON.stringify(
    body,
    (key, value) => key === name || key === `index.${name}` ? undefined : value,
  );
  const rest = JSON.parse(text);
  // Without the setting, the field has to say how vectors are compared.
  const { vector } = rest.mappings.properties;
  if (name === "knn.space_type") vector.space_type ??= vector.method?.space_type ?? "cosinesimil";
  return rest;
}
