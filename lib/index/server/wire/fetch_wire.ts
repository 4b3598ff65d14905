/** Single requests to the nodes of a cluster, by `fetch()`. */
import { connectionFault } from "../../../shared/connection_faults.ts";
import { SetupError } from "../../../shared/errors.ts";
import type { Identity } from "../errors.ts";

/** What is sent. */
export interface WireRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  /** Path and query, such as `/images.knn/_count`. */
  readonly path: string;
  /** Sent as JSON; bytes as they are. */
  readonly body?: object | Uint8Array<ArrayBuffer> | undefined;
  /** Media type of a body of bytes. */
  readonly contentType?: string;
}

/** A complete answer. */
export interface ServerAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** What its JSON says; undefined where it has none. */
  readonly body: unknown;
}

/** How nodes are asked. */
export interface WireOptions extends Identity {
  /** Certificates of further authorities to trust, as PEM text. */
  readonly ca?: string | undefined;
}

/** Sends requests with credentials that it never tells. */
export class FetchWire implements Disposable {
  readonly #authorization: string | undefined;
  readonly #http: Deno.HttpClient | undefined;

  /** @throws {SetupError} if the certificates cannot be used */
  constructor({ ca, ...identity }: WireOptions) {
    this.#authorization = authorization(identity);
    if (ca === undefined) return;
    if (!ca.includes("-----BEGIN CERTIFICATE-----")) {
      throw new SetupError("Cannot use the given authority: it is not a certificate in PEM text");
    }
    this.#http = Deno.createHttpClient({ caCerts: [ca] });
  }

  [Symbol.dispose](): void {
    this.#http?.close();
  }

  /**
   * The answer to one request, whatever its status.
   *
   * @param base address of a node; its path is put before the request's
   * @throws {unknown} what `fetch()` throws, for {@linkcode connectionFault}
   */
  async send(base: URL, request: WireRequest, signal: AbortSignal): Promise<ServerAnswer> {
    const { method, path, body, contentType = "application/json" } = request;
    const response = await fetch(new URL(base.pathname.replace(/\/$/, "") + path, base), {
      method,
      redirect: "manual",
      signal,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": contentType }),
        ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }),
      },
      ...(body === undefined
        ? {}
        : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
      ...(this.#http === undefined ? {} : { client: this.#http }),
    });
    const { status, headers } = response;
    return { status, headers, body: jsonOf(await response.text()) };
  }
}

/** Whether a node that does not answer plain http wants https. */
export async function wantsHttps(base: URL, signal: AbortSignal): Promise<boolean> {
  if (base.protocol !== "http:") return false;
  const url = new URL(base);
  const port = url.port || "80";
  url.protocol = "https:";
  url.port = port;
  try {
    const response = await fetch(url, { method: "HEAD", redirect: "manual", signal });
    await response.body?.cancel();
    return true;
  } catch (error) {
    // Its certificate need not be one that is trusted.
    return ["untrusted", "certificate"].includes(
      connectionFault(error, { url, timeoutMs: 0 }).kind,
    );
  }
}

/** A client's authorization header. */
function authorization({ user, password, apiKey }: Identity): string | undefined {
  if (apiKey) return `ApiKey ${apiKey}`;
  if (!user) return undefined;
  return `Basic ${new TextEncoder().encode(`${user}:${password ?? ""}`).toBase64()}`;
}

/** An id that is a number with more digits than a double holds. */
const LONG_ID = /"id"\s*:\s*(\[\s*)?(-?\d{16,})(?=\s*[,}\]])/g;

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text.replace(LONG_ID, '"id":$1"$2"'));
  } catch {
    return undefined; // such as the page of a proxy
  }
}
