/** What goes wrong while loading into real servers. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { BulkResult, IndexItem } from "../../../lib/index/types.ts";
import { openServerIndex } from "../../../lib/index/server/open_server.ts";
import {
  control,
  imageMapping,
  missing,
  newIndex,
  request,
  serverOptions,
} from "../../helpers/cluster.ts";
import { running, testBoth } from "../../helpers/server_tests.ts";
import { type Fault, faultyProxy, type Passing } from "../../helpers/faulty_proxy.ts";
import { skipIf } from "../../helpers/skip.ts";
import { documentOf, itemsOf } from "../contract.ts";

const DIMS = 32;

/** A new index behind a proxy, what it told, and a function that loads batches all at a time. */
async function behindProxy(
  name: string,
  fault: (passing: Passing) => Fault | undefined | Promise<Fault | undefined>,
  retries = 8,
) {
  const proxy = await faultyProxy(running.get(name)!.url, fault);
  const notices: string[] = [];
  const tries: string[] = [];
  const made = await newIndex(name, DIMS, {
    urls: [new URL(proxy.url)],
    onNotice: (text) => void notices.push(text),
    onRetry: (error) => void tries.push(error.message),
    retries,
  });
  const load = async (items: readonly IndexItem[], size: number) => {
    const starts = Array.from({ length: Math.ceil(items.length / size) }, (_, i) => i * size);
    const results = await Promise.all(
      starts.map((start) => made.index.bulk(items.slice(start, start + size))),
    );
    await made.index.refresh();
    return results.flat();
  };
  return {
    index: made.index,
    load,
    notices,
    tries,
    bulks: () => proxy.seen.filter(({ bulk }) => bulk > 0),
    async [Symbol.asyncDispose]() {
      await made[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** A function that changes single items of a bulk's answer. */
function changeItems(change: (i: number) => object | undefined) {
  return (body: unknown) => {
    const { items } = body as { items: { index: object }[] };
    return { items: items.map((item, i) => ({ index: change(i) ?? item.index })) };
  };
}

const busy = (type: string) => ({ status: 429, error: { type, reason: "rejected execution" } });
const errorsOf = (results: readonly BulkResult[]) =>
  results.flatMap((r) => "error" in r ? [r.error] : []);

testBoth(
  "requests and answers that are lost are made up for, nothing is there twice",
  async (name) => {
    await using proxied = await behindProxy(
      name,
      ({ bulk }) =>
        [2, 5, 6].includes(bulk) ? "lose answer" : bulk === 3 ? "lose request" : undefined,
    );
    // As ingest does, so that nothing is looked up: on a connection that was used before, fetch itself
    // sends a lost request again, and tells nobody.
    await proxied.index.beginLoad();
    const items = itemsOf(300, DIMS);
    const results = await proxied.load(items, 25);
    assert.deepEqual(errorsOf(results), []);
    assert.deepEqual(results.map(({ id }) => id), items.map(({ document }) => document.id));
    assert.equal(await proxied.index.count(), 300);
    assert.equal(proxied.bulks().length, 12 + 4);
    assert.match(proxied.tries[0]!, /connection lost/);
  },
);

testBoth(
  "a server that is too busy for a while is waited for, with less at a time",
  async (name) => {
    let calm = 0;
    await using proxied = await behindProxy(name, async ({ bulk, together }) => {
      if (bulk === 0) return undefined;
      await sleep(20); // so long that all requests that may go out together do
      if (bulk <= 4) return { status: 429, body: '{"error":"busy"}' };
      if (bulk <= 6) return { status: 503, body: "<html>" };
      calm = Math.max(calm, together);
      return undefined;
    });
    const results = await proxied.load(itemsOf(200, DIMS), 10);
    assert.deepEqual(errorsOf(results), []);
    assert.equal(await proxied.index.count(), 200);
    assert.equal(proxied.bulks().length, 20 + 6);
    assert.ok(calm <= 4);
  },
);

testBoth("single documents that were too much are sent again, and no others", async (name) => {
  await using proxied = await behindProxy(
    name,
    ({ bulk }) =>
      bulk === 0 || bulk > 2
        ? undefined
        : changeItems((i) => i % 10 === 3 ? busy("es_rejected_execution_exception") : undefined),
  );
  const results = await proxied.load(itemsOf(100, DIMS), 100);
  assert.deepEqual(errorsOf(results), []);
  assert.equal(await proxied.index.count(), 100);
  const lengths = proxied.bulks().map(({ length }) => length);
  assert.equal(lengths.length, 3);
  assert.ok(lengths[1]! < lengths[0]! / 5 && lengths[2]! < lengths[1]! / 5);
});

testBoth("what stays too much fails in the end: a document alone, or all", async (name) => {
  const rejected = changeItems((i) =>
    i === 0 ? busy("es_rejected_execution_exception") : undefined
  );
  await using proxied = await behindProxy(
    name,
    ({ bulk }) => bulk === 0 ? undefined : bulk <= 2 ? rejected : { status: 503, body: "" },
    1,
  );
  const results = await proxied.load(itemsOf(10, DIMS), 10);
  const errors = errorsOf(results);
  assert.deepEqual(errors.map((e) => "code" in e && e.code), ["index_busy"]);
  assert.match(
    errors[0]!.message,
    /^Cannot index document "id0": es_rejected.*: rejected execution$/,
  );
  await assert.rejects(proxied.index.bulk(itemsOf(20, DIMS).slice(10)), {
    code: "setup",
    message: /^Cannot write to index "test_.*: http:\/\/127\.0\.0\.1:\d+: status 503$/,
  });
});

Deno.test({
  ...skipIf(
    missing(running, "opensearch"),
    "opensearch: an open k-NN circuit breaker is explained once, and waited for",
  ),
  async fn() {
    const error = {
      type: "mapper_parsing_exception",
      reason: "failed to parse",
      caused_by: {
        type: "illegal_state_exception",
        reason: "Parsing the created knn vector fields prior to indexing has failed as the " +
          "circuit breaker triggered.  This indicates that the cluster is low on memory",
      },
    };
    await using proxied = await behindProxy(
      "opensearch",
      ({ bulk }) =>
        bulk === 0 || bulk > 2 ? undefined : changeItems(() => ({ status: 400, error })),
    );
    const results = await proxied.load(itemsOf(20, DIMS), 20);
    assert.deepEqual(errorsOf(results), []);
    assert.equal(proxied.notices.length, 1);
    assert.match(proxied.notices[0]!, /knn\.memory\.circuit_breaker\.limit/);
  },
});

testBoth(
  "a request that is too long is sent in parts, a document that is too long fails",
  async (name) => {
    await using proxied = await behindProxy(
      name,
      ({ length }) => length > 6000 ? { status: 413, body: "too long" } : undefined,
    );
    const items = itemsOf(50, DIMS);
    const long = {
      document: documentOf("long", { title: "x".repeat(9000) }),
      vector: items[0]!.vector,
    };
    const results = await proxied.load([...items.slice(0, 20), long, ...items.slice(20)], 51);
    const errors = errorsOf(results);
    assert.deepEqual(errors.map((e) => "code" in e && e.code), ["index_too_large"]);
    assert.match(errors[0]!.message, /"long"/);
    assert.equal(await proxied.index.count(), 50);
  },
);

testBoth("broken documents have their reasons, the others are in", async (name) => {
  await using made = await newIndex(name, DIMS);
  const items = itemsOf(500, DIMS).map((item, i) =>
    i % 50 === 7 ? { ...item, vector: item.vector.slice(1) } : item
  );
  const results = await made.index.bulk(items);
  await made.index.refresh();
  assert.equal(await made.index.count(), 490);
  results.forEach((result, i) => {
    if (i % 50 !== 7) return assert.ok("result" in result && result.result === "created");
    assert.ok("error" in result);
    assert.match(result.error.message, /^Cannot index document "id\d+": [^\n]*\b31\b[^\n]*$/);
  });
});

testBoth("an id that no server takes fails, the others of its request are in", async (name) => {
  await using behind = await behindProxy(name, () => undefined);
  const [first, second, last] = itemsOf(3, DIMS) as [IndexItem, IndexItem, IndexItem];
  const odd = ["", "..", "\ud800", "å".repeat(257)]
    .map((id) => ({ ...second, document: documentOf(id) }));
  const longest = { ...second, document: documentOf("å".repeat(256)) };
  const results = await behind.load([first, ...odd, longest, last], 10);
  assert.deepEqual(results.map((r) => "error" in r), [false, true, true, true, true, false, false]);
  assert.deepEqual(results.map(({ id }) => id).slice(-1), ["id2"]);
  assert.match(errorsOf(results)[3]!.message, /^Cannot index document "å.* 512 bytes/);
  assert.equal(await behind.index.count(), 3);
  assert.deepEqual(await behind.index.get("id", longest.document.id), longest);
});

testBoth("an index that takes nothing ends the load, not each document", async (name) => {
  await using behind = await behindProxy(name, () => undefined, 1);
  const path = `/${behind.index.name}/_settings`;
  const server = running.get(name)!;
  for (const block of ["write", "read_only_allow_delete"]) {
    await request(server, "PUT", path, { index: { blocks: { [block]: true } } });
    await assert.rejects(behind.index.bulk(itemsOf(3, DIMS)), {
      code: "setup",
      message: /^Cannot write to index "test_[^"]*": cluster_block_exception: .*block/,
    });
    await request(server, "PUT", path, { index: { blocks: { [block]: null } } });
  }
  assert.equal(errorsOf(await behind.index.bulk(itemsOf(3, DIMS))).length, 0);
});

testBoth("an index that refuses all alike ends the load at the first batch", async (name) => {
  const server = running.get(name)!;
  await using behind = await behindProxy(name, () => undefined, 1);
  const { index } = behind;
  const put = (path: string, body: object) => request(server, "PUT", `/${index.name}${path}`, body);
  await put("/_settings", { index: { default_pipeline: "none-of-mine" } });
  await assert.rejects(index.bulk(itemsOf(3, DIMS)), {
    code: "setup",
    message: /^Cannot write to index "test_[^"]*": illegal_argument_.*pipeline .*does not exist$/,
  });
  await put("/_settings", { index: { default_pipeline: null } });
  await request(server, "PUT", `/${index.name}/_mapping`, { dynamic: "strict" });
  const { properties } = (await imageMapping(name as "elasticsearch" | "opensearch", DIMS)).body
    .mappings as { properties: object };
  assert.ok("words" in properties);
  assert.deepEqual(errorsOf(await index.bulk(itemsOf(3, DIMS))), [], "all that is sent is mapped");
  await request(server, "POST", `/${index.name}/_close`);
  await assert.rejects(index.bulk(itemsOf(3, DIMS)), { message: /index_closed_exception/ });
});

testBoth("what refuses the first documents all alike is told as the index's", async (name) => {
  const error = { type: "fail_processor_exception", reason: "no more of these" };
  const all = changeItems(() => ({ status: 500, error }));
  await using behind = await behindProxy(name, ({ bulk }) => bulk === 1 ? all : undefined, 1);
  await assert.rejects(behind.index.bulk(itemsOf(3, DIMS)), {
    code: "setup",
    message: /^Cannot write to index "test_[^"]*": fail_processor_exception: no more of these$/,
  });
});

testBoth("no place to write to is told when an index is opened", async (name) => {
  const server = running.get(name)!;
  await using made = await newIndex(name, DIMS);
  const { index } = made.options;
  const refused = async (reason: RegExp, open = index) => {
    const options = { ...made.options, index: open, retries: 0 };
    await assert.rejects(openServerIndex(options), { code: "setup", message: reason });
  };
  const alias = { is_write_index: false };
  await request(server, "PUT", `/${index}/_alias/${index}_alias`, alias);
  await refused(/is an alias that must not be written through/, `${index}_alias`);
  for (const block of ["write", "read_only_allow_delete", "read_only"]) {
    const set = (value: boolean | null) =>
      request(server, "PUT", `/${index}/_settings`, { index: { blocks: { [block]: value } } });
    await set(true);
    await refused(new RegExp(`"index.blocks.${block}" is true`));
    await set(null);
  }
  await request(server, "POST", `/${index}/_close`);
  await refused(/it is closed; open it first$/);
});

Deno.test({
  ...skipIf(
    missing(running, "opensearch"),
    "opensearch: a data stream is refused when it is opened",
  ),
  async fn() {
    const server = running.get("opensearch")!;
    const name = `test_${crypto.randomUUID()}`;
    const { body } = await imageMapping("opensearch", DIMS);
    const template = { index_patterns: [name], data_stream: {}, template: body };
    await request(server, "PUT", `/_index_template/${name}`, template);
    try {
      await request(server, "PUT", `/_data_stream/${name}`);
      await assert.rejects(openServerIndex(serverOptions(server, { index: name })), {
        code: "setup",
        message: /^Cannot write to index "test_[^"]*": it is a data stream/,
      });
    } finally {
      await request(server, "DELETE", `/_data_stream/${name}`);
      await request(server, "DELETE", `/_index_template/${name}`);
    }
  },
});

testBoth("a red index says what it waits for", async (name) => {
  const server = running.get(name)!;
  const index = `test_${crypto.randomUUID()}`;
  const { body } = await imageMapping(name as "elasticsearch" | "opensearch", DIMS);
  const settings = {
    ...body.settings as object,
    "index.routing.allocation.require._name": "nobody",
  };
  await request(server, "PUT", `/${index}?timeout=1s`, { mappings: body.mappings, settings });
  const notices: string[] = [];
  const options = serverOptions(server, {
    index,
    retries: 1,
    onNotice: (text) => void notices.push(text),
  });
  try {
    await assert.rejects(openServerIndex(options), { code: "setup" });
    assert.equal(notices.length, 1);
    assert.match(notices[0]!, /^Index "test_[^"]*" is red: its shard \d is on no node .*nobody/);
  } finally {
    await request(server, "DELETE", `/${index}`);
  }
});

testBoth("what a pipeline drops is not stored", async (name) => {
  const drop = changeItems((i) => i === 1 ? { status: 200, result: "noop" } : undefined);
  await using behind = await behindProxy(name, ({ bulk }) => bulk > 0 ? drop : undefined);
  const results = await behind.load([...itemsOf(4, DIMS)], 2);
  const kinds = results.map((r) => "result" in r && r.result);
  assert.deepEqual(kinds, ["created", "dropped", "created", "dropped"]);
  assert.equal(behind.notices.length, 1);
  assert.match(behind.notices[0]!, /drops documents by a pipeline/);
});

testBoth("a connection that is hung up on for a long request gets shorter ones", async (name) => {
  await using behind = await behindProxy(
    name,
    ({ length }) => length > 150_000 ? "lose request" : undefined,
  );
  const items = itemsOf(200, DIMS).map(({ document, vector }) => ({
    document: { ...document, thumbnail: "x".repeat(4000) },
    vector,
  }));
  assert.deepEqual(errorsOf(await behind.load(items, 200)), []);
  assert.equal(await behind.index.count(), 200);
  const lost = behind.bulks().filter(({ length }) => length > 150_000);
  assert.ok(lost.length <= 12, `${lost.length} requests that were too long`);
});

Deno.test({
  ...skipIf(
    missing(running, "elasticsearch", "opensearch"),
    "servers killed while loading are waited for until they are back",
  ),
  async fn() {
    await Promise.all(["elasticsearch", "opensearch"].map(loadWhileKilled));
  },
});

async function loadWhileKilled(name: string): Promise<void> {
  await using made = await newIndex(name, DIMS, { retries: 20 });
  const items = itemsOf(4000, DIMS);
  await made.index.beginLoad();
  let restarted: Promise<void> | undefined;
  const results: BulkResult[] = [];
  for (let start = 0; start < items.length; start += 200) {
    if (start === 1000) restarted = control("kill", name).then(() => control("start", name));
    results.push(...await made.index.bulk(items.slice(start, start + 200)));
  }
  await restarted;
  await made.index.endLoad();
  assert.deepEqual(errorsOf(results), []);
  assert.equal(await made.index.count(), items.length);
}

testBoth("loading changes settings and puts them back, after a crash too", async (name) => {
  const notices: string[] = [];
  await using made = await newIndex(name, DIMS);
  const { index } = made.options;
  const settings = async () => {
    const answer = await request(running.get(name)!, "GET", `/${index}`) as Record<
      string,
      { settings: { index: Record<string, string> }; mappings: { _meta?: { maken?: object } } }
    >;
    const { refresh_interval, number_of_replicas } = answer[index]!.settings.index;
    const left = "restore" in (answer[index]!.mappings._meta?.maken ?? {});
    return [refresh_interval, number_of_replicas, left];
  };
  const usual = [undefined, "1", false];
  const loading = ["-1", "0", true];
  assert.deepEqual(await settings(), usual);
  await made.index.setModel({ name: "imagenet" });
  await made.index.beginLoad();
  assert.deepEqual(await settings(), loading);
  await made.index.bulk(itemsOf(10, DIMS));
  assert.equal(await made.index.count(), 0);
  await made.index.clear();
  assert.deepEqual(await settings(), loading, "a new index is loaded just so");
  await made.index.setModel({ name: "imagenet" });
  await made.index.bulk(itemsOf(10, DIMS));
  await made.index.endLoad();
  assert.deepEqual(await settings(), usual);
  assert.equal(await made.index.count(), 10);

  await made.index.beginLoad(); // and no end
  const onNotice = (text: string) => void notices.push(text);
  {
    await using reader = await openServerIndex({ ...made.options, mode: "read", onNotice });
    assert.equal(reader.model?.name, "imagenet");
    assert.deepEqual(await settings(), loading);
  }
  await using next = await openServerIndex({ ...made.options, onNotice });
  assert.deepEqual(await settings(), usual);
  assert.equal(notices.length, 1);
  assert.match(notices[0]!, /left in load mode by a run that did not end/);

  const abort = new AbortController();
  const { signal } = abort;
  await using stopped = await openServerIndex({ ...made.options, signal });
  await stopped.beginLoad();
  assert.deepEqual(await settings(), ["-1", "1", true], "others may search it already");
  abort.abort();
  await assert.rejects(stopped.bulk(itemsOf(1, DIMS)), { name: "AbortError" });
  await stopped.endLoad();
  assert.deepEqual(await settings(), usual);
  assert.equal(next.created, false);
});

testBoth("a node that goes away is passed over", async (name) => {
  const { url } = running.get(name)!;
  const proxy = await faultyProxy(url, () => undefined);
  const waits: number[] = [];
  await using made = await newIndex(name, DIMS, {
    urls: [new URL(proxy.url), new URL(url)],
    onRetry: (_, waitMs) => void waits.push(waitMs),
  });
  const items = itemsOf(100, DIMS);
  await made.index.bulk(items.slice(0, 50));
  await made.index.count();
  assert.ok(proxy.seen.length > 1, "both are asked in turn");
  await proxy.stop();
  assert.deepEqual(errorsOf(await made.index.bulk(items)), []);
  for (let i = 0; i < 10; i++) await made.index.refresh();
  assert.equal(await made.index.count(), 100);
  assert.deepEqual(waits, [], "the other node is asked at once");
});

testBoth("the mappings make indexes whose vectors come back bit for bit", async (name) => {
  const mapping = await imageMapping(name as "elasticsearch" | "opensearch", 2048);
  await using made = await newIndex(name, 2048, { mapping });
  const items = itemsOf(120, 2048);
  await made.index.beginLoad();
  assert.deepEqual(errorsOf(await made.index.bulk(items)), []);
  await made.index.endLoad();
  await made.index.forcemerge();
  await made.index.warmup();
  for (const item of items.slice(0, 40)) {
    assert.deepEqual(await made.index.get("id", item.document.id), item);
    const [first] = await made.index.nearest(item.vector, 1);
    assert.equal(first?.document.id, item.document.id);
    assert.ok(Math.abs(first.similarity - 1) < 1e-6);
  }
  assert.equal(await made.index.memoryWarning(100), undefined);
  assert.match((await made.index.memoryWarning(1e9))!, /in 2 copies .* GB/);
});
