import assert from "node:assert/strict";
import { type StandInPage, startStandIn } from "../../demo/stand_in.ts";
import { dated, harvest, numbered } from "../helpers/harvesting.ts";

const RECORDS = numbered(23);
const IDS = RECORDS.map(({ id }) => id);

/** A page that tells another total, given the number of its request. */
function telling(total: (request: number) => unknown) {
  let requests = 0;
  return (body: StandInPage) => ({
    ...body,
    page: { ...body.page, totalElements: total(requests++) },
  });
}

const TOTALS: [name: string, total: (request: number) => unknown][] = [
  ["too low", () => 10],
  ["within a page", () => 12],
  ["nothing", () => 0],
  ["a text", () => "12"],
  ["falling", (n) => Math.max(0, 23 - 4 * n)],
  ["rising from nothing", (n) => Math.min(23, 6 * n)],
  ["changing", (n) => [3, 60, 7, 0, 23][n % 5]],
];

for (const [name, total] of TOTALS) {
  Deno.test(`harvest() --scroll follows next past a total that is ${name}`, async () => {
    await using standIn = startStandIn({ records: RECORDS, alter: telling(total) });
    const { ids, lost, doubts, all } = await harvest(standIn, ["--scroll"]);
    assert.deepEqual([ids, lost, doubts], [IDS, [], []]);
    assert.equal(standIn.requests.length, 5);
    assert.equal(all.at(-1)!.after, undefined);
  });

  Deno.test(`harvest() --scroll goes on after each page with a total that is ${name}`, async () => {
    await using standIn = startStandIn({ records: RECORDS, alter: telling(total) });
    const { all } = await harvest(standIn, ["--scroll"]);
    for (const { number, after } of all.slice(0, -1)) {
      assert.ok(after !== undefined, "the harvest is not at its end");
      const { ids } = await harvest(standIn, ["--scroll"], after);
      assert.deepEqual(ids, IDS.slice(5 * (number + 1)));
    }
  });
}

for (const [name, total] of TOTALS.slice(0, 4)) {
  Deno.test(`harvest() by number goes on past a total that is ${name}`, async () => {
    await using standIn = startStandIn({ records: RECORDS, alter: telling(total) });
    const { ids, lost, doubts } = await harvest(standIn);
    assert.deepEqual([ids, lost, doubts], [IDS, [], []]);
    assert.equal(standIn.requests.length, 5);
  });
}

Deno.test("harvest() by number finds what a capped total hides, by days", async () => {
  await using standIn = startStandIn({
    records: dated(24, 500),
    alter: (body) => ({
      ...body,
      page: { ...body.page, totalElements: Math.min(10_000, body.page.totalElements) },
    }),
  });
  const { ids, lost, doubts } = await harvest(standIn, ["--size", "100"]);
  assert.deepEqual(lost, []);
  assert.equal(new Set(ids).size, 12_000);
  assert.deepEqual(doubts, []);
});

Deno.test("harvest() by number tells that more follows than it may ask for", async () => {
  await using standIn = startStandIn({
    records: dated(1, 10_250),
    alter: (body) => ({ ...body, page: { ...body.page, totalElements: 9000 } }),
  });
  const filter = "firstDigitalContentTime:[20210101 TO 20210101]";
  const { ids, lost } = await harvest(standIn, ["--size", "100", "-f", filter]);
  assert.equal(ids.length, 10_000);
  assert.deepEqual(lost, [[100, 1, "result_window"]]);
});

