/** Reads the body of a request, with limits. */
import { Buffer } from "node:buffer";
import { RequestError } from "../shared/errors.ts";
import { joined } from "../shared/streams.ts";

/** Largest body with a picture, in bytes. */
export const MAX_BODY_BYTES = 20e6;
/** Largest body of JSON, in bytes: a vector takes a twentieth of it. */
const MAX_JSON_BYTES = 1e6;

/** Parts of a form. */
const MAX_PARTS = 100;

/** Types of a JSON body; a form's is what curl says of any data. */
const JSON_TYPES = /^(|application\/(.+\+)?json|text\/plain|application\/x-www-form-urlencoded)$/;

/**
 * The JSON of a body.
 *
 * @throws {RequestError} 413 if it is too large, 415 if it is said to be something else, 422 if it
 * is not JSON
 */
export async function readJson(request: Request, signal: AbortSignal): Promise<unknown> {
  if (!JSON_TYPES.test(mediaType(request))) {
    throw new RequestError(415, "Cannot read the body: its type must be application/json");
  }
  const bytes = await readBody(request, MAX_JSON_BYTES, signal);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new RequestError(422, "Cannot read the body: it is not JSON");
  }
}

/**
 * The picture of a body: the body itself, or the first file of a form; one in field `image` first.
 *
 * @throws {RequestError} 413 if it is too large, 422 if there is none
 */
export async function readPicture(
  request: Request,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readBody(request, MAX_BODY_BYTES, signal);
  if (mediaType(request) !== "multipart/form-data") {
    if (bytes.length > 0) return bytes;
    throw new RequestError(422, "Cannot read the picture: the body is empty");
  }
  const form = await readForm(bytes, request.headers.get("content-type")!);
  const isFile = (value: unknown) => value instanceof File;
  const file = form.getAll("image").find(isFile) ?? [...form.values()].find(isFile);
  if (file !== undefined) return await file.bytes() as Uint8Array<ArrayBuffer>;
  throw new RequestError(422, "Cannot read the body: the form holds no file");
}

async function readForm(bytes: Uint8Array<ArrayBuffer>, type: string): Promise<FormData> {
  const [, quoted, bare] = /;\s*boundary=(?:"([^"\\]+)"|([^\s";,]+))/i.exec(type) ?? [];
  const boundary = quoted ?? bare ?? "";
  if (boundary !== "" && hasManyParts(bytes, boundary)) {
    throw new RequestError(422, `Cannot read the body: it has more than ${MAX_PARTS} parts`);
  }
  try {
    // With the boundary that was counted, for others may read the client's text in another way.
    const headers = { "content-type": `multipart/form-data; boundary="${boundary}"` };
    return await new Response(bytes, { headers }).formData();
  } catch {
    throw new RequestError(422, "Cannot read the body: it is not a whole multipart/form-data");
  }
}

/** Parts by the hundred thousand would take seconds. */
function hasManyParts({ buffer }: Uint8Array<ArrayBuffer>, boundary: string): boolean {
  const bytes = Buffer.from(buffer);
  const mark = `--${boundary}`;
  let at = -mark.length;
  for (let parts = 0; parts <= MAX_PARTS + 1; parts++) {
    at = bytes.indexOf(mark, at + mark.length, "latin1");
    if (at < 0) return false;
  }
  return true;
}

function mediaType({ headers }: Request): string {
  return (headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
}

async function readBody(
  { headers, body }: Request,
  limit: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => {
    const reason = `it is larger than ${limit / 1e6} MB`;
    return new RequestError(413, `Cannot read the body: ${reason}`);
  };
  if ((headers.get("content-encoding") ?? "identity") !== "identity") {
    throw new RequestError(415, "Cannot read the body: it must not be compressed");
  }
  if (Number(headers.get("content-length") ?? 0) > limit) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = (body ?? new Blob().stream()).getReader();
  const cancel = () => void reader.cancel().catch(() => {}); // the client may be gone
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > limit) throw tooLarge();
      chunks.push(value);
    }
  } catch (error) {
    cancel();
    if (error instanceof RequestError) throw error;
    throw new RequestError(400, "Cannot read the body: it is cut short");
  } finally {
    signal.removeEventListener("abort", cancel);
  }
  signal.throwIfAborted();
  return joined(chunks);
}
