/** What a search server's refusals and a connection's failures mean, in one line each. */
import { z } from "zod";
import { errorMessage, HttpError, SetupError } from "../../shared/errors.ts";

/** Who asks. */
export interface Connection {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly ca?: string | undefined;
}

/** Why there was no answer. */
export interface ConnectionReason {
  readonly kind: "refused" | "host" | "certificate" | "plain" | "permission" | "lost";
  readonly text: string;
}

/** What happened to a connection, from what `fetch()` threw. */
export function connectionReason(error: unknown): ConnectionReason {
  if (error instanceof Deno.errors.NotCapable) {
    return { kind: "permission", text: "this run may not reach it" };
  }
  // The error itself says little; its causes say what happened.
  const texts: string[] = [];
  for (let e = error; e instanceof Error && texts.length < 5; e = e.cause) texts.push(e.message);
  const text = texts.join(": ");
  if (/refused/i.test(text)) return { kind: "refused", text: "connection refused" };
  if (/dns|lookup/i.test(text)) return { kind: "host", text: "host not found" };
  if (/InvalidContentType|corrupt message/i.test(text)) {
    return { kind: "plain", text: "it speaks plain http, not https" };
  }
  const certificate = /certificate:? ?([^:]*(?:: [^:]*)?)$/i.exec(text);
  if (certificate !== null) return { kind: "certificate", text: certificate[1]! };
  if (/certificate/i.test(text)) return { kind: "certificate", text: text.split(": ").at(-1)! };
  const detail = (texts.at(-1) ?? errorMessage(error)).split(": ").at(-1);
  return { kind: "lost", text: `connection lost (${detail})` };
}

/** What has to be put right before another try makes sense; undefined if nothing. */
export function setupReason({ kind, text }: ConnectionReason, url: URL): string | undefined {
  if (kind === "plain" || kind === "permission") return text;
  if (kind !== "certificate") return undefined;
  if (/UnknownIssuer|SelfSigned|unknown issuer|CaUsedAsEndEntity/i.test(text)) {
    return "its certificate is of an authority that is not trusted; give the authority's file";
  }
  if (/NotValidForName|not valid for/i.test(text)) {
    return `its certificate is not for the name "${url.hostname}"`;
  }
  if (/expired/i.test(text)) return "its certificate has expired";
  return `its certificate cannot be used: ${text}`;
}

/** The line for status 401 or 403. */
export function refusal(
  what: string,
  url: URL,
  status: number,
  body: unknown,
  { user, apiKey }: Connection,
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
    cause.extend({
      root_cause: z.array(cause).optional().catch(undefined),
      caused_by: cause.nullish(),
    }),
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
  return shorten([type, reason].filter(Boolean).join(": "));
}

/** Enough of a text for one line. */
export function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > 300 ? `${line.slice(0, 297)}...` : line;
}
