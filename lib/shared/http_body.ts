/** The body of an answer: whole, within bounds and unpacked; or as it comes. */
import { joined } from "./streams.ts";

/** Why a body cannot be used. */
export interface BodyFault {
  readonly code: "body" | "too_large";
  readonly reason: string;
  readonly retry?: boolean;
  /** Tries after which another one would not help, the first included. */
  readonly tries?: number;
}

/** Part of an error's body that is kept for logs, in bytes. */
const BODY_START = 2000;

/** How a body is read. */
export interface BodyOptions {
  /** Largest body that is taken, in bytes. */
  readonly maxBytes: number;
  /** Whether `fetch()` leaves it packed: the request named the packing itself, or a part. */
  readonly isLeftPacked: boolean;
  /** Makes the error that is thrown. */
  readonly error: (fault: BodyFault, cause?: unknown) => Error;
}

/** What `fetch()` unpacks. */
const UNPACKED_BY_FETCH = ["gzip", "br"];

/**
 * Reads a body to its end. Of a part of a file (status 206) the bytes are left as they are.
 *
 * @throws {Error} that `options.error` makes
 * @throws {DOMException} of a time-out or an interruption
 */
export async function readBody(
  response: Response,
  options: BodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { headers, status } = response;
  const packing = (headers.get("content-encoding") ?? "").trim().toLowerCase();
  const bytes = await readBytes(response, packing, options);
  const isPlain = packing === "" || packing === "identity" || bytes.length === 0 || status === 206;
  const isUnpacked = !options.isLeftPacked && UNPACKED_BY_FETCH.includes(packing);
  return isPlain || isUnpacked ? bytes : await unpacked(bytes, packing, options);
}

async function readBytes(
  { headers, body }: Response,
  packing: string,
  { maxBytes, error }: BodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(headers.get("content-length") ?? 0) > maxBytes) {
    await body?.cancel();
    throw tooLarge({ maxBytes, error });
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of body ?? []) {
      length += chunk.length;
      if (length > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof DOMException) throw cause; // a time-out or an interruption
    const isCut = packing === "" || /reading a body|unexpected (end|eof)/i.test(String(cause));
    const reason = isCut ? `its body was cut short after ${length} bytes` : damaged(packing);
    throw error({ code: "body", reason, retry: true }, cause);
  }
  if (length > maxBytes) throw tooLarge({ maxBytes, error });
  return joined(chunks);
}

function tooLarge({ maxBytes, error }: Pick<BodyOptions, "maxBytes" | "error">): Error {
  return error({ code: "too_large", reason: `more than ${Math.round(maxBytes / 1e6)} MB` });
}

function damaged(packing: string): string {
  return `its body cannot be unpacked: it is not whole ${packing}`;
}

/** Unpacks what `fetch()` has left packed, or did not know. */
async function unpacked(
  bytes: Uint8Array<ArrayBuffer>,
  packing: string,
  { maxBytes, error }: BodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const zlib = await import("node:zlib"); // hardly ever needed
  const unpack = packing === "gzip" || packing === "x-gzip"
    ? zlib.gunzipSync
    : packing === "deflate"
    ? zlib.inflateSync
    : undefined;
  if (unpack === undefined) {
    const reason = `its body is packed as "${packing}", which was not asked for`;
    throw error({ code: "body", reason, retry: true, tries: 2 });
  }
  try {
    return new Uint8Array(unpack(bytes, { maxOutputLength: maxBytes }));
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge({ maxBytes, error });
    throw error({ code: "body", reason: damaged(packing), retry: true }, cause);
  }
}

/** Ends a request whose other side is silent for too long, however long all of it takes. */
export class Silence {
  readonly #abort = new AbortController();

  constructor(private readonly limitMs: number) {}

  /** Aborted when the request has to end. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Waits for the other side; what is done between two waits takes the time that it takes. */
  async waitFor<T>(work: Promise<T>): Promise<T> {
    const late = () => this.#abort.abort(new DOMException("Silent for too long", "TimeoutError"));
    const timer = setTimeout(late, this.limitMs);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Nothing more is wanted of the request. */
  end(): void {
    this.#abort.abort();
  }
}

/** A body's bytes as they come. */
export async function* chunksOf(
  { body }: Response,
  silence: Silence,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = body?.getReader();
  for (;;) {
    const next = await silence.waitFor(Promise.resolve(reader?.read()));
    if (next === undefined || next.done) return;
    yield next.value;
  }
}

/** Packings that {@linkcode unpackedChunks} knows, as headers name them. */
export const PACKINGS: ReadonlyMap<string, CompressionFormat> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);

/**
 * A packed body's bytes, unpacked as they come.
 *
 * @param error is given what cannot be unpacked
 */
export async function* unpackedChunks(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  packing: CompressionFormat,
  error: (reason: string) => Error,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    yield* ReadableStream.from(chunks).pipeThrough(new DecompressionStream(packing));
  } catch (cause) {
    throw cause instanceof TypeError ? error(damaged(packing)) : cause;
  }
}

/** First part of a body as text, for logs. */
export function bodyStart(body: Uint8Array): string {
  const start = body.subarray(0, BODY_START);
  try {
    // A character that is cut in two at the end is left out.
    return new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: true });
  } catch {
    return new TextDecoder("latin1").decode(start); // whatever it is, no byte is lost
  }
}
