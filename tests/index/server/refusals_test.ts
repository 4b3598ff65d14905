/** What an index as a whole refuses is told before anything is sent, and nothing is left behind. */
import assert from "node:assert/strict";
import { parseMapping } from "../../../lib/index/server/mapping.ts";
import { openServerIndex } from "../../../lib/index/server/open_server.ts";
import { request, type Server, serverOptions } from "../../helpers/cluster.ts";
import { BOTH, testOn } from "../../helpers/server_tests.ts";
import { bodyWith, foreignIndex, pythonDocuments } from "../../helpers/foreign_index.ts";

/** Nobody can write to an index that such a body makes: neither to a new one nor to one with documents. */
async function assertRefused(server: Server, body: object, reason: RegExp): Promise<void> {
  const index = `test_${crypto.randomUUID()}`;
  const mapping = parseMapping(JSON.stringify(body), "own.mapping");
  await assert.rejects(openServerIndex(serverOptions(server, { index, mapping })), {
    code: "setup",
    message: reason,
  });
  assert.equal((await request(server, "GET", `/${index}`)).status, 404);
}

testOn(BOTH, "a new index that no node takes is refused and deleted", async (name, server) => {
  const body = bodyWith(name, { id: { type: "keyword" } }, {
    "routing.allocation.require.box": "none-of-these",
  });
  await assertRefused(server, body, /Cannot create index .* shard \d is on no node \(.*box/);
});

testOn(BOTH, "a mapping that wants a routing value is refused", async (name, server) => {
  const body = bodyWith(name, {});
  const routed = { ...body, mappings: { ...body.mappings, _routing: { required: true } } };
  await assertRefused(server, routed, /wants a routing value for each document/);
  await using made = await foreignIndex(server, routed, []);
  const [one] = pythonDocuments(1);
  await request(server, "PUT", `/${made.name}/_doc/${one!.id}?routing=r&refresh=true`, one);
  await assert.rejects(openServerIndex(serverOptions(server, { index: made.name })), {
    code: "setup",
    message: /wants a routing value for each document/,
  });
  const options = serverOptions(server, { index: made.name, mode: "read" });
  await using index = await openServerIndex(options);
  assert.equal((await index.get("id", one!.id))?.document.title, one!.title);
});

testOn(["opensearch"], "an index that only grows is refused", async (name, server) => {
  const body = bodyWith(name, {}, { "append_only.enabled": true });
  await assertRefused(server, body, /"index\.append_only\.enabled" is true/);
  await using made = await foreignIndex(server, body, pythonDocuments(2));
  await assert.rejects(openServerIndex(serverOptions(server, { index: made.name })), {
    code: "setup",
    message: /"index\.append_only\.enabled" is true/,
  });
});

testOn(BOTH, "--update-mapping is advised only where it helps", async (name, server) => {
  const own = { type: "keyword" };
  for (
    const [fields, isAdvised] of [
      [{ license: own, date: own, thumbnail: own, access: { type: "alias", path: "date" } }, false],
      [{ access: { type: "nested" } }, true],
    ] as const
  ) {
    await using made = await foreignIndex(server, bodyWith(name, fields), []);
    const notices: string[] = [];
    const onNotice = (text: string) => void notices.push(text);
    await using _index = await openServerIndex(
      serverOptions(server, { index: made.name, onNotice }),
    );
    const notice = notices.find((text) => /takes no .*access/.test(text))!;
    const advice = /; --update-mapping adds license, date, thumbnail$/;
    assert.equal(advice.test(notice), isAdvised, notice);
    assert.equal(/--update-mapping/.test(notice), isAdvised, notice);
  }
});
