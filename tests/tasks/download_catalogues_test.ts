import assert from "node:assert/strict";
import { join } from "node:path";
import { type StandInPage } from "../../demo/stand_in.ts";
import { demoApi } from "../helpers/demo_api.ts";
import { numbered } from "../helpers/harvesting.ts";
import { jsonOf, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles } from "../helpers/walk_files.ts";

/** Runs `deno task download` of ten records a page. */
async function download(url: string, out: string, ...argv: string[]) {
  const args = ["download", "--size", "10", "--delay", "0", "--retries", "3", "--json"];
  const result = await runTask([...args, "-o", out, "--base-url", url, ...argv]);
  const json = jsonOf(result);
  const { total, stored, skipped, failed, errors } = json;
  assert.equal(Number(stored) + Number(skipped) + Number(failed), total, result.stderr);
  return { ...result, counts: { stored, skipped, failed, errors } };
}

/** Ids of the stored records. */
async function idsIn(path: string): Promise<string[]> {
  const files = await Array.fromAsync(walkFiles(path));
  return files.filter((file) => file.endsWith(".json")).map((file) =>
    file.split("/").at(-1)!.slice(0, -".json".length)
  ).sort();
}

const idsOf = (records: readonly { id: string }[]) => records.map(({ id }) => id).sort();

function telling(totalElements: unknown) {
  return (body: StandInPage) => ({ ...body, page: { ...body.page, totalElements } });
}

/** Lines that hold a text, without their time. */
function linesWith(text: string, stderr: string): string[] {
  return stderr.split("\n").filter((line) => line.includes(text))
    .map((line) => line.replace(/^\d{4}-\S+Z /, ""));
}

Deno.test("download --scroll stores what follows a total that is too low, and says so", async () => {
  await using dir = await tempDir();
  const records = numbered(60);
  await using api = demoApi({ records, alter: telling("50") });
  const first = await download(api.url, dir.path, "--scroll");
  assert.deepEqual([first.code, first.counts.stored], [0, 60], first.stderr);
  const said = "download: the service's total was wrong: it said 50 records, 60 came";
  assert.deepEqual(linesWith("total", first.stderr), [said]);
  assert.deepEqual(await idsIn(dir.path), idsOf(records));
  const second = await download(api.url, dir.path, "--scroll");
  assert.deepEqual([second.code, second.counts.skipped], [0, 60]);
});

Deno.test("download --scroll says what a total that is too high tells of in vain", async () => {
  await using dir = await tempDir();
  await using api = demoApi({ records: numbered(60), alter: telling(75) });
  const { code, counts, stderr } = await download(api.url, dir.path, "--scroll");
  assert.deepEqual([code, counts.stored, counts.errors], [1, 60, { may_be_missing: 15 }]);
  assert.match(
    stderr,
    /^\S+Z download: Cannot find 15 of 75 records of .*scroll=true: [^\n]*\n.*\n$/,
  );
});

Deno.test("download stores what moved to another page while pages were fetched", async () => {
  await using dir = await tempDir();
  const records = numbered(60);
  let requests = 0;
  await using api = demoApi({
    records,
    intercept: () => {
      if (++requests === 3) records.unshift({ id: "new" });
      if (requests === 5) records.splice(20, 2);
      return undefined;
    },
  });
  const first = await download(api.url, dir.path);
  assert.equal(first.code, 0, first.stderr);
  const stored = await idsIn(dir.path);
  assert.deepEqual(idsOf(records).filter((id) => !stored.includes(id)), []);
  assert.equal(first.counts.stored, stored.length);
  assert.match(
    first.stderr,
    /^\S+Z download: 1 record came twice, so that others may be missing: /,
  );
  const asked = api.requests.length;
  const second = await download(api.url, dir.path);
  assert.deepEqual([second.code, second.counts.skipped], [0, records.length]);
  assert.deepEqual([api.requests.length - asked, second.stderr.split("\n").length], [6, 2]);
});

