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
  /** Tries after which another one would not help, the first included; absent for no such. */
  readonly tries?: number;
}

/** The request that failed. */
export interface FailedRequest {
  readonly url: URL;
  /** Its time limit, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether the limit is for the time without a byte, not for the whole answer. */
  readonly isForSilence?: boolean;
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
  const texts = textsOf(error, request.url);
  const kind = kindOf(error, texts);
  const code = kind === "timeout" ? "timeout" : kind === "cut" ? "body" : "network";
  const passes = kind === "lost" || kind === "cut" || kind === "timeout";
  const malformed = kind === "lost" ? malformedReason(texts) : undefined;
  const reason = malformed ?? reasonOf(kind, texts, request);
  return { kind, code, reason, passes, ...malformed === undefined ? {} : { tries: 2 } };
}

/**
 * What is thrown has no codes of its own: its text tells the kinds apart, the first that fits. No
 * name of a host can be taken for one of these: they have a space or a capital letter in them.
 */
const KINDS: readonly [FaultKind, RegExp][] = [
  ["host", /\bdns error|failed to lookup|getaddrinfo [A-Z]/],
  ["refused", /connection refused|Connection refused|actively refused|ECONNREFUSED/],
  ["plain", /InvalidContentType|corrupt message|wrong version number/],
  [
    "untrusted",
    /UnknownIssuer|unknown issuer|[Ss]elf-?[Ss]igned (in )?certificate|[Uu]nable to verify|UNABLE_TO_VERIFY|CaUsedAsEndEntity/,
  ],
  ["certificate", / certificate\b|\bcertificate('s)? |BadCertificate/],
  ["cut", /reading (a|the) body|unexpected end of file/],
];

function kindOf(error: unknown, texts: readonly string[]): FaultKind {
  if (error instanceof Deno.errors.NotCapable) return "permission";
  if (error instanceof Error && error.name === "TimeoutError") return "timeout";
  const text = texts.join(": ");
  return KINDS.find(([, pattern]) => pattern.test(text))?.[0] ?? "lost";
}

function reasonOf(
  kind: FaultKind,
  texts: readonly string[],
  { url, timeoutMs, isForSilence }: FailedRequest,
): string {
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
      return certificateReason(texts.join(": "), url);
    case "lost":
      return lostReason(texts.at(-1)!);
    case "cut":
      return "its body was cut short";
    case "timeout":
      return `${isForSilence ? "nothing came" : "no complete answer"} in ${timeoutMs / 1000} s`;
  }
}

function certificateReason(text: string, { hostname }: URL): string {
  if (/NotValidForName|not valid for name|altnames/.test(text)) {
    return `its certificate is not for the name "${hostname}"`;
  }
  if (/[Ee]xpired/.test(text)) return "its certificate has expired";
  if (/NotValidYet|not (yet valid|valid yet)/.test(text)) return "its certificate is not valid yet";
  if (/[Rr]evoked/.test(text)) return "its certificate was revoked";
  return "its certificate cannot be used";
}

/** What `fetch()` cannot ask for, or cannot read as HTTP; it gets no better. */
const MALFORMED: readonly [RegExp, reason: string][] = [
  [/invalid HTTP version/, "connection lost (its answer is not HTTP)"],
  [/invalid HTTP status/, "the status of its answer cannot be read"],
  [
    /invalid HTTP header/,
    "a header of its answer cannot be read: it may be folded over several lines, which is obsolete",
  ],
  [/message head is too large/, "the headers of its answer are too many or too long"],
  [/invalid content-length/, "its answer tells two lengths, or none that is a number"],
  [/port \d+ (is|are) blocked/, "its port is kept for services that are no web servers"],
  [/transfer-encoding/, "its answer is packed in a way that cannot be read"],
];

function malformedReason(texts: readonly string[]): string | undefined {
  return MALFORMED.find(([pattern]) => pattern.test(texts.at(-1)!))?.[1];
}

function lostReason(text: string): string {
  if (/\b(tls|TLS|ssl|SSL)\b|alert/.test(text) && !/eof|closed|reset/i.test(text)) {
    return "TLS failed: it and this program do not understand each other";
  }
  if (/timed out/i.test(text)) return "connection lost (no answer)";
  if (/unreachable/i.test(text)) return "connection lost (its network cannot be reached)";
  return "connection lost";
}

/** What the error says and its causes, which say more; without addresses and names, which may be any. */
function textsOf(error: unknown, { href }: URL): string[] {
  const texts: string[] = [];
  for (let e = error; e instanceof Error && texts.length < 5; e = e.cause) texts.push(e.message);
  if (texts.length === 0) texts.push(errorMessage(error));
  return texts.map((text) => text.replaceAll(href, "").replaceAll(/https?:\/\/\S+|"[^"]*"/g, ""));
}
