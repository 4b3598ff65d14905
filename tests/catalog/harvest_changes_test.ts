import assert from "node:assert/strict";
import { type StandIn, type StandInPage, startStandIn } from "../../demo/stand_in.ts";
import { dated, type Harvest, harvest, numbered } from "../helpers/harvesting.ts";

interface Item {
  readonly id: string;
}

/** A stand-in whose records change before its n-th request, from 0, is answered. */
function changing(records: Item[], change: (records: Item[], request: number) => void): StandIn {
  let requests = 0;
  return startStandIn({
    records,
    intercept: () => {
      change(records, requests++);
      return undefined;
    },
  });
}

/** Checks that each of the records came, and none of all twice. */
function assertWhole({ ids, lost, doubts }: Harvest, records: readonly Item[]): void {
  assertUnique(ids);
  const missing = records.filter(({ id }) => !ids.includes(id));
  assert.deepEqual([missing, lost, doubts], [[], [], []]);
}

function assertUnique(ids: readonly string[]): void {
  assert.equal(new Set(ids).size, ids.length, "a record came twice");
}

const idsOf = (records: readonly Item[]) => records.map(({ id }) => id);

/** What may happen to a catalogue once, while page `at` is on its way. */
const CHANGES: [name: string, change: (records: Item[], at: number) => void][] = [
  ["a record is added before those that came", (records) => records.unshift({ id: "new" })],
  ["as many are added as a page has", (records) => records.unshift(...numbered(5, "n"))],
  ["a record is taken out of those that came", (records) => records.shift()],
  ["five are taken out of those that came", (records) => records.splice(0, 5)],
  ["one is added and two are taken out", (records) => {
    records.splice(0, 2);
    records.push({ id: "new" });
  }],
  ["two are added and one is taken out", (records) => {
    records.unshift({ id: "new" }, { id: "newer" });
    records.pop();
  }],
  ["a record moves to the front", (records) => records.unshift(records.pop()!)],
  ["the order turns around", (records) => records.reverse()],
];

for (const [name, change] of CHANGES) {
  Deno.test(`harvest() by number misses nothing where ${name}`, async () => {
    for (const at of [1, 2, 3, 4]) {
      const records = numbered(23);
      await using standIn = changing(records, (all, n) => n === at && change(all, at));
      const result = await harvest(standIn);
      assertWhole(result, records);
      assert.equal(result.notices.length, 1);
      assert.ok(standIn.requests.length <= 4 * 5 + 2, `${standIn.requests.length} requests`);
    }
  });

  Deno.test(`harvest() by number can be interrupted anywhere where ${name}`, async () => {
    const at = 2;
    const records = numbered(23);
    await using standIn = changing(records, (all, n) => n === at && change(all, at));
    const { all } = await harvest(standIn);
    const changed = [...records];
    for (const [i, { after }] of all.entries()) {
      if (after === undefined) continue;
      // The same again: the records as they were, and what came until then.
      records.splice(0, Infinity, ...numbered(23));
      if (i >= at) records.splice(0, Infinity, ...changed);
      await using again = changing(records, (all, n) => n === at - i - 1 && change(all, at));
      const before = all.slice(0, i + 1).filter(({ repeated }) => !repeated);
      const came = before.flatMap(({ page }) => page!.items as Item[]);
      const rest = await harvest(again, [], after);
      assertWhole({ ...rest, ids: [...idsOf(came), ...rest.ids] }, changed);
    }
  });
}

Deno.test("harvest() by number asks once where records are added at the end", async () => {
  const records = numbered(23);
  await using standIn = changing(records, (all, n) => n === 2 && all.push({ id: "new" }));
  const result = await harvest(standIn);
  assertWhole(result, records);
  assert.deepEqual([standIn.requests.length, result.notices], [5, []]);
});

