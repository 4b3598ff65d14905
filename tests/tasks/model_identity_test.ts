/** A model is known by what its file holds: two of one name are never taken for each other. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import { missing, request, type Server, servers } from "../helpers/cluster.ts";
import {
  importEncoder,
  importEncoderOtherwise,
  importLogEncoder,
  importOtherEncoder,
} from "../helpers/encoder.ts";
import { faultyProxy } from "../helpers/faulty_proxy.ts";
import { serve } from "../helpers/http_server.ts";
import { told } from "../helpers/api.ts";
import { countsOf, jsonOf, ROOT, runTask, spawnTask } from "../helpers/run_task.ts";
import { startServe } from "../helpers/serve_task.ts";
import { skipIf } from "../helpers/skip.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";

const running = await servers();
const IDS = ["a", "b", "c"];
const PHOTOS = ["ski_rocket.jpg", "skl_china.jpg", "skl_flower.jpg"].map((name) =>
  join(ROOT, "tests/fixtures/photos", name)
);
/** Length of the encoders' vectors. */
const SIZE = 12;

/** Three records with pictures, and two encoders of one name. */
async function place() {
  const temporary = await tempDir();
  const dir = temporary.path;
  const records = join(dir, "records");
  await Deno.mkdir(records);
  for (const id of IDS) await Deno.writeTextFile(join(records, `${id}.json`), `{"id":"${id}"}`);
  const [first, second] = [join(dir, "first"), join(dir, "second")];
  for (const folder of [first, second]) await Deno.mkdir(folder);
  const at = {
    dir,
    records,
    first: await importEncoder(first),
    second: await importOtherEncoder(second),
    vectors: join(dir, "vectors"),
    /** Makes a folder of the pictures. */
    async pictures(name: string): Promise<string> {
      const folder = join(dir, name);
      await Deno.mkdir(folder, { recursive: true });
      for (const [i, id] of IDS.entries()) {
        await Deno.copyFile(PHOTOS[i]!, join(folder, `${id}.jpg`));
      }
      return folder;
    },
    vectorize: (model: string, vectors: string, ...args: string[]) =>
      runTask(
        ["vectorize", "--records-dir", records, "--vectors-dir", vectors, "--model", model]
          .concat(args),
      ),
    ingest: (vectors: string, ...args: string[]) =>
      runTask(
        ["ingest", "--records-dir", records, "--vectors-dir", vectors, "--mapping", "x"]
          .concat("--index-dir", join(dir, "index"), ...args),
      ),
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
  await at.pictures("vectors");
  return at;
}

/** Fails unless a run ended with one line that fits, and did nothing. */
function assertRefused({ code, stderr }: { code: number; stderr: string }, line: RegExp): void {
  assert.equal(code, 2, stderr);
  assert.match(stderr, line);
  assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
}

/** What the note says of the vectors of a folder. */
async function noteIn(vectors: string, key = "*.npy") {
  return JSON.parse(await Deno.readTextFile(join(vectors, ".maken/models.json")))[key];
}

Deno.test("a model is refused whose file was copied over, of the same size too", async () => {
  await using at = await place();
  await Deno.copyFile(at.second, at.first);
  const isNot = /encoder\.onnx" is not the file that its manifest describes \(sha256 [0-9a-f]{64}/;
  const refused = await at.vectorize(at.first, at.vectors);
  assertRefused(refused, isNot);
  const index = ["--index-dir", join(at.dir, "index"), "--index", "x"];
  assert.equal((await at.vectorize(at.second, at.vectors)).code, 0);
  assert.equal((await at.ingest(at.vectors)).code, 0);
  const search = ["search", "--image", PHOTOS[0]!, "--model", at.first, ...index];
  assertRefused(await runTask(search), isNot);
  assertRefused(
    await runTask(["serve", "--port", "0", "--model", at.first, ...index.slice(0, 2)]),
    isNot,
  );
});

Deno.test("a model whose file has another time is still the same", async () => {
  await using at = await place();
  await Deno.utime(at.first, new Date(2020, 1), new Date(2020, 1));
  assert.equal((await at.vectorize(at.first, at.vectors)).code, 0);
});

Deno.test("vectorize adds nothing to vectors of another model of the same name", async () => {
  await using at = await place();
  await Deno.rename(join(at.records, "c.json"), join(at.dir, "c.json"));
  assert.equal((await at.vectorize(at.first, at.vectors)).code, 0);
  await Deno.rename(join(at.dir, "c.json"), join(at.records, "c.json"));
  const { sha256, settings } = await noteIn(at.vectors);
  assert.match(sha256, /^[0-9a-f]{64}$/);
  assert.match(settings, /^[0-9a-f]{16}$/);
  assertRefused(
    await at.vectorize(at.second, at.vectors),
    /model "encoder" \(sha256 \w{12}…\) to .* by another model, "encoder" \(sha256 \w{12}…\); that name/,
  );
  const otherwise = join(at.dir, "otherwise");
  await Deno.mkdir(otherwise);
  assertRefused(
    await at.vectorize(await importEncoderOtherwise(otherwise), at.vectors),
    /model "encoder" \(settings \w{16}\) to .* by another model, "encoder" \(settings \w{16}\)/,
  );
  const renamed = join(at.dir, "renamed.onnx");
  await Deno.copyFile(at.first, renamed);
  const manifest = JSON.parse(await Deno.readTextFile(at.first.replace(".onnx", ".json")));
  const text = JSON.stringify({ ...manifest, name: "renamed" });
  await Deno.writeTextFile(join(at.dir, "renamed.json"), text);
  const same = await at.vectorize(renamed, at.vectors, "--json");
  assert.deepEqual(countsOf(same), { total: 3, stored: 1, skipped: 2, failed: 0 });
});

Deno.test("two models that fill a folder at the same time are found", async () => {
  await using at = await place();
  await using host = serve(async () => {
    // The other run has noted its model by the time that this one has its first picture.
    await until(() => noteIn(at.vectors).then(() => true, () => false), "The note");
    return new Response(await Deno.readFile(PHOTOS[0]!));
  });
  await Deno.writeTextFile(
    join(at.records, "d.json"),
    JSON.stringify({ id: "d", _links: { thumbnail_large: { href: "/d.jpg" } } }),
  );
  const late = spawnTask(
    ["vectorize", "--records-dir", at.records, "--vectors-dir", at.vectors, "--shard", "1/2"]
      .concat("--records-glob", "d.json", "--model", at.second, "--download-images")
      .concat("--base-url", host.url, "--delay", "0"),
  );
  await until(() => host.requests.length > 0, "The request for a picture");
  const early = await at.vectorize(
    at.first,
    at.vectors,
    "--shard",
    "2/2",
    "--records-glob",
    "[abc].json",
  );
  const { code, stderr } = await late.output();
  assert.deepEqual([early.code, code], [0, 2], new TextDecoder().decode(stderr));
  assert.match(new TextDecoder().decode(stderr), /by another model, "encoder" \(sha256/);
});

Deno.test("--overwrite for a part of the vectors leaves a folder of two models, until the rest follows", async () => {
  await using at = await place();
  assert.equal((await at.vectorize(at.first, at.vectors)).code, 0);
  const first = (await noteIn(at.vectors)).sha256;
  const part = await at.vectorize(at.second, at.vectors, "--overwrite", "--records-glob", "a.json");
  assert.equal(part.code, 0, part.stderr);
  assert.match(
    part.stderr,
    /2 vectors have not been made again yet, and may be of model "encoder" \(sha256/,
  );
  const { sha256, replacing } = await noteIn(at.vectors);
  assert.notEqual(sha256, first);
  assert.equal(replacing.sha256, first);
  assertRefused(await at.vectorize(at.second, at.vectors), /has not replaced all vectors of model/);
  assertRefused(
    await at.ingest(at.vectors),
    /Cannot load the vectors in .*: model "encoder" \(sha256 \w+…\) made some.* \(sha256 \w+…\) others/,
  );
  await assert.rejects(Deno.stat(join(at.dir, "index/x.sqlite")), Deno.errors.NotFound);
  const rest = await at.vectorize(
    at.second,
    at.vectors,
    "--overwrite",
    "--records-glob",
    "[bc].json",
  );
  assert.equal(rest.code, 0, rest.stderr);
  assert.equal((await noteIn(at.vectors)).replacing, undefined);
  assert.equal((await at.ingest(at.vectors)).code, 0);
});

Deno.test("a third model is noted beside two that a folder has", async () => {
  await using at = await place();
  const third = join(at.dir, "third");
  await Deno.mkdir(third);
  const otherwise = await importEncoderOtherwise(third);
  assert.equal((await at.vectorize(at.first, at.vectors)).code, 0);
  for (const [model, glob] of [[at.second, "a.json"], [otherwise, "b.json"]] as const) {
    const run = await at.vectorize(model, at.vectors, "--overwrite", "--records-glob", glob);
    assert.equal(run.code, 0, run.stderr);
  }
  const { replacing, others } = await noteIn(at.vectors);
  assert.equal(replacing.sha256.length, 64);
  assert.equal(others.length, 1);
  assertRefused(await at.ingest(at.vectors), /Cannot load the vectors in/);
  assert.equal((await at.vectorize(at.first, at.vectors, "--overwrite")).code, 0);
  assert.deepEqual(Object.keys(await noteIn(at.vectors)).sort(), ["name", "settings", "sha256"]);
});

Deno.test("folders of two models that were put into one are found by their notes", async () => {
  await using at = await place();
  const [, ...rest] = [...IDS];
  for (const id of rest) await Deno.remove(join(at.vectors, `${id}.jpg`));
  for (const [id, folder, model] of [["b", "mine", at.first], ["c", "yours", at.second]] as const) {
    const [records, vectors] = [join(at.records, folder), await at.pictures(`vectors/${folder}`)];
    await Deno.mkdir(records);
    await Deno.rename(join(at.records, `${id}.json`), join(records, `${id}.json`));
    const args = ["--records-dir", records, "--vectors-dir", vectors, "--model", model];
    assert.equal((await runTask(["vectorize", ...args])).code, 0);
  }
  assertRefused(await at.ingest(at.vectors), /Cannot load the vectors in/);
  // A note of an earlier version, of the name that both have, hides neither of them.
  await Deno.mkdir(join(at.vectors, ".maken"), { recursive: true });
  await Deno.writeTextFile(join(at.vectors, ".maken/models.json"), '{"*.npy":{"name":"encoder"}}');
  assertRefused(await at.ingest(at.vectors), /Cannot load the vectors in/);
  assertRefused(await at.vectorize(at.first, at.vectors), /those in "yours" were made by another/);
  assert.equal((await at.vectorize(at.first, at.vectors, "--overwrite")).code, 0);
  const loaded = await at.ingest(at.vectors, "--json");
  assert.deepEqual([loaded.code, jsonOf(loaded).documents], [0, 3], loaded.stderr);
});

Deno.test("a vector that is not finite or all zeros is a failed picture, and is not stored", async () => {
  await using at = await place();
  // A picture of one pixel.
  const gif = (colour: number[]) =>
    new Uint8Array([
      ...new TextEncoder().encode("GIF89a"),
      ...[1, 0, 1, 0, 0x80, 0, 0, ...colour, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44],
      ...[1, 0, 0x3b],
    ]);
  for (const [id, level] of [["a", 0], ["b", 255]] as const) {
    await Deno.remove(join(at.vectors, `${id}.jpg`));
    await Deno.writeFile(join(at.vectors, `${id}.gif`), gif([level, level, level]));
  }
  const model = await importLogEncoder(at.dir);
  const result = await at.vectorize(model, at.vectors, "--json");
  assert.equal(result.code, 1, result.stderr);
  assert.deepEqual(countsOf(result), { total: 3, stored: 1, skipped: 0, failed: 2 });
  assert.deepEqual(jsonOf(result).errors, { vector_values: 2 });
  assert.match(
    result.stderr,
    /the model made for record "a": it holds numbers that are not finite/,
  );
  assert.match(result.stderr, /the model made for record "b": all its numbers are zero/);
  const files = await Array.fromAsync(Deno.readDir(at.vectors), ({ name }) => name);
  assert.deepEqual(files.filter((name) => name.endsWith(".npy")), ["c.npy"]);
  assert.equal((await at.ingest(at.vectors)).code, 0);
  const where = ["--index", "x", "--index-dir", join(at.dir, "index"), "--model", model];
  assertRefused(
    await runTask(["search", "--image", join(at.vectors, "a.gif"), ...where]),
    /by image ".*a\.gif": the vector that the model made of it is of no use: it holds numbers/,
  );
});

/** An index by one model, embedded or on a server, and vectors of the other of its name. */
async function filled(at: Awaited<ReturnType<typeof place>>, target: readonly string[]) {
  const others = await at.pictures("others");
  assert.equal((await at.vectorize(at.first, at.vectors)).code, 0);
  assert.equal((await at.vectorize(at.second, others)).code, 0);
  const { code, stderr } = await at.ingest(at.vectors, ...target);
  assert.equal(code, 0, stderr);
  return others;
}

/** The index takes neither vectors nor pictures of the other model, until it is begun anew. */
async function assertKept(
  at: Awaited<ReturnType<typeof place>>,
  others: string,
  target: readonly string[],
  where: readonly string[],
  name: string,
): Promise<void> {
  const two = /of model "encoder" \(sha256 \w{12}…\).* "encoder" \(sha256 \w{12}…\)/;
  assertRefused(await at.ingest(others, ...target), two);
  const again = await at.ingest(at.vectors, ...target);
  assert.equal(again.code, 0, again.stderr);
  const search = (model: string) =>
    runTask([
      "search",
      "--image",
      PHOTOS[0]!,
      "--index",
      name,
      "--model",
      model,
      ...where,
      "--json",
    ]);
  assertRefused(await search(at.second), two);
  const found = await search(at.first);
  assert.equal((jsonOf(found).hits as { id: string }[])[0]!.id, "a");
  await using api = await startServe(["--model", at.second, ...where]);
  const photo = await Deno.readFile(PHOTOS[0]!);
  const url = `${api.url}/similarity/${name}/image?size=1`;
  const upload = async () => told(await fetch(url, { method: "POST", body: photo }));
  const refused = await upload();
  assert.equal(refused.status, 422);
  assert.match(refused.json.error, two);
  const indexes = await (await fetch(`${api.url}/indexes`)).json();
  const own = indexes.find((index: { name: string }) => index.name === name);
  assert.deepEqual([own.model, own.uploads], ["encoder", false]);
  const anew = await at.ingest(others, ...target, "--recreate-index");
  assert.equal(anew.code, 0, anew.stderr);
  assert.equal((await search(at.second)).code, 0);
  const taken = await upload();
  assert.deepEqual([taken.status, taken.json[0]?._id], [200, "a"], taken.text);
  const back = await at.ingest(at.vectors, ...target, "--recreate-index");
  assert.equal(back.code, 0, back.stderr);
  assert.equal((await upload()).status, 422);
}

Deno.test("an embedded index takes vectors and pictures of no other model of the same name", async () => {
  await using at = await place();
  const others = await filled(at, []);
  const where = ["--index-dir", join(at.dir, "index")];
  await assertKept(at, others, [], where, "x");
});

/** A mapping for vectors of the encoders' length, by the file that the kind of server takes. */
async function mappingFor(kind: string, dir: string, name: string): Promise<string> {
  const path = join(dir, `${name}.mapping`);
  const text = await Deno.readTextFile(join(ROOT, `mappings/${kind}/images.knn.mapping`));
  await Deno.writeTextFile(path, text.replaceAll("2048", String(SIZE)));
  return path;
}

for (const kind of ["elasticsearch", "opensearch"]) {
  const test = (name: string, body: (server: Server) => Promise<void>) =>
    Deno.test({
      ...skipIf(missing(running, kind), `${kind}: ${name}`),
      fn: () => body(running.get(kind)!),
    });

  test("an index takes vectors and pictures of no other model of the same name", async (server) => {
    await using at = await place();
    const name = `t${crypto.randomUUID()}`;
    const where = ["--url", server.url];
    const target = [...where, "--mapping", await mappingFor(kind, at.dir, name)];
    try {
      const others = await filled(at, target);
      await request(server, "POST", `/${name}/_refresh`);
      await assertKept(at, others, target, where, name);
    } finally {
      await request(server, "DELETE", `/${name}`);
    }
  });

  test("two runs that fill a new index with two models at the same time are told", async (server) => {
    await using at = await place();
    const name = `t${crypto.randomUUID()}`;
    const target = ["--mapping", await mappingFor(kind, at.dir, name)];
    const others = await at.pictures("others");
    assert.equal((await at.vectorize(at.first, at.vectors)).code, 0);
    assert.equal((await at.vectorize(at.second, others)).code, 0);
    const { promise: isHeld, resolve: hold } = Promise.withResolvers<void>();
    const { promise: isFree, resolve: release } = Promise.withResolvers<void>();
    await using proxy = await faultyProxy(server.url, async ({ path }) => {
      if (!path.startsWith("/_nodes/stats")) return undefined;
      hold();
      await isFree;
      return undefined;
    });
    try {
      // The first has seen an index without a model when the second loads all of its own.
      const first = at.ingest(at.vectors, ...target, "--url", proxy.url);
      await isHeld;
      const elsewhere = ["--url", server.url, "--index-dir", join(at.dir, "elsewhere")];
      const second = await at.ingest(others, ...target, ...elsewhere);
      release();
      const refused = await first;
      assert.equal(second.code, 0, second.stderr);
      assertRefused(refused, /Cannot load vectors of model "encoder" \(sha256 \w+…\) into/);

      await using late = await faultyProxy(server.url, async ({ path }) => {
        const maken = { model: "encoder", modelIdentity: await noteIn(at.vectors) };
        const body = { _meta: { maken } };
        if (path.includes("/_mget")) await request(server, "PUT", `/${name}/_mapping`, body);
        return undefined;
      });
      const mixed = await at.ingest(others, ...target, "--url", late.url);
      assert.equal(mixed.code, 2, mixed.stderr);
      assert.match(mixed.stderr, /has vectors of two models: another run has loaded those of/);
    } finally {
      release();
      await request(server, "DELETE", `/${name}`);
    }
  });

  test("an index that knows a model by its name alone gets its sha256 by the next run", async (server) => {
    await using at = await place();
    const name = `t${crypto.randomUUID()}`;
    const target = ["--url", server.url, "--mapping", await mappingFor(kind, at.dir, name)];
    try {
      await filled(at, target);
      const body = { _meta: { maken: { model: "encoder" } } };
      await request(server, "PUT", `/${name}/_mapping`, body);
      const { code, stderr } = await at.ingest(at.vectors, ...target);
      assert.equal(code, 0, stderr);
      // deno-lint-ignore no-explicit-any
      const answer: any = await request(server, "GET", `/${name}`);
      const { model, modelIdentity } = answer[name].mappings._meta.maken;
      assert.deepEqual([model, modelIdentity], ["encoder", await noteIn(at.vectors)]);
    } finally {
      await request(server, "DELETE", `/${name}`);
    }
  });
}

Deno.test("an embedded index of an earlier version is compared by name, and gets the sha256", async () => {
  await using at = await place();
  await filled(at, []);
  const path = join(at.dir, "index/x.sqlite");
  const open = { dir: join(at.dir, "index"), name: "x" };
  {
    using file = new DatabaseSync(path);
    file.exec("ALTER TABLE meta DROP COLUMN model_identity");
  }
  await using reader = await EmbeddedIndex.open({ ...open, mode: "read" });
  assert.deepEqual(reader.model, { name: "encoder" });
  const search = ["search", "--image", PHOTOS[0]!, "--index", "x", "--index-dir", open.dir];
  assert.equal((await runTask([...search, "--model", at.first])).code, 0);
  assertRefused(await runTask([...search, "--model", "demo"]), /of model "encoder", not of "demo"/);
  const { code, stderr } = await at.ingest(at.vectors);
  assert.equal(code, 0, stderr);
  await reader.count();
  assert.deepEqual(reader.model, await noteIn(at.vectors));
  assertRefused(await runTask([...search, "--model", at.second]), /\(sha256/);
});

Deno.test("vectors of which nothing is noted are told once, and loaded", async () => {
  await using at = await place();
  const others = await filled(at, []);
  await Deno.remove(join(others, ".maken"), { recursive: true });
  const { code, stderr } = await at.ingest(others);
  assert.equal(code, 0, stderr);
  assert.equal(stderr.match(/nothing says which model made the vectors in ".*others"/g)?.length, 1);
  const first = await at.ingest(others, "--recreate-index");
  assert.doesNotMatch(first.stderr, /nothing says/);
  const noted = await at.ingest(at.vectors);
  assert.equal(noted.code, 0, noted.stderr);
  assert.equal(noted.stderr.match(/which model made the vectors in index "x"/g)?.length, 1);
  assert.doesNotMatch((await at.ingest(at.vectors)).stderr, /nothing says/);
});
