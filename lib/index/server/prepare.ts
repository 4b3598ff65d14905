/** What is done and checked before an index is written: who made it, what it lacks, what it refuses. */
import { z } from "zod";
import { HttpError, SetupError } from "../../shared/errors.ts";
import type { IndexAdmin, IndexState } from "./admin.ts";
import type { ServerClient } from "./client.ts";
import { waitsFor } from "./health.ts";
import { foreignNotice, Identity } from "./identity.ts";
import { intakeNotices, intakeOf, missingProperties } from "./intake.ts";
import { layoutOf, unidentified } from "./layout.ts";
import { LoadMode } from "./load_mode.ts";
import type { Mapping } from "./mapping.ts";
import { setting } from "./settings.ts";

/** What an index that is to be written is prepared from. */
export interface OpenedIndex {
  readonly client: ServerClient;
  readonly admin: IndexAdmin;
  readonly state: IndexState;
  /** What it was, or will be, made with. */
  readonly mapping: Mapping | undefined;
  /** Whether this run made it. */
  readonly created: boolean;
}

/** How an index is to be written. */
export interface WriteOptions {
  /** The index will be cleared. */
  readonly recreate?: boolean;
  /** Add the fields that its mapping lacks. */
  readonly updateMapping?: boolean;
  /** Told what a user should know, in one line. */
  readonly onNotice: (text: string) => void;
}

/**
 * How documents are known: by `_id`, which is their own id; by their field `id`, as some have another
 * `_id`; or, where that is not known for each, by both.
 */
export type KnownIdentity = "id" | "field" | "both";

/** An index that can be written. */
export interface Prepared {
  /** What it is now. */
  readonly state: IndexState;
  readonly identity: KnownIdentity;
}

/**
 * Says what a user should know of an index, and gives it the fields that it lacks.
 *
 * @throws {SetupError|HttpError} if no document can be put in
 */
export async function prepare(
  { client, admin, state, mapping, created }: OpenedIndex,
  { updateMapping = false, recreate = false, onNotice }: WriteOptions,
): Promise<Prepared> {
  const { name } = admin;
  checkWritable(name, state, recreate);
  const waits = await waitsFor(client, name);
  if (waits !== undefined) onNotice(waits);
  await repair(new LoadMode(admin), state, name, onNotice);
  const isRemade = recreate && mapping !== undefined;
  let now = state;
  const missing = missingProperties(state.mappings, { mayChange: updateMapping, isNew: false });
  if (!created && !isRemade && Object.keys(missing).length > 0) {
    await admin.addFields(missing);
    now = await admin.read() ?? state;
  }
  const mappings = isRemade ? mapping.body.mappings : now.mappings;
  checkIdentity(name, mappings);
  for (const notice of intakeNotices(name, intakeOf(mappings))) onNotice(notice);
  const isNew = created || recreate;
  const isOwn = isNew || now.mappings._meta?.maken?.identity === "id";
  // A red index does not answer a refresh.
  if (!isOwn && waits === undefined) await ifAllowed(admin.refresh());
  const identity = isNew ? "id" : await identityOf(client, admin, now, onNotice);
  return { state: now, identity };
}

/** The mapping with the fields that it lacks, as far as they may be added. */
export function completed(
  mapping: Mapping,
  { updateMapping = false }: Pick<WriteOptions, "updateMapping">,
): Mapping {
  const { body } = mapping;
  const missing = missingProperties(body.mappings, { mayChange: updateMapping, isNew: true });
  if (Object.keys(missing).length === 0) return mapping;
  const properties = { ...body.mappings.properties as object, ...missing };
  return { ...mapping, body: { ...body, mappings: { ...body.mappings, properties } } };
}

/**
 * How the documents of an index are known, which is remembered with it.
 *
 * @throws {SetupError|HttpError} if it cannot be read, or its documents cannot be found by their id
 */
async function identityOf(
  client: ServerClient,
  admin: IndexAdmin,
  { mappings, settings }: IndexState,
  onNotice: (text: string) => void,
): Promise<KnownIdentity> {
  const known = mappings._meta?.maken?.identity;
  const identity = new Identity(client, admin.name, layoutOf(mappings, settings));
  const sample = await identity.sample();
  const isForeign = known === "field" || sample.some(({ isOwn }) => !isOwn);
  if (!isForeign && known === "id") return "id";
  if (!isForeign && sample.length === 0) {
    await ifAllowed(admin.setMeta({ identity: "id" }));
    return "id";
  }
  await identity.check(sample);
  if (!isForeign) return "both";
  onNotice(foreignNotice(admin.name));
  if (known !== "field") await ifAllowed(admin.setMeta({ identity: "field" }));
  return "field";
}

/** Waits for a change that only makes later runs faster, and that not everyone may make. */
async function ifAllowed(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!(error instanceof SetupError || error instanceof HttpError)) throw error;
  }
}

/** @throws {SetupError} if documents under such mappings could not be told apart */
export function checkIdentity(name: string, mappings: unknown): void {
  const reason = unidentified(mappings);
  if (reason !== undefined) throw new SetupError(`Cannot use index "${name}": ${reason}`);
}

const aliasOf = z.object({
  is_write_index: z.boolean().optional(),
  filter: z.unknown().optional(),
  search_routing: z.unknown().optional(),
  index_routing: z.unknown().optional(),
});

/** @throws {SetupError} if no document can be put in under this name */
function checkWritable(name: string, state: IndexState, recreate: boolean): void {
  const { aliases, data_stream, settings } = state;
  const fail = (reason: string) => new SetupError(`Cannot write to index "${name}": ${reason}`);
  if (data_stream !== undefined) {
    throw fail("it is a data stream, in which no document can be replaced; use an index");
  }
  const alias = aliasOf.parse(aliases[name] ?? {});
  if (alias.is_write_index === false) {
    throw fail('it is an alias that must not be written through; set its "is_write_index" to true');
  }
  const part = alias.filter !== undefined
    ? "a filter"
    : alias.search_routing !== undefined || alias.index_routing !== undefined
    ? "a routing"
    : undefined;
  if (part !== undefined) {
    throw fail(
      `it is an alias with ${part}, which hides documents that would then be there twice; use the ` +
        `index's own name, "${state.name}"`,
    );
  }
  if (recreate) return;
  if (settings.index.verified_before_close !== undefined) throw fail("it is closed; open it first");
  const blocks = z.record(z.string(), z.unknown()).safeParse(settings.index.blocks).data ?? {};
  if (setting(settings, "append_only.enabled") === "true") {
    throw fail(
      'its setting "index.append_only.enabled" is true, and no document can be replaced; make an ' +
        "index without it",
    );
  }
  const block = ["read_only", "read_only_allow_delete", "write"]
    .find((kind) => String(blocks[kind]) === "true");
  if (block !== undefined) {
    throw fail(
      `its setting "index.blocks.${block}" is true` +
        (block === "read_only_allow_delete"
          ? ": the server's disk is, or was, nearly full"
          : "; set it to false first"),
    );
  }
}

/** Restores the settings that a run left which did not end; who may not do that, is told of it. */
async function repair(
  load: LoadMode,
  state: IndexState,
  name: string,
  onNotice: (text: string) => void,
): Promise<void> {
  const left =
    `Index "${name}" was left in load mode by a run that did not end, or that still loads`;
  try {
    if (await load.repair(state)) onNotice(`${left}: its settings are restored`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    onNotice(`${left}, and its settings cannot be restored: ${error.message}`);
  }
}
