/** What is told of a URL: its host, and itself without credentials. */

/** A host that a permission can name: a plain name or IPv4 address, or IPv6 in brackets. */
export const HOST_NAME = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/;

/**
 * `host:port` of a URL, with the scheme's own port where the URL names none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(hostAndPort(new URL("https://api.nb.no/x")), "api.nb.no:443");
 * ```
 */
export function hostAndPort(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}

/**
 * A text with the credentials of any URL in it left out, even of one that cannot be parsed.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(withoutCredentials("http://me:secret@host:9/x"), "http://host:9/x");
 * ```
 */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(:\/\/)[^/?#\s'"]*@/g, "$1");
}
