/** What an index waits for whose parts are not all there. */
import { z } from "zod";
import { HttpError, SetupError } from "../../shared/errors.ts";
import type { ServerClient } from "./client.ts";
import { shorten } from "./errors.ts";

const healthAnswer = z.object({
  status: z.string(),
  indices: z.record(
    z.string(),
    z.object({ shards: z.record(z.string(), z.object({ primary_active: z.boolean() })) }),
  ).optional(),
});
const explanation = z.object({
  can_allocate: z.string().optional(),
  unassigned_info: z.object({ reason: z.string() }).optional(),
  allocate_explanation: z.string().optional(),
  node_allocation_decisions: z.array(z.object({
    deciders: z.array(z.object({ decision: z.string(), explanation: z.string() })).default([]),
  })).default([]),
});

/** What a red index waits for. */
export interface Wait {
  readonly reason: string;
  /** Whether it waits in vain until something is changed. */
  readonly isVain: boolean;
}

/** What a red index waits for, in one line; undefined if it is not red, or nobody may know. */
export async function waitsFor(client: ServerClient, index: string): Promise<string | undefined> {
  const wait = await waitOf(client, index);
  return wait && `Index "${index}" is red: ${wait.reason}; it is waited for`;
}

/** The same, without the words around it. */
export async function waitOf(client: ServerClient, index: string): Promise<Wait | undefined> {
  try {
    const path = `/_cluster/health/${encodeURIComponent(index)}?level=shards&timeout=1s`;
    const what = `read the state of index "${index}"`;
    const request = { method: "GET", path, accept: [408] } as const;
    const { status, indices = {} } = await client.ask(what, request, healthAnswer);
    if (status !== "red") return undefined;
    for (const [name, { shards }] of Object.entries(indices)) {
      const shard = Object.keys(shards).find((key) => !shards[key]!.primary_active);
      if (shard === undefined) continue;
      const { reason, isVain } = await whyUnplaced(client, name, Number(shard));
      return { reason: `its shard ${shard} is on no node${reason}`, isVain };
    }
    return { reason: "not all of it is there", isVain: false };
  } catch (error) {
    // Not everyone may ask; what goes wrong next says enough.
    if (error instanceof SetupError || error instanceof HttpError) return undefined;
    throw error;
  }
}

async function whyUnplaced(client: ServerClient, index: string, shard: number): Promise<Wait> {
  const body = { index, shard, primary: true };
  const request = { method: "POST", path: "/_cluster/allocation/explain", body } as const;
  const what = `ask where index "${index}" is`;
  const told = await client.ask(what, request, explanation);
  const decider = told.node_allocation_decisions.flatMap(({ deciders }) => deciders)
    .find(({ decision }) => decision === "NO");
  const reason = decider?.explanation ?? told.allocate_explanation ?? told.unassigned_info?.reason;
  return {
    reason: reason === undefined ? "" : ` (${shorten(reason)})`,
    isVain: told.can_allocate === "no",
  };
}