Deno.test("harvest() by number says what may be missing where records are added all the time", async () => {
  const records = numbered(23);
  await using standIn = changing(records, (all, n) => all.unshift({ id: `n${n}` }));
  const { ids, lost, doubts } = await harvest(standIn);
  assertUnique(ids);
  assert.deepEqual(numbered(23).filter(({ id }) => !ids.includes(id)), [], "the first ones came");
  assert.deepEqual([lost, doubts.length], [[], 1]);
  const [[missing, why]] = doubts as [[number, string]];
  assert.equal(why, "the results changed whenever they were asked for; run the same command again");
  assert.ok(missing >= 1);
  assert.ok(standIn.requests.length <= 4 * 40);
});

Deno.test("harvest() by number finds all where equal results come in any order", async () => {
  let seed = 1;
  const random = () => (seed = seed * 16_807 % 2_147_483_647) / 2_147_483_647;
  const records = numbered(23);
  await using standIn = changing(records, (all) => all.sort(() => random() - 0.5));
  const { ids, doubts } = await harvest(standIn);
  assertUnique(ids);
  const missing = 23 - ids.length;
  assert.deepEqual(doubts.map(([n]) => n), missing === 0 ? [] : [missing]);
});

Deno.test("harvest() by number takes a record that is always listed twice for one", async () => {
  const records = numbered(23);
  records.splice(14, 0, { id: "r3" });
  await using standIn = startStandIn({ records });
  const result = await harvest(standIn);
  assertWhole(result, numbered(23));
  assert.equal(standIn.requests.length, 10, "it asks twice, and finds that nothing changes");
});

Deno.test("harvest() by number says what pages lack that are always too short", async () => {
  await using standIn = startStandIn({
    records: numbered(23),
    alter: (body, url) => {
      if (url.searchParams.get("page") !== "2") return body;
      return { ...body, _embedded: { items: body._embedded!.items.slice(0, 3) } };
    },
  });
  const { ids, lost, doubts } = await harvest(standIn);
  assert.equal(ids.length, 21);
  assert.deepEqual([lost, doubts], [[], [
    [2, "its pages do not hold them; run the same command again"],
  ]]);
});

Deno.test("harvest() by number does not ask for all again where pages are lost as well", async () => {
  const records = numbered(23);
  let requests = 0;
  await using standIn = startStandIn({
    records,
    intercept: (_, url) => {
      if (requests++ === 2) records.unshift({ id: "new" });
      return url.searchParams.get("page") === "3" ? new Response("", { status: 500 }) : undefined;
    },
  });
  const { ids, lost, doubts } = await harvest(standIn);
  assertUnique(ids);
  assert.deepEqual(lost, [[3, 5, "http_500"]]);
  assert.deepEqual(doubts.map(([records]) => records), [1]);
  assert.equal(ids.length + 5 + 1, records.length);
});

Deno.test("harvest() by number takes records without an id once, whatever changes", async () => {
  const odd = [{ id: ["r1"] }, {}, { id: ["r1"] }] as unknown as Item[];
  const records = [...odd, ...numbered(20)];
  await using standIn = changing(records, (all, n) => n === 4 && all.unshift({ id: "new" }));
  const { ids } = await harvest(standIn);
  assert.equal(ids.length, 24);
  assert.equal(ids.filter((id) => typeof id !== "string").length, 3);
});

Deno.test("harvest() by number begins each pass at the page that is asked for", async () => {
  const records = numbered(23);
  await using standIn = changing(records, (all, n) => n === 2 && all.splice(12, 1));
  const { ids } = await harvest(standIn, ["--page", "2"]);
  assert.deepEqual(ids.toSorted(), idsOf(numbered(23)).slice(10).sort());
  assert.ok(standIn.requests.every((path) => !/page=[01]$/.test(path)));
});

Deno.test("harvest() by number asks only for the days that change, where there are many pages", async () => {
  const records = dated(24, 100);
  const late = { ...records[0]!, id: "late" };
  await using standIn = changing(records, (all, n) => n === 12 && all.unshift(late));
  const result = await harvest(standIn, ["--size", "100"]);
  assertWhole(result, records);
  const again = standIn.requests.filter((path) => path.includes("firstDigitalContentTime"));
  assert.ok(again.length < 40, `${again.length} requests`);
});

