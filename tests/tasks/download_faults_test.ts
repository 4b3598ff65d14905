import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { demoApi } from "../helpers/demo_api.ts";
import { failuresIn } from "../helpers/files.ts";
import { noAnswer } from "../helpers/http_server.ts";
import { manyRecords } from "../helpers/many_records.ts";
import { countsOf, jsonOf, runTask, spawnTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles } from "../helpers/walk_files.ts";

const filesIn = (path: string) => Array.fromAsync(walkFiles(path));

/** All files below a folder, Maken's own state too, with their contents; of its memory what it says. */
async function tree(root: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const walk = async (folder: string) => {
    for await (const { name, isDirectory } of Deno.readDir(join(root, folder))) {
      const path = join(folder, name);
      if (isDirectory) await walk(path);
      else if (name === "ids.sqlite") files.set(path, recordsIn(join(root, path)));
      else files.set(path, await Deno.readTextFile(join(root, path)));
    }
  };
  await walk("");
  return new Map([...files].sort());
}

/** Where the memory of a folder has its records. */
function recordsIn(path: string): string {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return JSON.stringify(db.prepare("SELECT * FROM record ORDER BY id").all());
  } finally {
    db.close();
  }
}

for (const way of [[], ["--scroll"]]) {
  Deno.test(`download killed again and again ends with the same tree ${way}`, async () => {
    await using dir = await tempDir();
    let asked: (() => void) | undefined;
    let delayMs = 0;
    await using api = demoApi({
      records: manyRecords(600),
      intercept: async () => {
        asked?.();
        await sleep(delayMs);
        return undefined;
      },
    });
    const args = (out: string) =>
      ["download", "--size", "10", "--delay", "0", "--base-url", api.url, ...way]
        .concat("-o", join(dir.path, out));
    const whole = await runTask(args("whole"));
    assert.equal(whole.code, 0, whole.stderr);
    const requests = api.requests.length;
    let kills = 0;
    for (let n = 0; n < 8; n++) {
      const child = spawnTask(args("killed"));
      let left = 3 + n; // requests before it is killed
      asked = () => {
        if (--left !== 0) return;
        child.kill("SIGKILL");
        kills++;
        delayMs = 50; // it must not be done before the tool notices that it is alone
      };
      const { code } = await child.output(); // also the tool's, which notices at any moment
      asked = undefined;
      delayMs = 0;
      if (code === 0) break;
    }
    assert.ok(kills >= 3);
    const last = await runTask(args("killed"));
    assert.equal(last.code, 0, last.stderr);
    assert.match(last.stderr, /of 600/);
    const state = await tree(join(dir.path, "killed"));
    assert.deepEqual(state, await tree(join(dir.path, "whole")));
    assert.ok([...state.keys()].every((path) => !path.includes(".tmp")));
    assert.equal(requests, 60);
  });
}

for (const way of [[], ["--scroll"]]) {
  const name = `download ${way.join() || "by number"}`;
  Deno.test(`${name} gets all that can be had from a service full of faults`, async () => {
    await using dir = await tempDir();
    await using elsewhere = demoApi({ records: manyRecords(10) });
    const cut = () =>
      new Response('{"page":{"totalElements":', { headers: { "content-length": "1000" } });
    const retryAfter = (status: number, value: string) =>
      new Response("later", { status, headers: { "retry-after": value } });
    const redirect = () =>
      new Response(null, {
        status: 302,
        headers: { location: `${elsewhere.url}/catalog/v1/items` },
      });
    /** By page: what goes wrong once, and what goes wrong always. */
    const once: Record<string, (request: Request) => Response | Promise<Response>> = {
      1: () => way.length > 0 ? new Response("expired", { status: 404 }) : retryAfter(429, "1"),
      2: () => retryAfter(503, new Date(Date.now() + 1000).toUTCString()),
      3: () => new Response("<html>maintenance</html>"),
      4: () => new Response('{"page":'),
      5: cut,
      6: noAnswer,
      9: () => new Response("too slow", { status: 408 }),
    };
    const always: Record<string, () => Response> = {
      7: redirect,
      8: () => new Response("internal error", { status: 500 }),
    };
    const records: { id: string }[] = manyRecords(120);
    records[115] = { id: "../../evil" };
    await using api = demoApi({
      records,
      intercept: (request, { searchParams }) => {
        const page = searchParams.get("scrollId") ?? searchParams.get("page") ?? "0";
        const fault = once[page] ?? always[page];
        delete once[page];
        return fault?.(request);
      },
    });
    const result = await runTask(
      ["download", "--size", "10", "--delay", "0", "--retries", "2", "--timeout", "1", "--log"]
        .concat("-o", join(dir.path, "out"), "--base-url", api.url, "--json", ...way),
    );
    assert.equal(result.code, 1, result.stderr);
    assert.deepEqual(countsOf(result), { total: 120, stored: 99, skipped: 0, failed: 21 });
    assert.deepEqual(jsonOf(result).errors, { host_not_allowed: 10, http_500: 10, record_id: 1 });
    assert.deepEqual(Object.keys(once), [], "every fault came up");
    assert.deepEqual(elsewhere.requests, []);
    const files = (await filesIn(join(dir.path, "out"))).filter((file) => file.endsWith(".json"));
    assert.deepEqual(
      files.map((file) => file.split("/").at(-1)).sort(),
      records.map(({ id }) => `${id}.json`)
        .filter((_, i) => i !== 115 && (i < 70 || i >= 90)).sort(),
    );
    const failures = await failuresIn(join(dir.path, "out"));
    assert.deepEqual(failures.map(({ code }) => code), [
      "host_not_allowed",
      "http_500",
      "record_id",
    ]);
    const logs = (await filesIn(join(dir.path, "out"))).filter((file) => file.endsWith(".log"));
    assert.deepEqual(logs, ["page_7.log", "page_8.log"]);
  });
}
