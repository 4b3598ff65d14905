import assert from "node:assert/strict";
import { type LostPage, type Page, pages, pageUrl, parseExact } from "../../lib/catalog/client.ts";
import { type DownloadOptions, parseDownloadOptions } from "../../lib/catalog/options.ts";
import { HttpClient } from "../../lib/shared/http.ts";
import { hostAndPort } from "../../lib/shared/urls.ts";
import { type StandIn, startStandIn } from "../../demo/stand_in.ts";

type Query = Parameters<typeof pageUrl>[0];

const QUERY: Query = {
  url: new URL("https://api.nb.no/catalog/v1/items"),
  filters: [],
  scroll: false,
  profile: "wwwnbno",
  size: 25,
};

Deno.test("pageUrl() writes each part of the query", () => {
  const end = "profile=wwwnbno&size=25";
  const cases: [query: Partial<Query>, page: number, search: string][] = [
    [{}, 0, `?${end}&page=0`],
    [{ size: 100, profile: "a&b" }, 12, "?profile=a%26b&size=100&page=12"],
    [{ scroll: true }, 0, `?${end}&scroll=true`],
    [{ scroll: true }, 3, `?${end}&scroll=true&page=3`],
    [{ filters: ["mediatype:bøker"] }, 0, `?filter=mediatype%3Ab%C3%B8ker&${end}&page=0`],
    [
      { filters: ["firstDigitalContentTime:[20210922 TO 20310101]"] },
      0,
      `?filter=firstDigitalContentTime%3A%5B20210922+TO+20310101%5D&${end}&page=0`,
    ],
    [{ filters: ["a:1", "b:2"] }, 0, `?filter=a%3A1&filter=b%3A2&${end}&page=0`],
    [{ url: new URL("http://127.0.0.1:8/x?q=%C3%A5") }, 0, `?q=%C3%A5&${end}&page=0`],
  ];
  for (const [query, page, search] of cases) {
    const url = new URL(pageUrl({ ...QUERY, ...query }, page));
    assert.equal(url.search, search);
    assert.equal(url.origin + url.pathname, (query.url ?? QUERY.url).href.replace(/\?.*/, ""));
  }
});

Deno.test("pageUrl() keeps every character of a filter, and the query's own address", () => {
  const filters = [
    "a&page=9",
    "b=c#d?e",
    "50% +1",
    'title:"Å 𝒳"',
    "a:(b OR c) AND -d",
    "x\\:y",
    "",
  ];
  const url = pageUrl({ ...QUERY, filters }, 0);
  assert.match(url, /^[\x21-\x7e]+$/);
  const { searchParams, hash } = new URL(url);
  assert.deepEqual(searchParams.getAll("filter"), filters);
  assert.deepEqual([searchParams.getAll("page"), hash], [["0"], ""]);
  assert.equal(QUERY.url.search, "");
});

Deno.test("parseExact() keeps numbers as they are written", () => {
  const numbers = ["0", "-1", "0.5", "1.0", "-0", "-0.0", "0.10", "100", "1e400", "-1e400", "1E5"];
  numbers.push("1e+2", "1e-7", "12345678901234567890", "9007199254740993", "0.1234567890123456789");
  for (const number of numbers) {
    for (const text of [`[${number}]`, `{"n":${number}}`, `{"n":[{"m":${number}},"s"]}`]) {
      assert.equal(JSON.stringify(parseExact(text)), text);
    }
  }
});

for (const number of ["0.0000001", "123456789.12345678901", "9007199254.7409931"]) {
  Deno.test(`parseExact() keeps ${number}`, () => {
    assert.equal(JSON.stringify(parseExact(`[${number}]`)), `[${number}]`);
  });
}

Deno.test("parseExact() leaves all but numbers as JSON.parse gives it", () => {
  const texts = [
    "1.0",
    "1e400",
    "-0",
    "12345678901234567890",
    "[1.0,2]",
    '{"n":1.0}',
    "\u2028 -0}",
  ];
  for (const text of texts) {
    const json = JSON.stringify({ [text]: text, list: [text, null, true], empty: {} });
    assert.deepEqual(parseExact(json), JSON.parse(json));
    const beside = `{"n":1.0,${json.slice(1)}`; // makes the slower way needed
    assert.equal(JSON.stringify(parseExact(beside)), beside);
  }
  assert.deepEqual(parseExact('{"a":[1,2.5,"x"],"b":1}'), { a: [1, 2.5, "x"], b: 1 });
  const own = parseExact('{"__proto__":{"n":1.0}}') as object;
  assert.ok(Object.hasOwn(own, "__proto__"));
});

Deno.test("parseExact() refuses what is not JSON", () => {
  for (
    const text of [
      "",
      "{",
      '{"n":1.0',
      "[01]",
      "[1.]",
      "[.5]",
      "NaN",
      "<html>1.0 </html>",
      "[1.0,]",
    ]
  ) {
    assert.throws(() => parseExact(text), SyntaxError, text);
  }
});

const RECORDS = Array.from({ length: 23 }, (_, n) => ({ id: `r${n}` }));
const IDS = RECORDS.map(({ id }) => id);

