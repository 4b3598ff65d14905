/** Hosts that pictures may come from. */
import { UsageError } from "../shared/errors.ts";
import { HOST_NAME, hostAndPort } from "../shared/urls.ts";

/** Hosts of the catalogue's pictures. */
export const IMAGE_HOSTS = "www.nb.no,api.nb.no";

/** Each host with the ports of http and https, or with the one port that it names. */
export function imageHosts(text: string, baseUrl: URL): string[] {
  const hosts = text.split(",").map((host) => host.trim().toLowerCase()).filter((h) => h !== "");
  for (const host of hosts) {
    if (!HOST_NAME.test(host.replace(/:\d{1,5}$/, ""))) {
      throw new UsageError(`Cannot use image host "${host}": it is not a host or host:port`);
    }
  }
  const named = hosts.flatMap((host) =>
    /:\d+$/.test(host) ? [host] : [`${host}:443`, `${host}:80`]
  );
  return [...new Set([...named, hostAndPort(baseUrl)])];
}
