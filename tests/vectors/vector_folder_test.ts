import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { encodeNpy } from "../../lib/vectors/npy.ts";
import { encodeVct } from "../../lib/vectors/vct.ts";
import { VectorFolder } from "../../lib/vectors/vector_folder.ts";
import { makeFiles } from "../helpers/files.ts";
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

Deno.test("VectorFolder finds folders that differ in case of letters on one level", async () => {
  for (
    const [record, vector] of [
      ["week1/everywhere", "week1/EVERYWHERE"],
      ["Week1/EVERYWHERE", "Week1/everywhere"],
      ["Week1/everywhere/1905", "week1/Everywhere/1905"],
      ["\u00e5lesund", "A\u030aLESUND"],
    ] as const
  ) {
    await using dir = await tempDir();
    await makeFiles(dir.path, [`${vector}/a.npy`]);
    const vectors = new VectorFolder(dir.path, { format: "npy", suffix: "" });
    assert.equal(vectors.find(record, "a"), join(dir.path, vector, "a.npy"), record);
    assert.equal(vectors.pathOf(record, "b"), join(vector, "b.npy"));
    assert.equal(vectors.pathOf(`${record}/new`, "b"), join(vector, "new/b.npy"));
  }
});

Deno.test("VectorFolder looks into the folder of the record's own access before others", async () => {
  await using dir = await tempDir();
  const files = ["everywhere/a.npy", "NB/a.npy", "NB/b.npy", "b.npy", "RESTRICTED/c.npy", "d.npy"];
  await makeFiles(dir.path, [...files, "everywhere/d.npy", "2020/e.npy", "nb only/e.npy"]);
  const vectors = new VectorFolder(dir.path, { format: "npy", suffix: "" });
  const asked: string[] = [];
  const find = (id: string, access?: string) => {
    const path = vectors.find("2020", id, () => {
      asked.push(id);
      return access;
    });
    return path && relative(dir.path, path).replaceAll("\\", "/");
  };
  assert.equal(find("a", "NB"), "NB/a.npy");
  assert.equal(find("a", "everywhere"), "everywhere/a.npy");
  assert.equal(find("b", "nb"), "NB/b.npy");
  assert.equal(find("c", "restricted"), "RESTRICTED/c.npy");
  assert.equal(find("c"), undefined);
  assert.equal(find("d", "LIBRARY"), "d.npy");
  assert.equal(
    find("a", "../everywhere"),
    "NB/a.npy",
    "a folder of another access",
  );
  asked.length = 0;
  assert.equal(find("e", "NB ONLY"), "2020/e.npy");
  assert.deepEqual(asked, [], "the access is not asked for where it is not needed");
});

Deno.test("VectorFolder reads text in an .npy file as such, and counts it", async () => {
  await using dir = await tempDir();
  const vectors = new VectorFolder(dir.path, { format: "npy", suffix: "" });
  await Deno.writeTextFile(join(dir.path, "a.npy"), encodeVct(ramp));
  await Deno.writeFile(join(dir.path, "b.npy"), encodeNpy(ramp));
  await Deno.writeTextFile(join(dir.path, "c.npy"), "<html>not found</html>");
  const odd = ["\ufeff1.5\n2.5\n", "\f1.5\n2.5\n", "# i væskeåren ø\n1.5\n2.5\n"];
  assert.deepEqual(await vectors.read("", "a"), ramp);
  assert.deepEqual(await vectors.read("", "b"), ramp);
  assert.equal(vectors.textFiles, 1);
  assert.ok(await vectors.hasWhole("", "a", 2048));
  await assert.rejects(vectors.read("", "c"), {
    code: "vector_file",
    message: /line 1 is "<html>/,
  });
  assert.equal(vectors.textFiles, 1, "what holds no vector is not counted");
  for (const text of odd) {
    await Deno.writeTextFile(join(dir.path, "d.npy"), text);
    assert.deepEqual(await vectors.read("", "d"), new Float32Array([1.5, 2.5]), text);
    assert.ok(await vectors.hasWhole("", "d", 2));
  }
});
