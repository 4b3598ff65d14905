import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeNpy } from "../../lib/vectors/npy.ts";
import { encodeVct } from "../../lib/vectors/vct.ts";
import { missing, request, type Server, servers } from "../helpers/cluster.ts";
import { faultyProxy } from "../helpers/faulty_proxy.ts";
import { foreignIndex, pythonBody, pythonDocuments } from "../helpers/foreign_index.ts";
import { randomVectors } from "../index/contract.ts";
import {
  jsonOf,
  ROOT,
  runTask,
  spawnTask,
  type TaskResult,
  withoutSecretWarning,
} from "../helpers/run_task.ts";
import { skipIf } from "../helpers/skip.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";

const running = await servers();
const DIMS = 2048;

/** Registers a test that needs a server. */
function test(name: string, server: string, body: (server: Server) => Promise<void>): void {
  Deno.test({
    ...skipIf(missing(running, server), `${server}: ${name}`),
    fn: async () => await body(running.get(server)!),
  });
}

/** Records `id0`, `id1`, … with vectors; every `broken`-th has one that is too short. */
async function writeItems(dir: string, n: number, broken = Infinity): Promise<void> {
  await Deno.mkdir(join(dir, "r"), { recursive: true });
  await Deno.mkdir(join(dir, "v"), { recursive: true });
  for (const [i, vector] of randomVectors(n, DIMS).entries()) {
    const record = { id: `id${i}`, accessInfo: { accessAllowedFrom: "EVERYWHERE" } };
    await Deno.writeTextFile(join(dir, `r/id${i}.json`), JSON.stringify(record));
    const isBroken = i % broken === broken - 1;
    await Deno.writeFile(
      join(dir, `v/id${i}.npy`),
      encodeNpy(isBroken ? vector.subarray(0, 100) : vector),
    );
  }
}

/** The arguments of the original tool: host, port, user, password, mapping, folders. */
function seedCommand({ url, user = "", password = "" }: Server, mapping: string, dir: string) {
  const { hostname, port, protocol } = new URL(url);
  const host = protocol === "https:" ? `https://${hostname}` : hostname;
  return ["ingest", host, port, user, password, mapping, join(dir, "r"), join(dir, "v")]
    .concat("--index-dir", join(dir, "state"));
}

/** The journal that {@linkcode seedCommand} keeps; empty if there is none. */
function journalIn(dir: string): Promise<string> {
  return Deno.readTextFile(join(dir, "state/.maken/ingest.json")).catch(() => "");
}

