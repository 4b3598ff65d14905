/** An index of an Elasticsearch or OpenSearch cluster. */
import { HttpError, SetupError } from "../../shared/errors.ts";
import { type ModelIdentity, namedModel } from "../../vectors/model_identity.ts";
import { LoadMode } from "./load_mode.ts";
import type { Mapping, ServerKind, VectorShape } from "./mapping.ts";
import type { IndexAdmin, IndexState } from "./admin.ts";
import { BulkSender } from "./bulk.ts";
import { deletePlaces } from "./bulk_delete.ts";
import type { ServerClient } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import { orSetupError } from "./errors.ts";
import { Fingerprints, type SentMemory } from "./fingerprints.ts";
import { foreignNotice, Identity, isUsableId } from "./identity.ts";
import { intakeOf } from "./intake.ts";
import { layoutOf } from "./layout.ts";
import { clusterMemory, memoryWarning } from "./memory.ts";
import { IndexReader } from "./reader.ts";
import type { KnownIdentity } from "./prepare.ts";
import type {
  BulkResult,
  Document,
  Filters,
  Hit,
  IndexItem,
  Page,
  TextHits,
  VectorIndex,
} from "../types.ts";

/** What an opened index is made of. */
export interface ServerIndexParts {
  readonly client: ServerClient;
  readonly dialect: Dialect;
  readonly admin: IndexAdmin;
  /** Of the server, such as `9.2.0`. */
  readonly version: string;
  readonly state: IndexState;
  readonly shape: VectorShape;
  /** Whether this run made the index. */
  readonly created: boolean;
  readonly identity: KnownIdentity;
  readonly mapping: Mapping | undefined;
  readonly concurrency: number;
  readonly sent: SentMemory | undefined;
  readonly onNotice: (text: string) => void;
}

/** What depends on the index's mapping. */
interface Access {
  readonly reader: IndexReader;
  readonly sender: BulkSender;
  /** Finds documents whose `_id` may be another; undefined where it is their own id. */
  readonly identity: Identity | undefined;
  readonly fingerprints: Fingerprints;
}

/** An index on a server; {@linkcode openServerIndex} opens one. */
export class ServerIndex implements VectorIndex {
  readonly name: string;
  readonly kind: ServerKind;
  readonly #parts: ServerIndexParts;
  readonly #path: string;
  readonly #loadMode: LoadMode;
  #access: Access;
  #dims: number | undefined;
  #model: ModelIdentity | undefined;
  #created: boolean;

  constructor(parts: ServerIndexParts) {
    const { admin, dialect, state } = parts;
    this.name = admin.name;
    this.kind = dialect.kind;
    this.#parts = parts;
    this.#path = `/${encodeURIComponent(this.name)}`;
    this.#access = accessOf(parts, state, parts.identity);
    this.#loadMode = new LoadMode(admin);
    this.#dims = parts.shape.dims;
    this.#model = modelOf(parts.state);
    this.#created = parts.created;
  }

  get dims(): number | undefined {
    return this.#dims;
  }

  get model(): ModelIdentity | undefined {
    return this.#model;
  }

  /** Version of the server, such as `9.2.0`. */
  get version(): string {
    return this.#parts.version;
  }

  /** Whether this run made the index, or made it anew. */
  get created(): boolean {
    return this.#created;
  }

