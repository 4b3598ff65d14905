import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import { testApi } from "../helpers/api.ts";
import { DIMS, fillIndex, smallItems } from "../helpers/small_index.ts";
import { NAME, SIMILAR, smallApi } from "./small_api.ts";

Deno.test("an index that is made, grows, is replaced or removed is seen as it is", async () => {
  await using api = await smallApi();
  const count = async (name: string) => (await api.ask(`/random/${name}?size=1000`)).json.length;
  assert.equal(await count(NAME), 40);
  assert.equal((await api.ask("/random/later")).status, 404);
  await fillIndex(api.dir, "later", smallItems(3));
  assert.equal(await count("later"), 3);
  await fillIndex(api.dir, NAME, smallItems(60));
  assert.equal(await count(NAME), 60);
  const near = await api.ask(`${SIMILAR}/id`, { body: { value: "id59" } });
  assert.equal(near.json.length, 59);
  await fillIndex(join(api.dir, "elsewhere"), "x", smallItems(5, 9));
  await Deno.rename(join(api.dir, "elsewhere/x.sqlite"), join(api.dir, `${NAME}.sqlite`));
  assert.equal(await count(NAME), 5);
  const { json } = await api.ask("/indexes");
  assert.deepEqual(json.map(({ name }: { name: string }) => name), [NAME, "later"]);
  assert.deepEqual([json[0].documents, json[0].dims, json[0].uploads], [5, DIMS, false]);
  await Deno.remove(join(api.dir, "later.sqlite"));
  assert.equal((await api.ask("/random/later")).status, 404);
  await Deno.writeTextFile(join(api.dir, "later.sqlite"), "not an index");
  assert.equal((await api.ask("/random/later")).status, 503);
  assert.equal((await api.ask("/indexes")).json.length, 1);
  assert.match(api.problems[0]!, /later.*not an index|not a database/);
});

Deno.test("a writer's batches are found while it goes on", async () => {
  await using api = await smallApi();
  const items = smallItems(200);
  await using index = await EmbeddedIndex.open({ dir: api.dir, name: NAME, mode: "write" });
  for (let end = 50; end <= 200; end += 50) {
    await index.bulk(items.slice(0, end));
    const asked = `id${end - 1}`;
    const { json } = await api.ask(`${SIMILAR}/id?size=1000`, { body: { value: asked } });
    assert.equal(json.length, end - 1);
  }
});

Deno.test("a locked index holds up its own requests, and no others", async () => {
  await using api = await smallApi();
  await fillIndex(api.dir, "other", smallItems(3));
  const db = new DatabaseSync(join(api.dir, `${NAME}.sqlite`));
  db.exec("BEGIN EXCLUSIVE");
  const waiting = api.ask(`/random/${NAME}?size=5`);
  assert.equal((await api.ask("/random/other?size=5")).json.length, 3);
  db.exec("ROLLBACK");
  db.close();
  assert.equal((await waiting).json.length, 5);
});

Deno.test("health tells whether the indexes can be reached, and nothing of where they are", async () => {
  await using api = await smallApi();
  assert.deepEqual((await api.ask("/health")).json, { health: "OK" });
  await using absent = testApi("/nonexistent/maken");
  const { status, text } = await absent.ask("/health");
  assert.equal(status, 503);
  assert.doesNotMatch(text, /nonexistent/);
  assert.match(absent.problems[0]!, /nonexistent/);
  assert.equal((await absent.ask("/metrics")).status, 200);
});
