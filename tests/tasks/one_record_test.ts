/** A record whose group changes: one file, one vector and picture, one document with the new rights. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import { missing, request, type Server, servers } from "../helpers/cluster.ts";
import { demoApi, RECORDS } from "../helpers/demo_api.ts";
import { importEncoder } from "../helpers/encoder.ts";
import { makeFiles } from "../helpers/files.ts";
import { manyRecords } from "../helpers/many_records.ts";
import { jsonOf, ROOT, runTask, spawnTask } from "../helpers/run_task.ts";
import { skipIf } from "../helpers/skip.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles } from "../helpers/walk_files.ts";

const running = await servers();
const filesIn = (path: string) => Array.fromAsync(walkFiles(path));
const idOf = (path: string) => path.replace(/.*\//, "").replace(/\.json$/, "");

/** The bundled records with a picture, the first of which has this access, and this title. */
function recordsWith(access: string, title = "T") {
  const some = RECORDS.filter((record: { _links?: { thumbnail_custom?: unknown } }) =>
    record._links?.thumbnail_custom !== undefined
  ).slice(0, 3);
  const [{ accessInfo, metadata, ...first }, ...others] = some;
  return [{
    ...first,
    accessInfo: { ...accessInfo, accessAllowedFrom: access },
    metadata: { ...metadata, title },
  }, ...others];
}

const [{ id: ID }] = recordsWith("NB");

/** How the tools are called in a folder. */
function toolsIn(dir: string, url: string, model: string) {
  const [r, v] = [join(dir, "r"), join(dir, "v")];
  const polite = ["--delay", "0", "--base-url", url];
  const run = async (...args: string[]) => {
    const result = await runTask([...args, "--json"]);
    assert.equal(result.code, 0, result.stderr);
    return { ...jsonOf(result), stderr: result.stderr };
  };
  return {
    download: (...more: string[]) => run("download", "-o", r, ...polite, ...more),
    vectorize: (...more: string[]) =>
      run(
        ...["vectorize", "--records-dir", r, "--vectors-dir", v, "--model", model],
        ...["--download-images", ...polite, ...more],
      ),
    ingest: (...more: string[]) =>
      run("ingest", "--records-dir", r, "--vectors-dir", v, "--index-dir", join(dir, "i"), ...more),
  };
}

type Documents = () => Promise<{ count: number; access: unknown }>;

async function movesThrough(dir: string, more: readonly string[], documents: Documents) {
  const records: unknown[] = [];
  await using api = demoApi({ records: records as [] });
  const tools = toolsIn(dir, api.url, await importEncoder(dir));
  let fetched = 0;
  for (const access of ["NB", "EVERYWHERE", "NORWAY"]) {
    records.splice(0, records.length, ...recordsWith(access));
    await tools.download();
    const vectorized = await tools.vectorize();
    await tools.ingest(...more);
    const own = access.toLowerCase();
    const stored = await filesIn(join(dir, "r"));
    assert.deepEqual(stored.filter((path) => path.includes(ID)), [`${own}/${ID}.json`]);
    const made = (await filesIn(join(dir, "v"))).filter((path) => path.includes(ID));
    assert.deepEqual(made.sort(), [`${own}/${ID}.jpg`, `${own}/${ID}.npy`]);
    assert.deepEqual(await documents(), { count: 3, access: own });
    if (access === "NB") fetched = api.requests.filter((path) => /resolver/.test(path)).length;
    else assert.deepEqual(countsOfJson(vectorized), { stored: 0, skipped: 3 });
  }
  const all = api.requests.filter((path) => /resolver/.test(path)).length;
  assert.equal(all, fetched, "no picture is fetched again");
}

function countsOfJson({ stored, skipped }: Record<string, unknown>) {
  return { stored, skipped };
}

Deno.test("a record moves with all that was made of it, and its document has the new rights", async () => {
  await using dir = await tempDir();
  await movesThrough(dir.path, [], async () => {
    await using index = await EmbeddedIndex.open({
      dir: join(dir.path, "i"),
      name: "images.knn",
      mode: "read",
    });
    return { count: await index.count(), access: (await index.get("id", ID))?.document.access };
  });
});

for (const kind of ["elasticsearch", "opensearch"]) {
  Deno.test({
    ...skipIf(
      missing(running, kind),
      `${kind}: a record moves, and its document has the new rights`,
    ),
    fn: async () => {
      const server: Server = running.get(kind)!;
      await using dir = await tempDir();
      const index = `t${crypto.randomUUID()}`;
      const mapping = join(dir.path, `${index}.mapping`);
      const text = await Deno.readTextFile(join(ROOT, `mappings/${kind}/images.knn.mapping`));
      // The small encoder's vectors are shorter.
      await Deno.writeTextFile(mapping, text.replace(/"(dims|dimension)": 2048/, '"$1": 12'));
      try {
        await movesThrough(dir.path, ["--url", server.url, "--mapping", mapping], async () => {
          await request(server, "POST", `/${index}/_refresh`);
          const { count } = await request(server, "GET", `/${index}/_count`) as { count: number };
          const found = await request(server, "GET", `/${index}/_doc/${ID}`) as {
            _source: { access: unknown };
          };
          return { count, access: found._source.access };
        });
      } finally {
        await request(server, "DELETE", `/${index}`);
      }
    },
  });
}

