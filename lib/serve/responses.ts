/** Makes responses whose length is known. */

/** What goes with a body. */
export interface ResponseOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A response of text or bytes. */
export function respond(
  body: string | Uint8Array<ArrayBuffer>,
  type: string,
  { status = 200, headers = {} }: ResponseOptions = {},
): Response {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return new Response(bytes, {
    status,
    headers: {
      "content-type": type,
      "content-length": String(bytes.length),
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}

/** A response of JSON; it is not to be stored, for the index may change. */
export function json(value: unknown, { status, headers }: ResponseOptions = {}): Response {
  return respond(JSON.stringify(value), "application/json", {
    status: status ?? 200,
    headers: { "cache-control": "no-store", ...headers },
  });
}

/** The response to an error. */
export function errorResponse(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return json({ error: message }, { status, headers });
}