  async generation(): Promise<string | undefined> {
    const state = await orSetupError(this.#parts.admin.read());
    if (state !== undefined) this.#model = modelOf(state);
    const uuid = state?.settings.index.uuid;
    return uuid === undefined ? undefined : String(uuid);
  }

  async setModel(model: ModelIdentity): Promise<void> {
    const { admin } = this.#parts;
    await orSetupError(admin.setMeta({ model: model.name, modelIdentity: model }));
    this.#model = model;
  }

  count(filters?: Filters): Promise<number> {
    return this.#access.reader.count(filters);
  }

  facet(_field: "access"): Promise<ReadonlyMap<string, number>> {
    return this.#access.reader.facet();
  }

  async bulk(items: readonly IndexItem[]): Promise<BulkResult[]> {
    const { sender, identity, fingerprints } = this.#access;
    const ids = items.map(({ document }) => document.id);
    const found = await orSetupError(identity?.find(ids) ?? Promise.resolve(undefined));
    const refusals = found && identity &&
      await orSetupError(identity.refusals(ids.filter((id) => !found.has(id))));
    const placed = items.map((item) => ({
      ...item,
      fingerprint: fingerprints.of(item),
      place: found?.get(item.document.id)?.first ?? { _id: item.document.id },
    }));
    // What this run loads into an index that it made is new.
    const isNew = this.#created && this.#loadMode.isOn;
    const held = isNew ? new Set() : await orSetupError(fingerprints.held(placed, found));
    const others = placed.filter((item) => !held.has(item));
    const sent = await orSetupError(sender.send(others, refusals));
    const stored = others.filter((_, i) => isStored(sent[i]!));
    this.#dims ??= stored[0]?.vector.length;
    fingerprints.note(stored);
    if (found !== undefined) {
      const doubles = stored.flatMap(({ document: { id } }) => found.get(id)?.doubles ?? []);
      await orSetupError(deletePlaces(this.#parts.client, this.name, doubles));
    }
    let next = 0;
    return placed.map((item): BulkResult =>
      held.has(item) ? { id: item.document.id, result: "noop" } : sent[next++]!
    );
  }

  async delete(ids: readonly string[]): Promise<void> {
    const { identity } = this.#access;
    const found = await orSetupError(identity?.find(ids) ?? Promise.resolve(undefined));
    const refusals = await orSetupError(identity?.refusals(ids) ?? Promise.resolve(undefined));
    const own = ids.filter((id) => isUsableId(id) && !refusals?.has(id)).map((_id) => ({ _id }));
    const others = [...found?.values() ?? []].flatMap(({ first, doubles }) => [first, ...doubles]);
    await orSetupError(deletePlaces(this.#parts.client, this.name, [...own, ...others]));
  }

  async clear(): Promise<void> {
    const { admin, mapping, shape } = this.#parts;
    await orSetupError(admin.recreate(mapping));
    const state = await orSetupError(admin.read());
    if (state === undefined) throw new SetupError(`Cannot read index "${this.name}": it is gone`);
    this.#access = accessOf(this.#parts, state, "id");
    this.#dims = mapping?.dims ?? shape.dims;
    this.#model = undefined;
    this.#created = true;
    if (this.#loadMode.isOn) await this.beginLoad();
  }

  async removeIfUnused(): Promise<void> {
    if (this.#parts.created) await orSetupError(this.#parts.admin.deleteEmpty());
  }

  async refresh(): Promise<void> {
    await orSetupError(this.#send("POST", "_refresh", `refresh index "${this.name}"`));
  }

  get(field: "id" | "filename", value: string): Promise<IndexItem | undefined> {
    return this.#access.reader.get(field, value);
  }

  nearest(vector: Float32Array, k: number, filters?: Filters): Promise<Hit[]> {
    return this.#access.reader.nearest(vector, k, filters);
  }

  text(words: string, page: Page): Promise<TextHits> {
    return this.#access.reader.text(words, page);
  }

  random(size: number, filters?: Filters): Promise<readonly Document[]> {
    return this.#access.reader.random(size, filters);
  }

  /**
   * Begins loading: nothing is refreshed, and an index that this run made has no replicas. A user
   * who may not change settings loads without.
   */
  async beginLoad(): Promise<void> {
    try {
      await this.#loadMode.begin(this.#created);
    } catch (error) {
      if (!(error instanceof SetupError || error instanceof HttpError)) throw error;
      this.#parts.onNotice(`${error.message}; loading goes on with the usual settings`);
    }
  }

  /** Ends loading: restores the settings and refreshes. Works after an interruption too. */
  async endLoad(): Promise<void> {
    if (this.#loadMode.isOn) await orSetupError(this.#loadMode.end());
    await orSetupError(this.#send("POST", "_refresh", `refresh index "${this.name}"`, true));
  }

  /** A warning if the cluster lacks the memory for so many documents; undefined if it does not. */
  async memoryWarning(documents: number): Promise<string | undefined> {
    const { client, dialect, admin, shape: { links } } = this.#parts;
    const memory = await orSetupError(clusterMemory(client, dialect));
    const state = await orSetupError(admin.read());
    const replicas = Number(
      state?.mappings._meta?.maken?.restore?.number_of_replicas ??
        state?.settings.index.number_of_replicas ?? 0,
    );
    return memoryWarning({ documents, dims: this.#dims ?? 0, links, replicas }, memory);
  }

  /** Loads the vectors into memory, so that the first searches are not slow. */
  async warmup(): Promise<void> {
    const [some] = await this.random(1);
    const item = some && await this.get("id", some.id);
    if (item === undefined) return;
    const request = this.#parts.dialect.warmup(encodeURIComponent(this.name), item.vector);
    await orSetupError(this.#parts.client.send(`warm up index "${this.name}"`, request));
  }

  /** Merges each shard into one segment: slow, and searches are faster after it. */
  async forcemerge(): Promise<void> {
    await orSetupError(this.#send("POST", "_forcemerge?max_num_segments=1", "merge segments"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#parts.client[Symbol.dispose]();
    return Promise.resolve();
  }

  async #send(method: "POST", path: string, what: string, always = false): Promise<void> {
    await this.#parts.client.send(what, { method, path: `${this.#path}/${path}`, always });
  }
}

function modelOf({ mappings }: IndexState): ModelIdentity | undefined {
  const { model, modelIdentity } = mappings._meta?.maken ?? {};
  return namedModel(model, modelIdentity);
}

function accessOf(
  { client, dialect, version, admin, concurrency, sent, onNotice }: ServerIndexParts,
  { mappings, settings }: IndexState,
  known: KnownIdentity,
): Access {
  const index = admin.name;
  const layout = layoutOf(mappings, settings);
  const intake = intakeOf(mappings);
  const onForeign = known === "both" ? () => onNotice(foreignNotice(index)) : undefined;
  return {
    reader: new IndexReader({ client, dialect, version, index, layout, onNotice }),
    sender: new BulkSender({ client, dialect, index, intake, concurrency, onNotice }),
    identity: known === "id" ? undefined : new Identity(client, index, layout, onForeign),
    fingerprints: new Fingerprints({
      ...{ client, index, intake, sent },
      generation: String(settings.index.uuid),
    }),
  };
}

function isStored(result: BulkResult): boolean {
  return "result" in result && result.result !== "dropped";
}