Deno.test("download names what may be missing where the results never stand still", async () => {
  await using dir = await tempDir();
  const records = numbered(60);
  let requests = 0;
  await using api = demoApi({
    records,
    intercept: () => {
      records.unshift({ id: `new${requests++}` });
      return undefined;
    },
  });
  const { code, counts, stderr } = await download(api.url, dir.path);
  assert.deepEqual([code, Object.keys(counts.errors as object)], [1, ["may_be_missing"]], stderr);
  assert.equal((stderr.match(/Cannot find/g) ?? []).length, 1);
  const [line] = (await Deno.readTextFile(join(dir.path, ".maken/failures.jsonl"))).split("\n");
  const { code: failure, stage, message } = JSON.parse(line!);
  assert.deepEqual([failure, stage], ["may_be_missing", "fetch"]);
  assert.match(message, /run the same command again$/);
});

Deno.test("download stores text in the charset that is declared, and loses what is in none", async () => {
  await using dir = await tempDir();
  const records = numbered(30).map((record) => ({ ...record, metadata: { title: "Ålesund æøå" } }));
  const asked = new Map<string, number>();
  await using api = demoApi({
    records,
    intercept: async (_, url) => {
      const page = url.searchParams.get("page") ?? "";
      if (url.searchParams.has("whole")) return undefined;
      asked.set(page, (asked.get(page) ?? 0) + 1);
      url.searchParams.set("whole", "1");
      const text = await (await fetch(url)).text();
      const body = Uint8Array.from(text, (character) => character.charCodeAt(0));
      const charset = page === "1" ? "utf-8" : "ISO-8859-1";
      return new Response(body, {
        headers: { "content-type": `application/json;charset=${charset}` },
      });
    },
  });
  const { code, counts, stderr } = await download(api.url, dir.path);
  assert.deepEqual([code, counts.stored, counts.errors], [1, 20, { encoding: 10 }], stderr);
  assert.deepEqual(Object.fromEntries(asked), { 0: 1, 1: 2, 2: 1 });
  for await (const file of walkFiles(dir.path)) {
    const text = await Deno.readTextFile(join(dir.path, file));
    assert.equal(JSON.parse(text).metadata.title, "Ålesund æøå");
  }
});

Deno.test("download takes numbers for ids by their digits, and says what else is no id", async () => {
  await using dir = await tempDir();
  const ids = ["12345678901234567890", "12345", '["a"]', "null", '{"a":1}', "true", "1.5"];
  const items = ids.map((id) => `{"id":${id},"n":1.0}`).join();
  const body = `{"page":{"totalElements":7},"_embedded":{"items":[${items}]}}`;
  await using api = demoApi({ intercept: () => new Response(body) });
  const { counts, stderr } = await download(api.url, dir.path);
  assert.deepEqual([counts.stored, counts.errors], [2, { record_id: 5 }]);
  for (const id of ids.slice(0, 2)) {
    const text = await Deno.readTextFile(join(dir.path, "unknown", `${id}.json`));
    assert.equal(text, `{"id":${id},"n":1.0}`);
  }
  const told = stderr.split("\n").slice(0, 5).map((line) => line.split(": ").at(-1));
  assert.deepEqual(told, [
    "its id is a list, not a text",
    "its id is null, not a text",
    "its id is an object, not a text",
    "its id is true, not a text",
    "its id is 1.5, neither a text nor a whole number",
  ]);
});

Deno.test("download follows a redirect to the same address that sets a cookie", async () => {
  await using dir = await tempDir();
  await using api = demoApi({
    records: numbered(20),
    intercept: ({ headers }, url) =>
      headers.has("cookie") ? undefined : new Response(null, {
        status: 302,
        headers: { location: url.href, "set-cookie": "seen=1; Path=/" },
      }),
  });
  const { code, counts, stderr } = await download(api.url, dir.path);
  assert.deepEqual([code, counts.stored], [0, 20], stderr);
  assert.equal(api.requests.length, 4);
});
