/** The suite of all indexes, on real servers. */
import { newIndex, servers } from "../helpers/cluster.ts";
import { CONTRACT_DIMS, testIndex } from "./contract.ts";

const running = await servers();
for (const name of ["elasticsearch", "elasticsearch-secure", "opensearch"]) {
  if (running.has(name)) testIndex(name, () => newIndex(name, CONTRACT_DIMS));
  else Deno.test.ignore(`${name} index: "tests/servers.sh DIR" has not started it`, () => {});
}
