/** The API gives the same answers whatever holds the index: real servers beside the embedded one. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Cluster } from "../../lib/index/server/cluster.ts";
import { type Told, told } from "../helpers/api.ts";
import {
  missing,
  newIndex,
  request,
  type Server,
  serverOptions,
  servers,
} from "../helpers/cluster.ts";
import { faultyProxy } from "../helpers/faulty_proxy.ts";
import { foreignIndex, pythonBody, pythonDocuments } from "../helpers/foreign_index.ts";
import { jsonOf, runTask, withoutSecretWarning } from "../helpers/run_task.ts";
import { startServe } from "../helpers/serve_task.ts";
import { skipIf } from "../helpers/skip.ts";
import { DIMS, fillIndex, smallItems } from "../helpers/small_index.ts";
import { tempDir } from "../helpers/temp_dir.ts";

const running = await servers();
// Ids that a URL and a query could take for something else.
const ITEMS = smallItems(60).map((item, i) =>
  i >= 3 ? item : {
    ...item,
    document: { ...item.document, id: ["_search", "a/b?c#d", "<Ærø> %2e"][i]!, title: "Odd one" },
  }
);

/** Options that reach a server. */
async function placeArgs({ url, user, password, ca }: Server, dir: string): Promise<string[]> {
  if (ca === undefined) return ["--url", url];
  const path = join(dir, "ca.crt");
  await Deno.writeTextFile(path, ca);
  return ["--url", url, "--user", user!, "--password", password!, "--ca", path];
}

