/** What went wrong with a connection, in plain words, told from what a client of HTTP throws. */
import { errorMessage } from "./errors.ts";

/** What went wrong. */
export type FaultKind =
  | "refused"
  /** The host's name leads nowhere. */
  | "host"
  /** This run has no permission for the host. */
  | "permission"
  /** An `https` address whose server speaks plain http. */
  | "plain"
  /** A certificate of an authority that is not trusted. */
  | "untrusted"
  /** A certificate that cannot be used for another reason. */
  | "certificate"
  /** A connection that was closed or reset, or could not be made. */
  | "lost"
  /** A body that ended too early. */
  | "cut"
  | "timeout";

/** Why a request got no complete answer. */
export interface ConnectionFault {
  readonly kind: FaultKind;
  /** What failures are counted by, as in {@linkcode HttpErrorInfo}. */
  readonly code: "network" | "body" | "timeout";
  /** Such as `connection refused`. */
  readonly reason: string;
  /** Whether it may pass by itself; other faults are more likely a wrong address or setting. */
  readonly passes: boolean;
}

/** The request that failed. */
export interface FailedRequest {
  readonly url: URL;
  /** Its time limit, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * What went wrong, from what `fetch()`, `node:http` or a library on top of them has thrown.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const request = { url: new URL("http://127.0.0.1:9/"), timeoutMs: 1500 };
 * const refused = connectionFault(new Error("connect ECONNREFUSED 127.0.0.1:9"), request);
 * assert.equal(refused.reason, "connection refused");
 * const late = connectionFault(new DOMException("Signal timed out", "TimeoutError"), request);
 * assert.equal(late.reason, "no complete answer in 1.5 s");
 * ```
 */
export function connectionFault(error: unknown, request: FailedRequest): ConnectionFault {
  const kind = kindOf(error);
  const code = kind === "timeout" ? "timeout" : kind === "cut" ? "body" : "network";
  const passes = kind === "lost" || kind === "cut" || kind === "timeout";
  return { kind, code, reason: reasonOf(kind, error, request), passes };
}

/** What is thrown has no codes of its own: its text tells the kinds apart, the first that fits. */
const KINDS: readonly [FaultKind, RegExp][] = [
  ["host", /\bdns error|failed to lookup|getaddrinfo|ENOTFOUND/i],
  ["refused", /connection refused|actively refused|ECONNREFUSED/i],
  ["plain", /InvalidContentType|corrupt message|wrong version number/i],
  ["untrusted", /UnknownIssuer|unknown issuer|self-?signed|unable to verify|CaUsedAsEndEntity/i],
  ["certificate", /certificate/i],
  ["cut", /reading (a|the) body|unexpected end of file/i],
];

function kindOf(error: unknown): FaultKind {
  if (error instanceof Deno.errors.NotCapable) return "permission";
  if (error instanceof Error && error.name === "TimeoutError") return "timeout";
  const text = textsOf(error).join(": ");
  return KINDS.find(([, pattern]) => pattern.test(text))?.[0] ?? "lost";
}

function reasonOf(kind: FaultKind, error: unknown, { url, timeoutMs }: FailedRequest): string {
  switch (kind) {
    case "refused":
      return "connection refused";
    case "host":
      return "host not found";
    case "permission":
      return "this run may not reach it";
    case "plain":
      return "it speaks plain http, not https";
    case "untrusted":
      return "its certificate is of an authority that is not trusted";
    case "certificate":
      return certificateReason(textsOf(error).join(": "), url);
    case "lost":
      return lostReason(textsOf(error).at(-1)!);
    case "cut":
      return "its body was cut short";
    case "timeout":
      return `no complete answer in ${timeoutMs / 1000} s`;
  }
}

function certificateReason(text: string, { hostname }: URL): string {
  if (/NotValidForName|not valid for name|altnames/i.test(text)) {
    return `its certificate is not for the name "${hostname}"`;
  }
  if (/expired/i.test(text)) return "its certificate has expired";
  return `its certificate cannot be used: ${text.replace(/.*certificate: /i, "")}`;
}

function lostReason(text: string): string {
  const detail = text.split(": ").at(-1)!;
  if (/reset|closed|hang up|broken pipe|unexpected eof/i.test(text)) return "connection lost";
  if (/\btls\b|\bssl\b|alert/i.test(text)) return `TLS failed: ${detail}`;
  return `connection lost (${detail})`;
}

/** What the error says and its causes, which say more; without addresses, whose names may be any. */
function textsOf(error: unknown): string[] {
  const texts: string[] = [];
  for (let e = error; e instanceof Error && texts.length < 5; e = e.cause) texts.push(e.message);
  if (texts.length === 0) texts.push(errorMessage(error));
  return texts.map((text) => text.replaceAll(/\(?https?:\/\/[^\s)]+\)?/g, ""));
}