/** All pages that a stand-in gives for `deno task download <argv>`, and how often it was tried. */
async function harvest(standIn: StandIn, ...argv: string[]) {
  const args = ["--base-url", standIn.url, "--size", "5", "--retries", "1", ...argv];
  const options: DownloadOptions = parseDownloadOptions(args);
  let retried = 0;
  const http = new HttpClient({
    signal: new AbortController().signal,
    timeoutMs: 5000,
    retries: options.retries,
    delayMs: 0,
    hosts: [hostAndPort(options.url)],
    maxBytes: 1e6,
    userAgent: "maken/test",
    onRetry: () => void retried++,
  });
  const all: (Page | LostPage)[] = await Array.fromAsync(pages(options, http));
  const got = all.filter((page) => "items" in page);
  const lost = all.filter((page) => "error" in page);
  const ids = got.flatMap(({ items }) => items.map((item) => (item as { id: string }).id));
  return { ids, lost, numbers: all.map(({ number }) => number), retried, first: got[0] };
}

for (const way of [[], ["--scroll"]]) {
  Deno.test(`pages() gives every record once ${way.join() || "by page number"}`, async () => {
    await using standIn = startStandIn({ records: RECORDS });
    const { ids, lost, numbers, first } = await harvest(standIn, ...way);
    assert.deepEqual([ids, lost, numbers], [IDS, [], [0, 1, 2, 3, 4]]);
    assert.deepEqual([first?.totalElements, first?.totalPages], [23, 5]);
    assert.equal(standIn.requests.length, 5);
  });
}

Deno.test("pages() begins at the page that is asked for", async () => {
  await using standIn = startStandIn({ records: RECORDS });
  const { ids, numbers } = await harvest(standIn, "--page", "3");
  assert.deepEqual([ids, numbers], [IDS.slice(15), [3, 4]]);
});

Deno.test("pages() of nothing is one page without items", async () => {
  await using standIn = startStandIn({ records: [] });
  const { ids, numbers, first } = await harvest(standIn);
  assert.deepEqual([ids, numbers, first?.totalElements], [[], [0], 0]);
});

Deno.test("pages() asks again for an answer that is not a whole page of results", async () => {
  let asked = 0;
  const bodies = ["<html>", '{"page":{"totalElements":', "[]", '{"page":{"totalPages":1}}'];
  for (const body of bodies) {
    asked = 0;
    const intercept = () => asked++ === 0 ? new Response(body) : undefined;
    await using standIn = startStandIn({ records: RECORDS.slice(0, 2), intercept });
    const { ids, retried } = await harvest(standIn);
    assert.deepEqual([ids, retried], [IDS.slice(0, 2), 1], body);
  }
});

Deno.test("pages() reads totals that are written as decimals", async () => {
  const intercept = () =>
    new Response('{"page":{"number":0,"totalElements":0.0,"totalPages":0e0}}');
  await using standIn = startStandIn({ records: [], intercept });
  assert.equal((await harvest(standIn, "--retries", "0")).first?.totalElements, 0);
});

/** Answers 404 where the page, by number or by scroll, is `lost`. */
const withoutPage = (lost: string) => (_: Request, { searchParams }: URL) =>
  [searchParams.get("page"), searchParams.get("scrollId")].includes(lost)
    ? new Response("gone", { status: 404 })
    : undefined;

Deno.test("pages() goes on after a lost page, and tells of it", async () => {
  for (const [page, records] of [[2, 5], [4, 3]] as const) {
    await using standIn = startStandIn({ records: RECORDS, intercept: withoutPage(`${page}`) });
    const { ids, lost, numbers } = await harvest(standIn);
    assert.deepEqual(ids, [...IDS.slice(0, page * 5), ...IDS.slice(page * 5 + 5)]);
    assert.deepEqual(numbers, [0, 1, 2, 3, 4]);
    assert.deepEqual(lost.map((l) => [l.number, l.records, l.error.code]), [
      [page, records, "http_404"],
    ]);
    assert.ok(lost[0]?.url.endsWith(`page=${page}`));
  }
});

Deno.test("pages() throws if there is no first page", async () => {
  await using standIn = startStandIn({ records: RECORDS, intercept: withoutPage("0") });
  await assert.rejects(harvest(standIn), { name: "HttpError", code: "http_404" });
});

Deno.test("pages() follows no next link to another host", async () => {
  await using other = startStandIn({ records: RECORDS });
  const intercept = () =>
    Response.json({
      page: { number: 0, totalElements: 10, totalPages: 2 },
      _embedded: { items: RECORDS.slice(0, 5) },
      _links: { next: { href: `${other.url}/catalog/v1/items?scroll=true` } },
    });
  await using standIn = startStandIn({ records: [], intercept });
  const { ids, lost } = await harvest(standIn, "--scroll");
  assert.deepEqual([ids, lost.map((l) => [l.error.code, l.records])], [
    IDS.slice(0, 5),
    [["host_not_allowed", 5]],
  ]);
  assert.deepEqual(other.requests, []);
});
