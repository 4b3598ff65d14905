import assert from "node:assert/strict";
import type { Api } from "../../lib/serve/api.ts";
import { type Asked, told } from "../helpers/api.ts";
import { DIMS } from "../helpers/small_index.ts";
import { NAME, SIMILAR, smallApi } from "./small_api.ts";

/** Requests that the server handles at a time. */
const MAX_RUNNING = 200;

/** Begins a search whose body does not end until it is told to. */
function hold(api: Api) {
  const body = new TransformStream<Uint8Array, Uint8Array>();
  const client = new AbortController();
  const request = new Request(`http://localhost${SIMILAR}/id?size=3`, {
    method: "POST",
    body: body.readable,
    signal: client.signal,
  });
  const response = api.handle(request);
  return {
    response,
    giveUp: () => client.abort(),
    finish: () => void new Blob(['{"value":"id1"}']).stream().pipeTo(body.writable),
  };
}

Deno.test("what cannot be answered is told in one line, with its status", async () => {
  await using api = await smallApi();
  const id = (body: unknown): Asked => ({ body });
  const ok = id({ value: "id1" });
  const cases: [path: string, asked: Asked, status: number, error: RegExp][] = [
    [`${SIMILAR}/id`, id({ value: "none" }), 404, /no item with id "none"/],
    [`${SIMILAR}/filename`, id({ value: "id1" }), 404, /no item with file name/],
    ["/similarity/none/id", ok, 404, /no index/],
    ["/similarity/none/image", { body: "x" }, 404, /no index/],
    ["/items/none/id1", {}, 404, /no index/],
    [`/items/${NAME}/${encodeURIComponent("../id1")}`, {}, 404, /no item/],
    [`/pictures/${NAME}/none`, {}, 404, /no item/],
    ["/nothing", {}, 404, /nothing/],
    [`${SIMILAR}/title`, ok, 404, /nothing/],
    ["/page/../../deno.json", {}, 404, /nothing/],
    ["/page/..%2fserve.ts", {}, 404, /nothing/],
    [`${SIMILAR}/id`, {}, 405, /POST/],
    ["/health", { method: "DELETE" }, 405, /GET/],
    [`${SIMILAR}/id`, { body: "{}", headers: { "content-type": "text/xml" } }, 415, /json/],
    [`${SIMILAR}/id`, { body: "{}", headers: { "content-encoding": "gzip" } }, 415, /compressed/],
    [`${SIMILAR}/id`, { body: "{" }, 422, /JSON/],
    [`${SIMILAR}/id`, { body: "" }, 422, /JSON/],
    [`${SIMILAR}/id`, { body: new Uint8Array([0x22, 0xff, 0x22]) }, 422, /JSON/],
    [`${SIMILAR}/id`, id(null), 422, /object/],
    [`${SIMILAR}/id`, id({}), 422, /"value"/],
    [`${SIMILAR}/id`, id({ value: 1 }), 422, /"value"/],
    [`${SIMILAR}/id`, id({ value: "x".repeat(600) }), 422, /too long/],
    [`${SIMILAR}/id`, { body: '{"value":"\\ud800"}' }, 422, /Unicode/],
    [`${SIMILAR}/id`, id({ value: "id1", filters: { id: "x" } }), 422, /filters/],
    [`${SIMILAR}/id`, { body: '{"value":"id1","filters":{"date":"\\ud800"}}' }, 422, /Unicode/],
    [`${SIMILAR}/filename`, id({ value: "" }), 422, /"value".*empty/],
    [`${SIMILAR}/id`, id({ value: "id1", scale_from: [1, 0] }), 422, /scale_from/],
    [`${SIMILAR}/id`, id({ value: "id1", scale_to: ["a", "b"] }), 422, /scale_to/],
    [`${SIMILAR}/id?size=1001`, ok, 422, /"size".*1 to 1000/],
    [`${SIMILAR}/id?size=x`, ok, 422, /"size"/],
    [`${SIMILAR}/id?size=1.5`, ok, 422, /"size"/],
    [`${SIMILAR}/id?size=5&size=6`, ok, 422, /"size".*once/],
    [`${SIMILAR}/id?offset=-1`, ok, 422, /"offset"/],
    [`${SIMILAR}/id?size=1000&offset=9500`, ok, 422, /10000/],
    [`${SIMILAR}/id?fields=id,secret`, ok, 422, /"fields"/],
    [`${SIMILAR}/id?metric=l2`, ok, 422, /cosine/],
    [`${SIMILAR}/vector`, id({ value: [1, 2, 3] }), 422, /3 numbers in place of 16/],
    [`${SIMILAR}/vector`, id({ value: Array(DIMS).fill(0) }), 422, /vector/],
    [`${SIMILAR}/vector`, { body: `{"value":[${Array(DIMS).fill("1e999")}]}` }, 422, /numbers/],
    [`${SIMILAR}/vector`, id({ value: Array(DIMS).fill(1e300) }), 422, /vector/],
    [`${SIMILAR}/vector`, { body: `{"value":[${"[],".repeat(1e5)}1]}` }, 422, /numbers/],
    [`${SIMILAR}/vector`, { body: `{"value":${"[".repeat(3e5)}${"]".repeat(3e5)}}` }, 422, /numb/],
    ["/random/a*", {}, 422, /name of the index/],
    ["/random/..%2fother", {}, 422, /name of the index/],
    ["/random/a%00b", {}, 422, /name of the index/],
    [`/random/${NAME}?filter=id=1`, {}, 422, /FIELD=VALUE/],
    [`/random/${NAME}?filter=access:`, {}, 422, /FIELD=VALUE/],
    [`/text/${NAME}`, {}, 422, /"q"/],
    [`/text/${NAME}?q=${"a+".repeat(400)}`, {}, 422, /too long/],
    [`${SIMILAR}/image`, { body: "x" }, 503, /there is no model/],
  ];
  for (const [path, asked, status, error] of cases) {
    const answer = await api.ask(path, asked);
    assert.equal(answer.status, status, `${path}: ${answer.text}`);
    assert.deepEqual(Object.keys(answer.json), ["error"]);
    assert.match(answer.json.error, error, path);
    assert.doesNotMatch(answer.json.error, /\n|maken_/);
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  }
  assert.equal(
    (await api.ask("/health", { method: "PUT" })).headers.get("allow"),
    "GET, HEAD, OPTIONS",
  );
  assert.deepEqual(api.problems, []);
});