/** Ways in which next links may never end, from the last page on. */
const ENDLESS: [name: string, alter: (body: StandInPage, url: URL) => unknown][] = [
  ["leads to its own page", (body, url) => endless(body, url, url.href)],
  ["leads to the first page", (body, url) => endless(body, url, first(url))],
  ["has the same address again and again", (body, url) => endless(body, url, anew(url, "x"))],
  ["is fresh each time and brings nothing", (body, url) => {
    const { page, _links } = endless(body, url, anew(url)) as StandInPage;
    return url.searchParams.has("anew") ? { page, _links } : { ...body, _links };
  }],
  ["is fresh each time and brings the last page", (body, url) => endless(body, url, anew(url))],
  ["is fresh each time and brings some page", (body, url) => {
    const page = endless(body, url, anew(url)) as StandInPage;
    if (!url.searchParams.has("anew")) return page;
    const items = RECORDS.toSorted(() => Math.random() - 0.5).slice(0, 5);
    return { ...page, _embedded: { items } };
  }],
];

function endless(body: StandInPage, _url: URL, href: string): unknown {
  return body._links.next === undefined ? { ...body, _links: { next: { href } } } : body;
}

function first(url: URL): string {
  const target = new URL(url);
  target.searchParams.delete("scrollId");
  return target.href;
}

function anew(url: URL, value: string = crypto.randomUUID()): string {
  const target = new URL(url);
  target.searchParams.set("anew", value);
  return target.href;
}

for (const [name, alter] of ENDLESS) {
  Deno.test(`harvest() --scroll ends where the last next link ${name}`, async () => {
    for (const total of [23, 12]) {
      await using standIn = startStandIn({
        records: RECORDS,
        alter: (body, url) => telling(() => total)(alter(body, url) as StandInPage),
      });
      const { ids, lost, doubts } = await harvest(standIn, ["--scroll"]);
      assert.deepEqual([ids, lost, doubts], [IDS, [], []]);
      assert.ok(standIn.requests.length <= 5 + 16, `${standIn.requests.length} requests`);
    }
  });

  Deno.test(`harvest() --scroll ends short of its total where the last next link ${name}`, async () => {
    await using standIn = startStandIn({
      records: RECORDS,
      alter: (body, url) => telling(() => 40)(alter(body, url) as StandInPage),
    });
    const { ids, lost, doubts } = await harvest(standIn, ["--scroll"]);
    assert.deepEqual(ids, IDS);
    assert.ok(lost.length + doubts.length > 0, "what is missing is told");
    assert.ok(standIn.requests.length < 60, `${standIn.requests.length} requests`);
  });
}

Deno.test("harvest() --scroll goes on over a page that comes twice", async () => {
  for (const total of [23, 10]) {
    await using standIn = startStandIn({
      records: RECORDS,
      alter: (body, url) => {
        const isTwice = url.searchParams.get("scrollId") === "2" && !url.searchParams.has("anew");
        const page = telling(() => total)(body);
        return isTwice ? { ...page, _links: { next: { href: anew(url, "x") } } } : page;
      },
    });
    const { ids, lost, all } = await harvest(standIn, ["--scroll"]);
    assert.deepEqual([ids, lost], [IDS, []], "each record counts once");
    assert.equal(all.filter(({ page }) => page!.items.length === 0).length, 1);
  }
});

Deno.test("harvest() --scroll of single records ends, whatever it repeats", async () => {
  await using standIn = startStandIn({
    records: RECORDS.slice(0, 3),
    alter: (body, url) => endless(body, url, first(url)),
  });
  const { ids } = await harvest(standIn, ["--scroll", "--size", "1"]);
  assert.deepEqual(ids, IDS.slice(0, 3));
  assert.ok(standIn.requests.length <= 3 + 16, `${standIn.requests.length} requests`);
});

Deno.test("harvest() --scroll names a page that is lost past the total", async () => {
  await using standIn = startStandIn({
    records: RECORDS,
    alter: telling(() => 10),
    intercept: (_, { searchParams }) =>
      (searchParams.get("scrollId") ?? searchParams.get("page")) === "3"
        ? new Response("fault", { status: 500 })
        : undefined,
  });
  const { ids, lost } = await harvest(standIn, ["--scroll"]);
  assert.deepEqual(ids, [...IDS.slice(0, 15), ...IDS.slice(20)]);
  assert.deepEqual(lost, [[3, 1, "http_500"]]);
});
