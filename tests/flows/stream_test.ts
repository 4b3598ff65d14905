import assert from "node:assert/strict";
import { join } from "node:path";
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import { demoApi, RECORDS } from "../helpers/demo_api.ts";
import { jsonOf, ROOT, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles } from "../helpers/walk_files.ts";

/** Arguments of the three tools, which work in one folder. */
function argsIn(dir: string, url: string) {
  const [records, vectors, index] = ["records", "vectors", "index"].map((name) => join(dir, name));
  const data = ["--records-dir", records!, "--vectors-dir", vectors!];
  const politeness = ["--delay", "0", "--base-url", url];
  return {
    download: ["-o", records!, ...politeness],
    vectorize: [...data, "--model", "demo", "--download-images", "--jobs", "2", ...politeness],
    ingest: [...data, "--index-dir", index!, "--bulk-size", "10"],
  };
}

/** The bytes of each file but Maken's own. */
async function filesBelow(dir: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for await (const path of walkFiles(dir)) files.set(path, await Deno.readFile(join(dir, path)));
  return files;
}

async function documentsIn(dir: string) {
  await using index = await EmbeddedIndex.open({ dir, name: "images.knn", mode: "read" });
  const ids = RECORDS.map(({ id }: { id: string }) => id).sort();
  return await Promise.all(ids.map((id: string) => index.get("id", id)));
}

Deno.test("the three flows make as one stream what the three tools make one after the other", async () => {
  await using dir = await tempDir();
  await using api = demoApi();
  const [apart, streamed] = [join(dir.path, "apart"), join(dir.path, "streamed")];
  const tools = Object.entries(argsIn(apart, api.url));
  for (const [name, args] of tools) {
    const { code, stderr } = await runTask([name, ...args]);
    assert.equal(code, 0, stderr);
  }
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", join(ROOT, "tests/helpers/stream.ts")]
      .concat(JSON.stringify(argsIn(streamed, api.url))),
  }).output();
  const result = {
    code,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(stderr),
  };
  assert.equal(code, 0, result.stderr);
  const { stages, total, stored, skipped, failed, documents } = jsonOf(result);
  assert.deepEqual(
    (stages as { seconds: number }[]).map(({ seconds: _, ...counts }) => counts),
    [
      { task: "download", stored: 55, skipped: 0, failed: 0 },
      { task: "vectorize", stored: 54, skipped: 1, failed: 0 },
      { task: "ingest", stored: 54, skipped: 0, failed: 0, new: 54, changed: 0, unchanged: 0 },
    ],
  );
  assert.deepEqual([total, stored, skipped, failed, documents], [55, 54, 1, 0, 54]);
  assert.match(result.stderr, /^stream: download 55 stored.*; vectorize 54 .*; ingest 54 .* in /m);
  for (const part of ["records", "vectors"]) {
    const [wanted, got] = [
      await filesBelow(join(apart, part)),
      await filesBelow(join(streamed, part)),
    ];
    assert.ok(wanted.size >= 54);
    assert.deepEqual(got, wanted);
  }
  assert.deepEqual(
    await documentsIn(join(streamed, "index")),
    await documentsIn(join(apart, "index")),
  );
});
