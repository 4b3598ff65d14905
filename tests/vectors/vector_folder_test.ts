import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeNpy } from "../../lib/vectors/npy.ts";
import { encodeVct } from "../../lib/vectors/vct.ts";
import { VectorFolder } from "../../lib/vectors/vector_folder.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { ramp } from "../helpers/vector_fixtures.ts";

Deno.test("VectorFolder.read() looks beside the record's folder, then flat", async () => {
  await using dir = await tempDir();
  const read = (folder: string) =>
    new VectorFolder(dir.path, { format: "npy", suffix: "_v" }).read(folder, "a");
  assert.equal(await read("nb"), undefined);
  await Deno.writeFile(join(dir.path, "a_v.npy"), encodeNpy(ramp.slice(0, 2)));
  assert.equal((await read("nb"))?.length, 2);
  await Deno.mkdir(join(dir.path, "nb"));
  await Deno.writeFile(join(dir.path, "nb/a_v.npy"), encodeNpy(ramp.slice(0, 3)));
  assert.equal((await read("nb"))?.length, 3);
  // A file where the record's folder would be.
  assert.equal((await read("a_v.npy"))?.length, 3);
});

Deno.test("VectorFolder finds vectors by access, and in folders of other case", async () => {
  for (
    const [record, vector] of [
      ["nb/2020-01-01", "nb"],
      ["nb/2020-01-01", "NB"],
      ["", "EVERYWHERE"],
      ["norway", "NORWAY"],
      ["LIBRARY/1905", "library/1905"],
    ] as const
  ) {
    await using dir = await tempDir();
    await Deno.mkdir(join(dir.path, vector), { recursive: true });
    await Deno.writeFile(join(dir.path, vector, "a.npy"), encodeNpy(ramp.slice(0, 3)));
    const vectors = new VectorFolder(dir.path, { format: "npy", suffix: "" });
    assert.equal((await vectors.read(record, "a"))?.length, 3, `${record} in ${vector}`);
    assert.equal(vectors.find(record, "a"), join(dir.path, vector, "a.npy"));
    assert.ok(await vectors.hasWhole(record, "a", 3));
    assert.equal(await vectors.read(record, "b"), undefined);
  }
});

Deno.test("VectorFolder reads text in an .npy file as such, and counts it", async () => {
  await using dir = await tempDir();
  const vectors = new VectorFolder(dir.path, { format: "npy", suffix: "" });
  await Deno.writeTextFile(join(dir.path, "a.npy"), encodeVct(ramp));
  await Deno.writeFile(join(dir.path, "b.npy"), encodeNpy(ramp));
  await Deno.writeTextFile(join(dir.path, "c.npy"), "<html>not found</html>");
  assert.deepEqual(await vectors.read("", "a"), ramp);
  assert.deepEqual(await vectors.read("", "b"), ramp);
  assert.equal(vectors.textFiles, 1);
  assert.ok(await vectors.hasWhole("", "a", 2048));
  await assert.rejects(vectors.read("", "c"), { code: "vector_file" });
});
