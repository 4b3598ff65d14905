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
  unassigned_info: z.object({ reason: z.string() }).optional(),
  allocate_explanation: z.string().optional(),
  node_allocation_decisions: z.array(z.object({
    deciders: z.array(z.object({ decision: z.string(), explanation: z.string() })).default([]),
  })).default([]),
});

/** What a red index waits for, in one line; undefined if it is not red, or nobody may know. */
export async function waitsFor(client: ServerClient, index: string): Promise<string | undefined> {
  try {
    const path = `/_cluster/health/${encodeURIComponent(index)}?level=shards&timeout=1s`;
    const what = `read the state of index "${index}"`;
    const request = { method: "GET", path, accept: [408] } as const;
    const { status, indices = {} } = await client.ask(what, request, healthAnswer);
    if (status !== "red") return undefined;
    for (const [name, { shards }] of Object.entries(indices)) {
      const shard = Object.keys(shards).find((key) => !shards[key]!.primary_active);
      if (shard === undefined) continue;
      const reason = await reasonOf(client, name, Number(shard));
      return `Index "${index}" is red: its shard ${shard} is on no node${reason}; ` +
        "it is waited for";
    }
    return `Index "${index}" is red: not all of it is there; it is waited for`;
  } catch (error) {
    // Not everyone may ask; what goes wrong next says enough.
    if (error instanceof SetupError || error instanceof HttpError) return undefined;
    throw error;
  }
}

async function reasonOf(client: ServerClient, index: string, shard: number): Promise<string> {
  const body = { index, shard, primary: true };
  const request = { method: "POST", path: "/_cluster/allocation/explain", body } as const;
  const what = `ask where index "${index}" is`;
  const told = await client.ask(what, request, explanation);
  const decider = told.node_allocation_decisions.flatMap(({ deciders }) => deciders)
    .find(({ decision }) => decision === "NO");
  const reason = decider?.explanation ?? told.allocate_explanation ?? told.unassigned_info?.reason;
  return reason === undefined ? "" : ` (${shorten(reason)})`;
}