Deno.test("harvest() by number narrows a change that goes on down to its day", async () => {
  const records = dated(24, 100);
  const last = records.at(-1)!;
  await using standIn = changing(records, (all, n) => {
    all.splice(all.length - 50, 0, { ...last, id: `new${n}` });
  });
  const { ids, doubts, lost } = await harvest(standIn, ["--size", "100"]);
  assertUnique(ids);
  assert.deepEqual(dated(24, 100).filter(({ id }) => !ids.includes(id)), []);
  assert.deepEqual([lost, doubts.length], [[], 1]);
});

Deno.test("harvest() by number asks page by page where records have no days", async () => {
  const records = numbered(23).flatMap(({ id }) => numbered(100, `${id}-`));
  const size = ["--size", "100"];
  await using undated = changing(records, (all, n) => n === 12 && all.unshift({ id: "new" }));
  assertWhole(await harvest(undated, size), records);
  await using heedless = startStandIn({
    records,
    intercept: async (_, url) => {
      if (heedless.requests.length === 12) records.unshift({ id: "newer" });
      if (!url.searchParams.has("filter")) return undefined;
      url.searchParams.delete("filter");
      return await fetch(url);
    },
  });
  assertWhole(await harvest(heedless, size), records);
});

Deno.test("harvest() by spans of days misses nothing where one of them changes", async () => {
  const records = dated(24, 500);
  const late = { ...records[0]!, id: "late" };
  let isAdded = false;
  await using standIn = startStandIn({
    records,
    intercept: (_, { searchParams }) => {
      if (isAdded || !searchParams.has("filter") || searchParams.get("page") !== "3") return;
      isAdded = true;
      records.unshift(late);
      return undefined;
    },
  });
  assertWhole(await harvest(standIn, ["--size", "100"]), records);
});

Deno.test("harvest() by spans of days tells that records without a day are missing", async () => {
  const records = [...dated(24, 500), ...numbered(7, "undated")];
  await using standIn = startStandIn({ records });
  const { ids, doubts } = await harvest(standIn, ["--size", "100"]);
  assert.equal(ids.length, 12_000);
  assert.equal(doubts[0]![0], 7);
  assert.match(doubts[0]![1], /no span of days .*; use --scroll, or run the same command again$/);
});

Deno.test("harvest() by spans of days goes on anywhere, and with what is asked again", async () => {
  const records = dated(24, 100);
  const late = { ...records[0]!, id: "late" };
  await using standIn = changing(records, (all, n) => n === 12 && all.unshift(late));
  const { all } = await harvest(standIn, ["--size", "100"]);
  for (const [i, { after }] of all.entries()) {
    if (i < 13 || i % 5 > 0 || after === undefined) continue;
    const before = all.slice(0, i + 1).filter(({ repeated }) => !repeated);
    const came = before.flatMap(({ page }) => page!.items as Item[]);
    const rest = await harvest(standIn, ["--size", "100"], after);
    const ids = [...idsOf(came), ...rest.ids];
    assertUnique(ids);
    assert.deepEqual(records.filter(({ id }) => !ids.includes(id)), [], `step ${i}`);
  }
});

Deno.test("harvest() --scroll counts a record once that comes twice", async () => {
  const records = numbered(23);
  await using standIn = changing(records, (all, n) => n === 2 && all.unshift({ id: "new" }));
  const { ids, allIds } = await harvest(standIn, ["--scroll"]);
  assertUnique(ids);
  assert.deepEqual(records.filter(({ id }) => !allIds.includes(id)), []);
});

Deno.test("harvest() by number is as it was where nothing changes", async () => {
  const altered: StandInPage[] = [];
  await using standIn = startStandIn({
    records: numbered(23),
    alter: (page) => void altered.push(page),
  });
  const { ids, notices, all } = await harvest(standIn);
  assert.deepEqual([ids, notices], [idsOf(numbered(23)), []]);
  assert.deepEqual(all.map(({ repeated }) => repeated), altered.map(() => false));
});
