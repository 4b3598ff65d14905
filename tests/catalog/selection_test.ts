import assert from "node:assert/strict";
import { join } from "node:path";
import { countRecords, type Selection, selectRecords } from "../../lib/catalog/selection.ts";
import { isInShard } from "../../lib/catalog/shard.ts";
import { tempDir } from "../helpers/temp_dir.ts";

/** Ids of the selected records, in their order. */
async function idsOf(selection: Selection): Promise<string[]> {
  const lists = await Array.fromAsync(selectRecords(selection));
  return lists.flat().map(({ stem }) => stem);
}

Deno.test("selectRecords() passes over the first of all, then takes the shard's; countRecords() agrees", async () => {
  await using dir = await tempDir();
  const ids: string[] = [];
  for (const [folder, size] of [["a", 40], ["b", 1], ["c", 70]] as const) {
    await Deno.mkdir(join(dir.path, folder));
    for (let i = 0; i < size; i++) ids.push(`${folder}${String(i).padStart(2, "0")}`);
  }
  for (const id of ids) await Deno.writeTextFile(join(dir.path, id[0]!, `${id}.json`), "{}");
  for (const passOver of [0, 1, 39, 40, 41, 80, 111, 500]) {
    for (const shard of [undefined, { index: 1, count: 3 }, { index: 3, count: 3 }]) {
      const selection = {
        recordsDir: dir.path,
        recordsGlob: "**/*",
        passOver,
        shard,
        retryFailed: false,
        outputDir: dir.path,
      };
      const wanted = ids.slice(passOver).filter((id) =>
        shard === undefined || isInShard(id, shard)
      );
      assert.deepEqual(await idsOf(selection), wanted);
      assert.equal(await countRecords(selection), wanted.length);
    }
  }
});
