/** Hosts that may be asked. */
import { HttpError, UsageError } from "./errors.ts";
import { HOST_NAME, hostAndPort, withoutCredentials } from "./urls.ts";

/**
 * Each of the hosts that a text names, separated by commas: with the ports of https and http, or with
 * the one port that it names.
 *
 * @param what they are, such as `image host`
 * @throws {UsageError} for what is no host
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(hostsWithPorts("a.org, B.org:81", "host"), ["a.org:443", "a.org:80", "b.org:81"]);
 * ```
 */
export function hostsWithPorts(text: string, what: string): string[] {
  const hosts = text.split(",").map((host) => host.trim().toLowerCase()).filter((h) => h !== "");
  for (const host of hosts) {
    if (!HOST_NAME.test(host.replace(/:\d{1,5}$/, ""))) {
      throw new UsageError(`Cannot use ${what} "${host}": it is not a host or host:port`);
    }
  }
  return hosts.flatMap((host) => /:\d+$/.test(host) ? [host] : [`${host}:443`, `${host}:80`]);
}

/**
 * A URL that may be asked.
 *
 * @param from address that redirects to it; itself for none
 * @param hosts with ports
 * @throws {HttpError} if its host is none of them, or it is no address of the web
 */
export function allowedUrl(text: string, from: string, hosts: readonly string[]): URL {
  const url = URL.parse(text);
  const allowed = url !== null && /^https?:$/.test(url.protocol) && url.username === "" &&
    url.password === "" && hosts.includes(hostAndPort(url));
  if (allowed) return url;
  const asked = withoutCredentials(text);
  const via = text === from ? "" : ` (redirected from ${withoutCredentials(from)})`;
  const reason = url !== null && !/^https?:$/.test(url.protocol)
    ? "it is not an http or https address"
    : asked === text
    ? `its host is not among ${hosts.join(", ")}`
    : "it holds a user name or password";
  throw new HttpError(
    `Cannot get ${asked}${via}: ${reason}`,
    { code: "host_not_allowed", url: asked },
  );
}
