/** The suite of all indexes, on real servers. */
import { missing, newIndex, servers } from "../../helpers/cluster.ts";
import { CONTRACT_DIMS, testIndex } from "../contract.ts";

const running = await servers();
for (const name of ["elasticsearch", "elasticsearch-secure", "opensearch"]) {
  testIndex(name, () => newIndex(name, CONTRACT_DIMS), missing(running, name));
}
