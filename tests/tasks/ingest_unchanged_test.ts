/** What an index holds already is not sent to it again. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeNpy } from "../../lib/vectors/npy.ts";
import { request } from "../helpers/cluster.ts";
import { running, testBoth } from "../helpers/server_tests.ts";
import { faultyProxy } from "../helpers/faulty_proxy.ts";
import { foreignIndex, pythonBody } from "../helpers/foreign_index.ts";
import { jsonOf, ROOT, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { randomVectors } from "../index/contract.ts";

const RECORDS = 60;

/** A folder of records with vectors, loaded through a proxy that counts the bulk requests. */
async function place(name: string, dims: number, index: string, mapping: string) {
  const server = running.get(name)!;
  const dir = await tempDir();
  const proxy = await faultyProxy(server.url, () => undefined);
  const vectors = randomVectors(RECORDS + 1, dims);
  const record = (i: number, access = "NB") => ({
    id: `id${i}`,
    accessInfo: { accessAllowedFrom: access },
  });
  const writeRecord = async (i: number, access?: string) => {
    await Deno.mkdir(join(dir.path, "r"), { recursive: true });
    await Deno.writeTextFile(join(dir.path, `r/id${i}.json`), JSON.stringify(record(i, access)));
  };
  const writeVector = async (i: number, vector = vectors[i]!) => {
    await Deno.mkdir(join(dir.path, "v"), { recursive: true });
    await Deno.writeFile(join(dir.path, `v/id${i}.npy`), encodeNpy(vector));
  };
  for (let i = 0; i < RECORDS; i++) await Promise.all([writeRecord(i), writeVector(i)]);
  return {
    writeRecord,
    writeVector,
    state: join(dir.path, "i/.maken"),
    /** Runs `ingest`: what it says of the documents, and how many bulk requests it took. */
    async ingest(...more: string[]) {
      const before = proxy.seen.filter(({ bulk }) => bulk > 0).length;
      const folders = ["--records-dir", join(dir.path, "r"), "--vectors-dir", join(dir.path, "v")];
      const result = await runTask(
        ["ingest", "--url", proxy.url, "--mapping", mapping, ...folders]
          .concat("--index-dir", join(dir.path, "i"), "--bulk-size", "20", "--json", ...more),
      );
      assert.equal(result.code, 0, result.stderr);
      const { new: created, changed, unchanged, stored, skipped, documents } = jsonOf(result);
      assert.deepEqual([stored, skipped], [Number(created) + Number(changed), unchanged]);
      const bulks = proxy.seen.filter(({ bulk }) => bulk > 0).length - before;
      return { counts: [created, changed, unchanged, documents], bulks, stderr: result.stderr };
    },
    /** The access of a document, as the server has it. */
    async access(i: number) {
      const found = await request(server, "GET", `/${index}/_search?q=id:id${i}`);
      return (found as { hits: { hits: { _source: { access: string } }[] } }).hits.hits[0]!._source
        .access;
    },
    async [Symbol.asyncDispose]() {
      await request(server, "DELETE", `/${index}`);
      await proxy[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

testBoth("ingest sends what is new or changed, and says so", async (name) => {
  const index = `t${crypto.randomUUID()}`;
  await using dir = await tempDir();
  const mapping = join(dir.path, `${index}.mapping`);
  await Deno.copyFile(join(ROOT, `mappings/${name}/images.knn.mapping`), mapping);
  await using load = await place(name, 2048, index, mapping);
  const first = await load.ingest();
  assert.deepEqual([first.counts, first.bulks], [[RECORDS, 0, 0, RECORDS], 3]);
  assert.match(first.stderr, /60 stored, 0 skipped, 0 failed of 60 \(60 new\) in/);

  const second = await load.ingest();
  assert.deepEqual([second.counts, second.bulks], [[0, 0, RECORDS, RECORDS], 0]);
  assert.match(second.stderr, /0 stored, 60 skipped, 0 failed of 60 \(60 unchanged\) in/);

  await load.writeRecord(3, "NORWAY");
  await load.writeVector(50, randomVectors(1, 2048)[0]!.toReversed());
  await Promise.all([load.writeRecord(RECORDS), load.writeVector(RECORDS)]);
  const third = await load.ingest();
  assert.deepEqual(third.counts, [1, 2, RECORDS - 2, RECORDS + 1]);
  assert.match(third.stderr, /\(1 new, 2 changed, 58 unchanged\) in/);
  assert.equal(await load.access(3), "norway");

  const anew = await load.ingest("--recreate-index");
  assert.deepEqual(anew.counts, [RECORDS + 1, 0, 0, RECORDS + 1]);
});

testBoth("ingest remembers what it sent to an index of another program", async (name) => {
  const server = running.get(name)!;
  await using made = await foreignIndex(server, pythonBody(name, "explicit"), [
    { id: "id0", title: "from elsewhere" },
  ]);
  await using load = await place(name, 32, made.name, made.name);
  const first = await load.ingest();
  assert.deepEqual(first.counts, [RECORDS - 1, 1, 0, RECORDS]);
  const second = await load.ingest();
  assert.deepEqual([second.counts, second.bulks], [[0, 0, RECORDS, RECORDS], 0]);

  await load.writeRecord(3, "NORWAY");
  await request(server, "DELETE", `/${made.name}/_doc/id7?refresh=true`);
  assert.deepEqual((await load.ingest()).counts, [1, 1, RECORDS - 2, RECORDS]);
  assert.equal(await load.access(3), "norway");

  // The memory only saves work: damaged or gone, all is sent once more.
  await Deno.writeTextFile(
    join(load.state, "sent.sqlite"),
    "not of SQLite, and longer than a header".repeat(9),
  );
  assert.deepEqual((await load.ingest()).counts, [0, RECORDS, 0, RECORDS]);
  assert.deepEqual((await load.ingest()).bulks, 0);
});
