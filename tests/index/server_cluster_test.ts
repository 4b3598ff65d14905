/** Loading into a cluster of three nodes, of which one dies. */
import assert from "node:assert/strict";
import type { BulkResult } from "../../lib/index/types.ts";
import { control, newIndex, servers } from "../helpers/cluster.ts";
import { documentOf, randomVectors } from "./contract.ts";

const NODES = ["cluster-1", "cluster-2", "cluster-3"];
const running = await servers();

Deno.test({
  name: "a cluster goes on when a node is killed: every document is in, once",
  ignore: !NODES.every((node) => running.has(node)),
  async fn() {
    const urls = NODES.map((node) => new URL(running.get(node)!.url));
    await using made = await newIndex("cluster-1", 32, { urls, retries: 20 });
    const items = randomVectors(6000, 32).map((vector, i) => ({
      document: documentOf(`id${i}`),
      vector,
    }));
    const results: BulkResult[] = [];
    const load = async (from: number, to: number) => {
      for (let start = from; start < to; start += 250) {
        results.push(...await made.index.bulk(items.slice(start, start + 250)));
      }
    };
    await load(0, 1000);
    const killed = control("kill", "cluster-2");
    try {
      await Promise.all([load(1000, 3500), load(3500, 6000)]);
      await made.index.refresh();
      assert.equal(await made.index.count(), items.length);
      assert.deepEqual(results.filter((result) => "error" in result), []);
      const [first] = await made.index.nearest(items[5000]!.vector, 1);
      assert.equal(first?.document.id, "id5000");
    } finally {
      await killed;
      await control("start", "cluster-2");
    }
  },
});
