/** Makes responses whose length is known. */

const HTML = "text/html; charset=utf-8";

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

/** A page that may load its own parts, and pictures of these hosts. */
export function htmlResponse(text: string, imageOrigins: readonly string[] = []): Response {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src ${["'self'", "blob:", ...imageOrigins].join(" ")}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return respond(text, HTML, {
    headers: {
      "cache-control": "no-cache",
      "content-security-policy": policy.join("; "),
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    },
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

/** The response where there is nothing at an address. */
export function notFoundResponse(): Response {
  return errorResponse(404, "There is nothing of that name here");
}