/** Records, vectors and a mapping for a new index, which is deleted at the end. */
async function newPlace(server: Server, kind: string, n: number, broken?: number) {
  const dir = await tempDir();
  await writeItems(dir.path, n, broken);
  const index = `t${crypto.randomUUID()}`;
  const mapping = join(dir.path, `${index}.mapping`);
  await Deno.copyFile(join(ROOT, `mappings/${kind}/images.knn.mapping`), mapping);
  return {
    dir: dir.path,
    index,
    mapping,
    async [Symbol.asyncDispose]() {
      await request(server, "DELETE", `/${index}`);
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function countOf(server: Server, index: string): Promise<number> {
  await request(server, "POST", `/${index}/_refresh`);
  return Number((await request(server, "GET", `/${index}/_count`)).count);
}

async function settingsOf(server: Server, index: string): Promise<Record<string, string>> {
  const answer = await request(server, "GET", `/${index}/_settings?flat_settings=true`);
  return (answer[index] as { settings: Record<string, string> }).settings;
}

for (const name of ["elasticsearch", "elasticsearch-secure", "opensearch"]) {
  const kind = name.split("-")[0]!;
  test(
    "the original command loads all, twice the same, and by the index's name",
    name,
    async (server) => {
      await using place = await newPlace(server, kind, 120, 50);
      const { dir, index, mapping } = place;
      const more = ["npy", "", "50", "false", "0"]
        .concat(server.ca === undefined ? [] : ["--ca", await writeCa(server, dir)]);
      const absent = await runTask([...seedCommand(server, index, dir), ...more]);
      assertOneLine(absent, new RegExp(`"${index}".*mapping`));
      const first = await runTask([...seedCommand(server, mapping, dir), ...more, "--json"]);
      assert.equal(first.code, 1, first.stderr);
      const { stored, failed, errors } = jsonOf(first);
      assert.deepEqual({ stored, failed, errors }, {
        stored: 118,
        failed: 2,
        errors: { vector_size: 2 },
      });
      assert.equal(await countOf(server, index), 118);
      for (const way of [mapping, index]) {
        const again = await runTask([...seedCommand(server, way, dir), ...more, "--json"]);
        const { unchanged, failedBefore } = jsonOf(again);
        assert.deepEqual([again.code, unchanged, failedBefore], [0, 118, 2], again.stderr);
        assert.equal(await countOf(server, index), 118);
      }
      const settings = await settingsOf(server, index);
      assert.equal(settings["index.number_of_replicas"], "1", "replicas are restored");
      assert.notEqual(settings["index.refresh_interval"], "-1", "refreshing is restored");
      // A failed record is tried again alone, once its vector is right.
      await Deno.writeFile(join(dir, "v/id49.npy"), encodeNpy(randomVectors(1, DIMS, 7)[0]!));
      const retry = [...seedCommand(server, index, dir), ...more, "--retry-failed", "--json"];
      const retried = jsonOf(await runTask(retry));
      assert.deepEqual([retried.total, retried.stored, retried.failed], [2, 1, 1]);
      const anew = ["--recreate-index", "--skip", "100", "--json"];
      const recreated = await runTask(
        [...seedCommand(server, mapping, dir), ...anew, ...more.slice(5)],
      );
      const { documents, stored: storedAnew } = jsonOf(recreated);
      assert.equal(documents, Number(storedAnew), recreated.stderr);
    },
  );
}

for (const name of ["elasticsearch", "opensearch"]) {
  test(
    "a run that is killed goes on where it stopped, and its settings are restored",
    name,
    async (server) => {
      await using place = await newPlace(server, name, 1500);
      const { dir, index, mapping } = place;
      const args = seedCommand(server, mapping, dir).concat("--bulk-size", "50");
      args.push("--concurrency", "1");
      for (let kill = 0; kill < 2; kill++) {
        const before = await journalIn(dir);
        const child = spawnTask(args);
        const hasChanged = async () => await journalIn(dir) !== before;
        await until(hasChanged, "The run's first entry in the journal");
        child.kill("SIGKILL");
        await child.output(); // ends with the tool, which has the same pipes
      }
      const last = await runTask([...args, "--json"]);
      assert.equal(last.code, 0, last.stderr);
      assert.match(last.stderr, /goes on after the first/);
      assert.equal(await countOf(server, index), 1500);
      const settings = await settingsOf(server, index);
      assert.equal(settings["index.number_of_replicas"], "1");
      assert.notEqual(settings["index.refresh_interval"], "-1");
    },
  );
}

for (const name of ["elasticsearch", "opensearch"]) {
  test("an index that is deleted while it is loaded is no success", name, async (server) => {
    await using place = await newPlace(server, name, 1500);
    const { dir, index, mapping } = place;
    const args = seedCommand(server, mapping, dir).concat("--concurrency", "1");
    const child = spawnTask([...args, "--bulk-size", "20"]);
    await until(() => journalIn(dir), "The first entry in the journal");
    await request(server, "DELETE", `/${index}`);
    const { code, stderr } = await child.output();
    assert.equal(code, 2);
    assert.match(new TextDecoder().decode(stderr), /begun anew meanwhile|no such index/);
    await request(server, "DELETE", `/${index}`);
    const again = await runTask([...args, "--json"]);
    assert.deepEqual([again.code, jsonOf(again).documents], [0, 1500], again.stderr);
  });
}

test(
  "what went wrong first is told, and what that left undone",
  "elasticsearch",
  async (server) => {
    await using place = await newPlace(server, "elasticsearch", 20);
    const { dir, mapping } = place;
    let isBroken = false;
    await using proxy = await faultyProxy(server.url, ({ path, bulk }) => {
      isBroken ||= bulk === 2;
      const error = bulk > 0 ? "first fault" : path.endsWith("_settings") ? "second fault" : "";
      return isBroken && error !== ""
        ? { status: 400, body: JSON.stringify({ error }) }
        : undefined;
    });
    const args = seedCommand({ url: proxy.url }, mapping, dir);
    const { code, stderr } = await runTask([...args, "--bulk-size", "10", "--concurrency", "1"]);
    assert.equal(code, 2);
    assert.match(stderr, /change the settings.*second fault\n.*write to.*first fault\n.*stopped/);
  },
);

test(
  "set-up faults are one line each, change nothing, and tell no password",
  "elasticsearch-secure",
  async (server) => {
    await using place = await newPlace(server, "elasticsearch", 3);
    const { dir, index, mapping } = place;
    const ca = await writeCa(server, dir);
    const plain = running.get("elasticsearch")!;
    const opensearch = running.get("opensearch")!;
    const secret = "wrong-password-of-mine";
    const to = (s: Partial<Server>, m = mapping, ...more: string[]) => [
      ...seedCommand({ ...server, ...s }, m, dir),
      ...more,
    ];
    const vct = join(dir, "v2");
    await Deno.mkdir(vct);
    for (const id of ["id0", "id1", "id2"]) {
      await Deno.writeTextFile(join(vct, `${id}.vct`), encodeVct(new Float32Array(16).fill(1)));
    }
    const cases: [args: string[], reason: RegExp][] = [
      [to({ password: secret }, mapping, "--ca", ca), /user|password|sign/i],
      [to({}, mapping), /certificate|authority|--ca|TLS/i],
      [to({ url: server.url.replace("https:", "http:") }), /https/],
      [to({ url: plain.url.replace("http:", "https:") }), /http/],
      [to({ url: "http://no-such-host.invalid:9200" }), /host/i],
      [to({ url: "http://127.0.0.1:20999" }), /refused/],
      [[...to({ ...opensearch, user: "", password: "" })], /for Elasticsearch.*opensearch/],
      [
        [...to({}, mapping, "--ca", ca), "--vectors-dir", vct, "--format", "vct"],
        /16 numbers.*2048/,
      ],
    ];
    for (const [args, reason] of cases) {
      const result = await runTask([...args, "--retries", "1"]);
      assertOneLine(result, reason);
      assert.ok(!result.stderr.includes(secret) && !result.stderr.includes(server.password!));
    }
    const found = await request(server, "GET", `/${index}`);
    assert.equal(found.status, 404, "nothing was created");
  },
);

async function writeCa({ ca }: Server, dir: string): Promise<string> {
  const path = join(dir, "ca.crt");
  await Deno.writeTextFile(path, ca!);
  return path;
}

function assertOneLine({ code, stderr }: TaskResult, reason: RegExp): void {
  assert.equal(code, 2, stderr);
  const lines = withoutSecretWarning(stderr);
  assert.equal(lines.trim().split("\n").length, 1, stderr);
  assert.match(lines, reason);
}

for (const name of ["elasticsearch", "opensearch"]) {
  for (const kind of ["explicit", "dynamic"] as const) {
    test(
      `an index of the Python ingester is carried on, nothing is there twice (${kind})`,
      name,
      async (server) => {
        await using dir = await tempDir();
        const documents = pythonDocuments(58);
        await using made = await foreignIndex(server, pythonBody(name, kind), documents);
        for (const folder of ["r", "v"]) await Deno.mkdir(join(dir.path, folder));
        for (const { id, filename, access, title, vector } of documents) {
          const record = {
            id,
            accessInfo: { accessAllowedFrom: access.toUpperCase() },
            metadata: { title, identifiers: { urn: `URN:NBN:no-nb_${filename}` } },
          };
          await Deno.writeTextFile(join(dir.path, `r/${id}.json`), JSON.stringify(record));
          await Deno.writeFile(join(dir.path, `v/${id}.npy`), encodeNpy(Float32Array.from(vector)));
        }
        for (let round = 0; round < 2; round++) {
          const run = await runTask([...seedCommand(server, made.name, dir.path), "--json"]);
          assert.equal(run.code, 0, run.stderr);
          const { changed, unchanged, documents } = jsonOf(run);
          const counts = round === 0 ? [58, 0, 58] : [0, 58, 58];
          assert.deepEqual([changed, unchanged, documents], counts);
          assert.equal(run.stderr.match(/"_id" is not their id/g)?.length, 1, run.stderr);
          assert.equal(run.stderr.match(/left out of documents/g)?.length, 1, run.stderr);
        }
        assert.equal(await countOf(server, made.name), 58);
        const more = ["--update-mapping", "--json"];
        const all = await runTask([...seedCommand(server, made.name, dir.path), ...more]);
        assert.equal(all.code, 0, all.stderr);
        assert.doesNotMatch(all.stderr, /left out/);
        const mapping = await request(server, "GET", `/${made.name}/_mapping`);
        assert.match(JSON.stringify(mapping), /"license":\{"type":"keyword"/);
        assert.equal(await countOf(server, made.name), 58);
      },
    );
  }

  test("several indexes are warmed up by one command, without more", name, async (server) => {
    const body = pythonBody(name, "explicit");
    await using first = await foreignIndex(server, body, pythonDocuments(3));
    await using second = await foreignIndex(server, body, []);
    const names = `${first.name}, ${second.name}`;
    const url = ["--url", server.url];
    const { code, stderr } = await runTask(["ingest", "--warmup-only", names, ...url]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`^ingest: warm: ${names} in`));
    const absent = await runTask(["ingest", "--warmup-only", `${first.name},none`, ...url]);
    assertOneLine(absent, /"none": it is not on/);
  });

  test("a refused run leaves no empty index behind", name, async (server) => {
    await using place = await newPlace(server, name, 5);
    const { dir, index, mapping } = place;
    const text = await Deno.readTextFile(mapping);
    await Deno.writeTextFile(
      mapping,
      text.replace('"index": {', '"index": { "default_pipeline": "none-of-mine",'),
    );
    const run = await runTask(seedCommand(server, mapping, dir));
    assertOneLine(run, /pipeline with id \[none-of-mine\] does not exist/);
    assert.equal((await request(server, "GET", `/${index}`)).status, 404);
  });

  test("an index that takes no document is not left behind", name, async (server) => {
    await using place = await newPlace(server, name, 5);
    const { dir, index, mapping } = place;
    const body = JSON.parse(await Deno.readTextFile(mapping));
    body.mappings.properties.id = { type: "keyword", copy_to: "number" };
    body.mappings.properties.number = { type: "long" };
    await Deno.writeTextFile(mapping, JSON.stringify(body));
    const run = await runTask([...seedCommand(server, mapping, dir), "--json"]);
    assert.equal(run.code, 1, run.stderr);
    assert.deepEqual([jsonOf(run).stored, jsonOf(run).failed], [0, 5]);
    assert.equal((await request(server, "GET", `/${index}`)).status, 404);
  });
}
