/** What a search server's refusals and a connection's failures mean, in one line each. */
import { z } from "zod";
import type { ConnectionFault, FaultKind } from "../../shared/connection_faults.ts";
import { HttpError, SetupError } from "../../shared/errors.ts";

/** Who asks a server. */
export interface Identity {
  /** Empty: no user name is sent. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** In place of a user name: the encoded form of an API key. */
  readonly apiKey?: string | undefined;
}

/** Faults that no other try helps: something has to be put right first. */
const SETUP_FAULTS: readonly FaultKind[] = ["permission", "plain", "untrusted", "certificate"];

/** What has to be put right before another try makes sense; undefined if nothing. */
export function setupReason({ kind, reason }: ConnectionFault): string | undefined {
  if (!SETUP_FAULTS.includes(kind)) return undefined;
  return kind === "untrusted" ? `${reason}; give the authority's file` : reason;
}

/** The line for status 401 or 403. */
export function refusal(
  what: string,
  url: URL,
  status: number,
  body: unknown,
  { user, apiKey }: Identity,
): string {
  if (status === 401) {
    const reason = apiKey
      ? "it does not take the API key"
      : user
      ? "wrong user name or password"
      : "it wants a user name and password, or an API key";
    return `Cannot use ${url.origin}: ${reason} (status 401)`;
  }
  // What follows names the user and all roles.
  const reason = reasonOf(body).replace(/ is unauthorized .*/s, " is not allowed")
    .replace(/ and User .*/s, "");
  return `Cannot ${what}: ${url.origin} does not allow it (status 403)${reason && `: ${reason}`}`;
}

const cause = z.object({
  type: z.string().optional().catch(undefined),
  reason: z.string().optional().catch(undefined),
});
const errorBody = z.object({
  error: z.union([
    z.string(),
    cause.extend({ root_cause: z.array(cause).optional().catch(undefined) }),
  ]),
});

/** What work with a server gives; what the server did not do, as an error of the surroundings. */
export async function orSetupError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    throw new SetupError(error.message, { cause: error });
  }
}

/** Type and reason of an answer that is an error; empty if it names none. */
export function reasonOf(body: unknown): string {
  const parsed = errorBody.safeParse(body);
  if (!parsed.success) return "";
  const { error } = parsed.data;
  if (typeof error === "string") return shorten(error);
  const { type, reason } = error.root_cause?.[0] ?? error;
  return errorLine(type, reason);
}

/** A server's error in one line: its type, and reasons that each say something new. */
export function errorLine(
  type: string | undefined,
  ...reasons: (string | null | undefined)[]
): string {
  return shorten([type, ...new Set(reasons)].filter(Boolean).join(": "));
}

/** Enough of a text for one line. */
export function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > 300 ? `${line.slice(0, 297)}...` : line;
}
