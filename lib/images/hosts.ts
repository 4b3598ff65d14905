/** Hosts that pictures may come from. */
import { hostsWithPorts } from "../shared/hosts.ts";
import { hostAndPort } from "../shared/urls.ts";

/** Hosts of the catalogue's pictures. */
export const IMAGE_HOSTS = "www.nb.no,api.nb.no";

/** Each host with the ports of http and https, or with the one port that it names. */
export function imageHosts(text: string, baseUrl: URL): string[] {
  return [...new Set([...hostsWithPorts(text, "image host"), hostAndPort(baseUrl)])];
}
