import assert from "node:assert/strict";
import { join } from "node:path";
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import { decodeNpy } from "../../lib/vectors/npy.ts";
import { jsonOf, ROOT, runTask } from "../helpers/run_task.ts";
import { fillIndex, smallItems } from "../helpers/small_index.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { documentOf } from "../index/contract.ts";

Deno.test("search by image takes the model that the index remembers, unless one is named", async () => {
  await using dir = await tempDir();
  const names = ["ski_rocket.jpg", "skl_china.jpg"];
  {
    await using index = await EmbeddedIndex.open({ dir: dir.path, name: "x", mode: "write" });
    await index.bulk(
      await Promise.all(names.map(async (name) => ({
        document: documentOf(name),
        vector: decodeNpy(
          await Deno.readFile(join(ROOT, `tests/fixtures/reference/${name}.npy`)),
        ),
      }))),
    );
    await index.setModel({ name: "demo" });
  }
  const photo = join(ROOT, "tests/fixtures/photos/ski_rocket.jpg");
  const args = ["search", "--image", photo, "--index", "x", "--index-dir", dir.path, "--json"];
  const result = await runTask(args);
  assert.equal(result.code, 0, result.stderr);
  const [hit] = jsonOf(result).hits as { id: string; similarity: number }[];
  assert.equal(hit!.id, "ski_rocket.jpg");
  assert.ok(hit!.similarity > 0.99999);
  const other = await runTask([...args, "--model", "imagenet"]);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /holds vectors of model "demo", not of "imagenet"/);
});

Deno.test("search says that a filter matches nothing", async () => {
  await using dir = await tempDir();
  await fillIndex(dir.path, "x", smallItems(9));
  const args = ["search", "--index", "x", "--index-dir", dir.path];
  const filter = ["--filter", "access=Nowhere", "--filter", "date=1905"];
  for (const question of [["--id", "id1"], ["--text", "picture"]]) {
    const none = await runTask([...args, ...question, ...filter]);
    assert.equal(none.code, 0, none.stderr);
    assert.match(none.stderr, /^search: no document matches access=nowhere and date=1905 in/);
    const some = await runTask([...args, ...question, "--filter", "access=norway"]);
    assert.match(some.stderr, /^search: 2 of|^search: 3 of/);
  }
  const words = await runTask([...args, "--text", "nothing", "--filter", "access=norway"]);
  assert.match(words.stderr, /^search: 0 of 0 documents with these words in/);
});
