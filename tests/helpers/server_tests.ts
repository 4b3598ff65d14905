/** Tests on real search servers; each is skipped by name where its server does not run. */
import { missing, type Server, servers } from "./cluster.ts";
import { skipIf } from "./skip.ts";

/** The servers that run. */
export const running = await servers();

/** One server of each kind. */
export const BOTH = ["elasticsearch", "opensearch"] as const;

/** Registers a test for each of these servers. */
export function testOn<N extends string>(
  names: readonly N[],
  title: string,
  body: (name: N, server: Server) => Promise<void>,
): void {
  for (const name of names) {
    Deno.test({
      ...skipIf(missing(running, name), `${name}: ${title}`),
      fn: () => body(name, running.get(name)!),
    });
  }
}

/** Registers a test for each kind of server. */
export function testBoth(
  title: string,
  body: (name: typeof BOTH[number], server: Server) => Promise<void>,
): void {
  testOn(BOTH, title, body);
}
