/** A cluster of three nodes, of which one dies: while it is loaded, and while it is searched. */
import assert from "node:assert/strict";
import type { BulkResult } from "../../../lib/index/types.ts";
import { control, missing, newIndex, request, servers } from "../../helpers/cluster.ts";
import { skipIf } from "../../helpers/skip.ts";
import { until } from "../../helpers/until.ts";
import { itemsOf } from "../contract.ts";

const NODES = ["cluster-1", "cluster-2", "cluster-3"];
const running = await servers();
const reason = missing(running, ...NODES);
const urls = reason === undefined ? NODES.map((node) => new URL(running.get(node)!.url)) : [];

/** Waits until every part of the index lies on two nodes. */
async function settled(index: string): Promise<void> {
  const path = `/_cluster/health/${index}?wait_for_status=green&timeout=180s`;
  const { status } = await request(running.get("cluster-1")!, "GET", path);
  assert.equal(status, "green");
}

Deno.test({
  ...skipIf(reason, "a cluster goes on when a node is killed: every document is in, once"),
  async fn() {
    await using made = await newIndex("cluster-1", 32, { urls, retries: 20 });
    const items = itemsOf(6000, 32);
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

Deno.test({
  ...skipIf(reason, "a cluster answers as before while another node is killed"),
  async fn() {
    await using made = await newIndex("cluster-1", 32, { urls, retries: 20 });
    const items = itemsOf(3000, 32);
    await made.index.bulk(items);
    await made.index.refresh();
    await settled(made.options.index);
    const asked = items.slice(0, 30).map(({ vector }) => vector);
    const answers = () =>
      Promise.all(asked.map(async (vector) => {
        const hits = await made.index.nearest(vector, 10);
        return hits.map(({ document }) => document.id).join();
      }));
    const before = await answers();
    const kill = { isDone: false };
    const killed = control("kill", "cluster-3").finally(() => kill.isDone = true);
    try {
      let after = 0;
      const isSame = async () => {
        if (kill.isDone) after++;
        assert.deepEqual(await answers(), before);
        return after === 10;
      };
      await until(isSame, "The tenth answer after the kill", 180);
      assert.equal((await made.index.get("id", "id2999"))?.document.id, "id2999");
      assert.equal(await made.index.count(), items.length);
    } finally {
      await killed;
      await control("start", "cluster-3");
    }
  },
});