Deno.test("a body is read no further than its limit, even when it does not tell its length", async () => {
  await using api = await smallApi();
  let pulled = 0;
  const endless = () =>
    new ReadableStream({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(1e5));
      },
    });
  const { status, json } = await api.ask(`${SIMILAR}/id`, { body: endless() });
  assert.equal(status, 413);
  assert.match(json.error, /1 MB/);
  assert.ok(pulled < 20, String(pulled));
});

Deno.test("a request that takes too long is ended; one whose client is gone leaves no answer", async () => {
  await using api = await smallApi({ timeoutMs: 50 });
  const stalled = () => new ReadableStream({ start: (c) => c.enqueue(new Uint8Array([0x7b])) });
  const { status, json } = await api.ask(`${SIMILAR}/id`, { body: stalled() });
  assert.equal(status, 504);
  assert.match(json.error, /0\.05 s/);
  const gone = new AbortController();
  const answer = api.api.handle(
    new Request(`http://localhost${SIMILAR}/id`, {
      method: "POST",
      body: stalled(),
      signal: gone.signal,
    }),
  );
  gone.abort();
  await (await answer).body?.cancel();
  assert.match(api.accessLog.at(-1)!, / status=499 /);
});

Deno.test("one request too many at a time is refused at once; those that end leave room", async () => {
  await using api = await smallApi();
  const ask = () => api.ask(`/items/${NAME}/id1`);
  const held = Array.from({ length: MAX_RUNNING - 1 }, () => hold(api.api));
  assert.equal((await ask()).status, 200, "there is room for one more");
  held.push(hold(api.api));
  for (const path of [`/items/${NAME}/id1`, "/health", "/"]) {
    const { status, headers, json } = await api.ask(path);
    assert.equal(status, 503, path);
    assert.deepEqual(json, { error: "Too many requests are waiting: try again later" });
    assert.match(headers.get("retry-after")!, /^[1-9]\d*$/);
    assert.equal(headers.get("access-control-allow-origin"), "*");
    assert.match(headers.get("access-control-expose-headers")!, /Retry-After/);
  }
  assert.match(api.accessLog.at(-1)!, / path=\/ status=503 /);
  const gone = held.pop()!;
  gone.giveUp();
  await gone.response;
  assert.equal((await ask()).status, 200, "there is room again");
  for (const { finish } of held) finish();
  for (const { response } of held) assert.equal((await told(await response)).json.length, 3);
  const others = await Promise.all(Array.from({ length: MAX_RUNNING }, ask));
  assert.ok(others.every(({ status }) => status === 200), "there is room for all");
  const { text } = await api.ask("/metrics");
  assert.match(text, /^maken_requests_running 1$/m);
  assert.match(text, /^maken_requests_total\{route="\/health",method="GET",status="503"\} 1$/m);
  assert.deepEqual(api.problems, []);
});

Deno.test("the log has one plain line for each request, without its query", async () => {
  await using api = await smallApi();
  await api.ask("/health");
  await api.ask(`/text/${NAME}?q=secret`);
  await api.ask('/a%0Ab%1B[31m\u202e"=x');
  await api.ask("/" + "x".repeat(5000));
  const time = "time=\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z";
  const [first, second, third, fourth] = api.accessLog;
  assert.match(
    first!,
    new RegExp(`^${time} method=GET path=/health status=200 ms=[\\d.]+ bytes=15$`),
  );
  assert.match(second!, new RegExp(` path=/text/${NAME} status=200 `));
  assert.doesNotMatch(api.accessLog.join(), /secret/);
  // deno-lint-ignore no-control-regex -- what must not be there
  assert.doesNotMatch(third!, /[\x00-\x1f\x7f-\uffff"]/);
  assert.match(third!, / path=\S+ status=404 /);
  assert.ok(fourth!.length < 400);
});

Deno.test("metrics count requests by route and status, and tell the size of each index", async () => {
  await using api = await smallApi();
  await api.ask("/health");
  await api.ask(`/items/${NAME}/id1`);
  await api.ask(`/items/${NAME}/none`);
  await api.ask("/no/such/thing");
  const { text, headers } = await api.ask("/metrics");
  assert.match(headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  const has = (line: string) => assert.ok(text.includes(`${line}\n`), `${line} in\n${text}`);
  has('maken_requests_total{route="/items/{index}/{id}",method="GET",status="200"} 1');
  has('maken_requests_total{route="/items/{index}/{id}",method="GET",status="404"} 1');
  has('maken_requests_total{route="none",method="GET",status="404"} 1');
  has('maken_request_seconds_count{route="/health"} 1');
  has(`maken_index_documents{index="${NAME}"} 40`);
  has("maken_requests_running 1");
});
