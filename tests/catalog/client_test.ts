import assert from "node:assert/strict";
import { pageUrl } from "../../lib/catalog/client.ts";

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
