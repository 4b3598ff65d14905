/** Indexes on real servers that are made, made anew and taken away again. */
import assert from "node:assert/strict";
import { openServerIndex } from "../../../lib/index/server/open_server.ts";
import { imageMapping, newIndex, request, serverOptions } from "../../helpers/cluster.ts";
import { running, testBoth } from "../../helpers/server_tests.ts";
import { faultyProxy } from "../../helpers/faulty_proxy.ts";
import { until } from "../../helpers/until.ts";
import { itemsOf } from "../contract.ts";

const DIMS = 32;

testBoth("an interruption does not come between deleting an index and making it", async (name) => {
  const server = running.get(name)!;
  await using made = await newIndex(name, DIMS);
  const { index } = made.options;
  await made.index.bulk(itemsOf(3, DIMS));
  const abort = new AbortController();
  await using proxy = await faultyProxy(server.url, ({ method, path }) => {
    if (method !== "DELETE" || path !== `/${index}`) return undefined;
    return (body) => {
      abort.abort();
      return body;
    };
  });
  const { mapping: _none, ...options } = made.options;
  await using interrupted = await openServerIndex(
    serverOptions(server, {
      ...options,
      recreate: true,
      urls: [new URL(proxy.url)],
      signal: abort.signal,
    }),
  );
  await assert.rejects(interrupted.clear(), { name: "AbortError" });
  await using after = await openServerIndex(serverOptions(server, { index, mode: "read" }));
  assert.deepEqual([await after.count(), after.dims], [0, DIMS]);
});

for (const state of ["closed", "blocked"] as const) {
  testBoth(`an index that is ${state} is made anew as it was, and can be written`, async (name) => {
    const server = running.get(name)!;
    await using made = await newIndex(name, DIMS);
    const { index } = made.options;
    if (state === "closed") await request(server, "POST", `/${index}/_close`);
    else await request(server, "PUT", `/${index}/_settings`, { "index.blocks.write": true });
    await using anew = await openServerIndex(serverOptions(server, { index, recreate: true }));
    await anew.clear();
    const results = await anew.bulk(itemsOf(3, DIMS));
    assert.deepEqual(results.map((result) => "result" in result), [true, true, true]);
    await anew.refresh();
    assert.equal(await anew.count(), 3);
  });
}

testBoth(
  "of two runs that begin at once, only the one that made the index may remove it",
  async (name) => {
    const server = running.get(name)!;
    const index = `test_${crypto.randomUUID()}`;
    const mapping = await imageMapping(name, DIMS);
    const first = Promise.withResolvers<void>();
    // Both ask before there is an index; the second one makes it after the first.
    await using proxy = await faultyProxy(server.url, async ({ method, path }) => {
      if (method === "PUT" && path.split("?")[0] === `/${index}`) await first.promise;
      return undefined;
    });
    const opening = openServerIndex(
      serverOptions(server, { index, mapping, urls: [new URL(proxy.url)] }),
    );
    try {
      await until(
        () => proxy.seen.some(({ method }) => method === "PUT"),
        "The second run's request",
      );
      await using maker = await openServerIndex(serverOptions(server, { index, mapping }));
      first.resolve();
      await using other = await opening;
      assert.deepEqual([maker.created, other.created], [true, false]);
      await other.removeIfUnused();
      assert.equal(await maker.count(), 0, "it is still there");
      await maker.removeIfUnused();
      assert.equal((await request(server, "GET", `/${index}`)).status, 404);
    } finally {
      first.resolve();
      await request(server, "DELETE", `/${index}`);
    }
  },
);