Deno.test("download that is killed while all records move loses none, and ends with one file of each", async () => {
  await using dir = await tempDir();
  const records = manyRecords(300);
  let asked: (() => void) | undefined;
  let delayMs = 0;
  await using api = demoApi({
    records,
    intercept: async () => {
      asked?.();
      await sleep(delayMs);
      return undefined;
    },
  });
  const out = join(dir.path, "r");
  const args = ["download", "--size", "10", "--delay", "0", "--base-url", api.url, "-o", out];
  assert.equal((await runTask(args)).code, 0);
  const ids = new Set((await filesIn(out)).map(idOf));
  for (const [n, record] of records.entries()) {
    record.accessInfo = { accessAllowedFrom: ["LIBRARY", "EVERYWHERE"][n % 2]! };
  }
  let kills = 0;
  for (let n = 0; n < 5; n++) {
    const child = spawnTask(args);
    let left = 3 + n;
    asked = () => {
      if (--left !== 0) return;
      child.kill("SIGKILL");
      kills++;
      delayMs = 50;
    };
    const { code } = await child.output();
    asked = undefined;
    delayMs = 0;
    assert.deepEqual(new Set((await filesIn(out)).map(idOf)), ids);
    if (code === 0) break;
  }
  assert.ok(kills >= 3);
  const last = await runTask(args);
  assert.equal(last.code, 0, last.stderr);
  const files = await filesIn(out);
  assert.equal(files.length, 300);
  assert.ok(files.every((path) => /^(library|everywhere)\//.test(path)));
});

Deno.test("pictures and vectors move along by any key, from folders of their own, but not from others' records", async () => {
  await using dir = await tempDir();
  const records: unknown[] = recordsWith("NB", "old");
  await using api = demoApi({ records: records as [] });
  const tools = toolsIn(dir.path, api.url, await importEncoder(dir.path));
  const at = (...parts: string[]) => join(dir.path, ...parts);
  const key = ["--groupby", "metadata.title"];
  const objects = ["--objects-dir", at("o")];
  await tools.download(...key);
  await tools.vectorize(...objects);
  const fetched = api.requests.length;
  records.splice(0, 1, recordsWith("NB", "new")[0]);
  const { stderr } = await tools.download(...key);
  assert.match(stderr, /1 record moved to another folder, as --groupby has it now/);
  // A record of its own that lies where the first one lay: what is there may be its.
  await makeFiles(at("r"), [`old/${ID}.json`], '{"id":"other"}');
  await tools.vectorize(...objects);
  assert.ok((await filesIn(at("v"))).includes(`old/${ID}.npy`));
  await Deno.remove(at("r/old", `${ID}.json`));
  for (const shard of ["1/2", "2/2"]) await tools.vectorize(...objects, "--shard", shard);
  const ofId = async (folder: string) =>
    (await filesIn(at(folder))).filter((path) => path.includes(ID));
  assert.deepEqual(await ofId("v"), [`new/${ID}.npy`]);
  assert.deepEqual(await ofId("o"), [`new/${ID}.jpg`]);
  const later = api.requests.slice(fetched).filter((path) => /resolver/.test(path));
  assert.deepEqual(later, [], "nothing is fetched again");
});

Deno.test("of two files of one id that lie there, the later one is vectorized and ingested, once", async () => {
  await using dir = await tempDir();
  await using api = demoApi({ records: recordsWith("NB") });
  const tools = toolsIn(dir.path, api.url, await importEncoder(dir.path));
  const at = (...parts: string[]) => join(dir.path, "r", ...parts);
  await tools.download();
  await Deno.remove(at(".maken"), { recursive: true });
  const now = JSON.parse(await Deno.readTextFile(at("nb", `${ID}.json`)));
  now.accessInfo.accessAllowedFrom = "EVERYWHERE";
  await makeFiles(at(), [`everywhere/${ID}.json`], JSON.stringify(now));
  await Deno.utime(at("nb", `${ID}.json`), 1000, 1000);
  const notice = /1 record lies in a second folder as well: the file that came last counts/;
  const vectorized = await tools.vectorize();
  assert.match(vectorized.stderr, notice);
  assert.deepEqual(countsOfJson(vectorized), { stored: 3, skipped: 0 });
  const ingested = await tools.ingest();
  assert.match(ingested.stderr, notice);
  assert.deepEqual(countsOfJson(ingested), { stored: 3, skipped: 0 });
  await using index = await EmbeddedIndex.open({
    dir: join(dir.path, "i"),
    name: "images.knn",
    mode: "read",
  });
  assert.equal((await index.get("id", ID))?.document.access, "everywhere");
  // Neither run needs to write to the records.
  const plan = await runTask(["ingest", "--records-dir", at(), "--vectors-dir", join(dir.path, "v")]
    .concat("--index-dir", join(dir.path, "i"), "--dry-run", "--json"));
  assert.deepEqual([plan.code, jsonOf(plan).records], [0, 3]);
});
