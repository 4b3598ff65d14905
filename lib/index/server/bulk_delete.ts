/** Bulk requests that take documents out. */
import { z } from "zod";
import { HttpError } from "../../shared/errors.ts";
import type { ServerClient } from "./client.ts";
import type { DocumentPlace } from "./identity.ts";

/** Documents that one request takes out. */
const MOST = 10_000;

const itemAnswer = z.object({
  status: z.number(),
  error: z.object({ reason: z.string().nullish() }).optional(),
});
const answer = z.object({ items: z.array(z.object({ delete: itemAnswer })) });

/**
 * Takes documents out of an index; those for which the server is too busy are asked for again.
 *
 * @throws {SetupError|HttpError} if one of them stays
 */
export async function deletePlaces(
  client: ServerClient,
  index: string,
  places: readonly DocumentPlace[],
): Promise<void> {
  for (let start = 0; start < places.length; start += MOST) {
    let rest: readonly DocumentPlace[] = places.slice(start, start + MOST);
    for (let attempt = 0; rest.length > 0; attempt++) {
      if (attempt > 0) await client.waitAfter(attempt - 1, refusal(client, index, "it is busy"));
      rest = await deleteSome(client, index, rest, attempt >= client.retries);
    }
  }
}

/** Deletes by one request; returns those that may be deleted later, unless this is the last try. */
async function deleteSome(
  client: ServerClient,
  index: string,
  places: readonly DocumentPlace[],
  isLast: boolean,
): Promise<readonly DocumentPlace[]> {
  const lines = places.map((place) => `${JSON.stringify({ delete: place })}\n`);
  const { items } = await client.ask(`delete from index "${index}"`, {
    method: "POST",
    path: `/${encodeURIComponent(index)}/_bulk?filter_path=items.*.status,items.*.error.reason`,
    body: new TextEncoder().encode(lines.join("")),
    contentType: "application/x-ndjson",
  }, answer);
  const busy: DocumentPlace[] = [];
  for (const [i, { delete: { status, error } }] of items.entries()) {
    if (status < 300 || status === 404) continue;
    const mayPass = status === 429 || status === 503;
    if (!mayPass || isLast) throw refusal(client, index, error?.reason ?? `status ${status}`);
    busy.push(places[i]!);
  }
  return busy;
}

function refusal(client: ServerClient, index: string, reason: string): HttpError {
  const message = `Cannot delete from index "${index}": ${reason}`;
  return new HttpError(message, { code: "index_busy", url: client.name });
}