/** An index on a server and the same one embedded, each behind a real `deno task serve`. */
async function open(name: string) {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const { index } = stack.use(await newIndex(name, DIMS));
  await index.bulk(ITEMS);
  await index.setModel({ name: "small" });
  await index.refresh();
  await fillIndex(dir.path, index.name, ITEMS, "small");
  const place = await placeArgs(running.get(name)!, dir.path);
  const remote = stack.use(await startServe([...place, "--no-uploads"]));
  const local = stack.use(await startServe(["--index-dir", dir.path, "--no-uploads"]));
  const both = async (path: string, body?: object): Promise<[Told, Told]> => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const ask = async (url: string) =>
      told(await fetch(url + path.replace("NAME", index.name), init));
    return [await ask(remote.url), await ask(local.url)];
  };
  return { index, place, both, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Entries less their similarities. */
function plain({ json }: Told) {
  return json.map(({ _score, fields: { similarity: _similarity, ...fields }, ...rest }: {
    _score: number;
    fields: { similarity: number[] };
  }) => ({ ...rest, fields }));
}

for (const name of ["elasticsearch", "elasticsearch-secure", "opensearch"]) {
  Deno.test({
    ...skipIf(missing(running, name), `${name}: serve answers as over the embedded index`),
    fn: async () => {
      await using servers = await open(name);
      const { both } = servers;
      const vector = Array.from(smallItems(1, 99)[0]!.vector);
      const scale = { scale_from: [0, 1], scale_to: [0, 1000] };
      const questions: [string, object][] = [
        ["/similarity/NAME/id?size=12&offset=0&fields=filename,id", { value: "id7", ...scale }],
        ["/similarity/NAME/id?size=20&offset=15&fields=title,creators", { value: "id8" }],
        ["/similarity/NAME/id?size=50", { value: "id9", filters: { access: "Norway" } }],
        ["/similarity/NAME/id?size=50", { value: "a/b?c#d" }],
        ["/similarity/NAME/id?size=5", { value: "_search" }],
        ["/similarity/NAME/filename?size=5", { value: "digifoto_id7" }],
        ["/similarity/NAME/vector?size=60", { value: vector, filters: { creators: "nobody" } }],
        ["/similarity/NAME/vector?size=60", { value: vector }],
      ];
      for (const [path, body] of questions) {
        const [remote, local] = await both(path, body);
        assert.equal(remote.status, 200, remote.text);
        assert.deepEqual(plain(remote), plain(local), path);
        for (const [i, { _score, fields }] of remote.json.entries()) {
          const other = local.json[i];
          assert.ok(Math.abs(_score - other._score) < 1e-4);
          assert.ok(Math.abs(fields.similarity[0] - other.fields.similarity[0]) < 1e-4);
        }
      }
      const same = [
        "/health",
        "/facets/NAME",
        "/items/NAME/id5?fields=id,title,subject,access,date,license,thumbnail",
        "/items/NAME/a%2Fb%3Fc%23d?fields=title",
        "/text/NAME?q=picture&size=9&offset=9",
        "/text/NAME?q=pict&filter=access=norway&size=60",
        "/text/NAME?q=nothing",
      ];
      for (const path of same) {
        const [remote, local] = await both(path);
        assert.equal(remote.status, 200, remote.text);
        if (!path.includes("/text/")) assert.deepEqual(remote.json, local.json, path);
        const total = (answer: Told) => answer.headers.get("x-total-count");
        assert.equal(total(remote), total(local), path);
        assert.equal(remote.json.length, local.json.length, path);
      }
      const unknown: [string, object?][] = [
        ["/similarity/NAME/id", { value: "none" }],
        ["/similarity/NAME/id", { value: ".." }],
        ["/similarity/NAME/filename", { value: "none" }],
        ["/similarity/none/id", { value: "id1" }],
        ["/similarity/UPPER/id", { value: "id1" }],
        ["/items/NAME/none"],
        ["/text/none?q=x"],
        ["/similarity/NAME/vector", { value: [1, 2] }],
      ];
      for (const [path, body] of unknown) {
        const [remote, local] = await both(path, body);
        assert.deepEqual([remote.status, remote.json], [local.status, local.json], path);
        assert.ok(remote.status === 404 || remote.status === 422);
      }
      const [random] = await both("/random/NAME?size=10&filter=access=norway&fields=access");
      assert.equal(random.json.length, 10);
      assert.ok(
        random.json.every(({ fields }: { fields: { access: string[] } }) =>
          fields.access[0] === "norway"
        ),
      );
      const [all] = await both("/indexes");
      const own = all.json.find((index: { name: string }) => index.name === servers.index.name);
      const { documents, dims, model, kind, uploads } = own;
      const expected = [60, DIMS, "small", name.split("-")[0], false];
      assert.deepEqual([documents, dims, model, kind, uploads], expected);
      assert.ok(all.json.every((index: { name: string }) => !index.name.startsWith(".")));
    },
  });

  Deno.test({
    ...skipIf(missing(running, name), `${name}: search finds as over the embedded index`),
    fn: async () => {
      await using servers = await open(name);
      const args = ["search", "--index", servers.index.name, ...servers.place, "--json"];
      for (const question of [["--id", "id7"], ["--text", "picture", "-k", "5"]]) {
        const { hits } = jsonOf(await runTask([...args, ...question])) as { hits: unknown[] };
        assert.equal(hits.length, question[1] === "id7" ? 20 : 5);
      }
      const { code, stderr } = await runTask([...args, "--id", "none"]);
      assert.equal(code, 2);
      assert.match(
        withoutSecretWarning(stderr),
        /^search: Cannot search by id "none": it is not in index/,
      );
    },
  });
}

for (const name of ["elasticsearch", "opensearch"]) {
  Deno.test({
    ...skipIf(
      missing(running, name),
      `${name}: serve answers over an index of the Python ingester`,
    ),
    fn: async () => {
      const server = running.get(name)!;
      for (const kind of ["explicit", "dynamic"] as const) {
        const documents = pythonDocuments(30);
        await using made = await foreignIndex(server, pythonBody(name, kind), documents);
        await using api = await startServe(["--url", server.url, "--no-uploads"]);
        const ask = async (path: string, body?: object) => {
          const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
          const answer = await told(await fetch(api.url + path.replace("NAME", made.name), init));
          assert.equal(answer.status, 200, answer.text);
          return answer;
        };
        const { id, filename, vector } = documents[7]!;
        const near = (path: string, value: unknown, more = {}) =>
          ask(`/similarity/NAME/${path}?size=5&fields=id`, { value, ...more });
        const byId = (await near("id", id)).json;
        assert.equal(byId.length, 5);
        assert.ok(byId.every(({ _id }: { _id: string }) => _id !== id && _id.startsWith("42ef")));
        assert.deepEqual((await near("filename", filename)).json, byId);
        assert.equal((await near("vector", vector)).json[0]._id, id);
        const nb = (await near("id", id, { filters: { access: "nb" } })).json;
        assert.ok(nb.every(({ _id }: { _id: string }) => Number(_id.slice(4)) % 4 === 0));
        assert.equal((await ask("/random/NAME?size=7")).json.length, 7);
        const words = await ask("/text/NAME?q=kongen&size=5&filter=access=nb");
        assert.equal(words.headers.get("x-total-count"), "8");
        assert.deepEqual((await ask("/facets/NAME")).json, {
          access: [{ value: "everywhere", count: 22 }, { value: "nb", count: 8 }],
        });
        const item = (await ask(`/items/NAME/${id}?fields=title,filename`)).json;
        assert.deepEqual(item.fields, { title: ["Kongen i Trondheim 7"], filename: [filename] });
        const all = (await ask("/indexes")).json as { name: string; documents: number }[];
        assert.equal(all.find((index) => index.name === made.name)?.documents, 30);
      }
    },
  });

  Deno.test({
    ...skipIf(missing(running, name), `${name}: an index that was open and is deleted is absent`),
    fn: async () => {
      await using made = await newIndex(name, DIMS);
      await made.index.bulk(ITEMS);
      await made.index.refresh();
      await using cluster = new Cluster(serverOptions(running.get(name)!, { retries: 0 }));
      const count = () => cluster.use(made.index.name, (index) => index.count());
      const get = () => cluster.use(made.index.name, (index) => index.get("id", "id7"));
      assert.equal(await count(), 60);
      assert.equal((await get())!.document.id, "id7");
      await request(running.get(name)!, "DELETE", `/${made.index.name}`);
      await assert.rejects(count(), { name: "AbsentIndexError" });
      await assert.rejects(get(), { name: "AbsentIndexError" });
    },
  });

  Deno.test({
    ...skipIf(
      missing(running, name),
      `${name}: a server that is lost, slow or too busy is told as such, and found again`,
    ),
    fn: async () => {
      await using made = await newIndex(name, DIMS);
      await made.index.bulk(ITEMS);
      await made.index.refresh();
      let fault: "lose request" | "slow" | "busy" | undefined;
      const waiting = Promise.withResolvers<void>();
      await using proxy = await faultyProxy(running.get(name)!.url, async () => {
        if (fault === "slow") await waiting.promise;
        if (fault === "busy") return { status: 429, body: "{}" };
        return fault === "lose request" ? fault : undefined;
      });
      await using server = await startServe(
        ["--url", proxy.url, "--no-uploads", "--timeout", "1"],
      );
      const ask = async () =>
        told(
          await fetch(`${server.url}/similarity/${made.index.name}/id`, {
            method: "POST",
            body: '{"value":"id7"}',
          }),
        );
      assert.equal((await ask()).status, 200);
      for (const [what, status] of [["lose request", 503], ["busy", 503], ["slow", 504]] as const) {
        fault = what;
        const answer = await ask();
        assert.equal(answer.status, status, `${what}: ${answer.text}`);
        assert.doesNotMatch(answer.text, /127\.0\.0\.1/);
        if (what !== "busy") {
          const health = await fetch(`${server.url}/health`);
          assert.equal(health.status, 503);
          await health.body?.cancel();
        }
        if (what === "slow") waiting.resolve();
        fault = undefined;
        assert.equal((await ask()).status, 200, `after ${what}`);
      }
    },
  });
}

for (const name of ["elasticsearch", "opensearch"]) {
  Deno.test({
    ...skipIf(missing(running, name), `${name}: why an index cannot be searched is told`),
    fn: async () => {
      const server = running.get(name)!;
      const body = pythonBody(name, "explicit") as { mappings: { properties: object } };
      const properties = { ...body.mappings.properties, vector: { type: "float" } };
      await using one = await foreignIndex(server, body, []);
      await using other = await foreignIndex(server, { mappings: { properties } }, []);
      const alias = `test_${crypto.randomUUID()}`;
      await request(server, "POST", "/_aliases", {
        actions: [one, other].map(({ name: index }) => ({ add: { index, alias } })),
      });
      await using serve = await startServe(["--url", server.url, "--no-uploads"]);
      for (
        const [index, reason] of [
          [alias, /stands for 2 indexes; use one of/],
          [other.name, /no field "vector" of type/],
        ] as const
      ) {
        const { status, json } = await told(await fetch(`${serve.url}/random/${index}`));
        assert.equal(status, 503);
        assert.match((json as { error: string }).error, reason);
      }
    },
  });
}
