import assert from "node:assert/strict";
import { CatalogClient } from "../../lib/catalog/client.ts";
import { harvest as steps } from "../../lib/catalog/harvest/harvest.ts";
import { parseDownloadOptions } from "../../lib/catalog/options.ts";
import { type StandIn, startStandIn } from "../../demo/stand_in.ts";
import { dated, harvest, numbered } from "../helpers/harvesting.ts";
import { noAnswer } from "../helpers/http_server.ts";

const RECORDS = numbered(23);
const IDS = RECORDS.map(({ id }) => id);

/** A fault at a page, by number or by scroll, as often as is said. */
function faultAt(page: number, answer: () => Response, times = Infinity) {
  return (_: Request, { searchParams }: URL) => {
    const asked = Number(searchParams.get("scrollId") ?? searchParams.get("page") ?? 0);
    return asked === page && times-- > 0 ? answer() : undefined;
  };
}

const status = (code: number) => () => new Response("fault", { status: code });

for (const way of [[], ["--scroll"]]) {
  const name = `harvest() ${way.join() || "by number"}`;

  Deno.test(`${name} gives every record once, with as few requests as can be`, async () => {
    await using standIn = startStandIn({ records: RECORDS });
    const { all, ids, lost } = await harvest(standIn, way);
    assert.deepEqual([ids, lost], [IDS, []]);
    assert.deepEqual(all.map(({ number }) => number), [0, 1, 2, 3, 4]);
    assert.ok(all.every(({ total }) => total === 23));
    assert.equal(standIn.requests.length, 5);
  });

  Deno.test(`${name} of nothing is one page without items`, async () => {
    await using standIn = startStandIn({ records: [] });
    const { all } = await harvest(standIn, way);
    assert.deepEqual(all.map(({ records, total, after }) => [records, total, after]), [
      [0, 0, undefined],
    ]);
  });

  Deno.test(`${name} goes on from each step's position, and gives the rest`, async () => {
    await using standIn = startStandIn({ records: RECORDS });
    const { all } = await harvest(standIn, way);
    for (const { number, after } of all) {
      if (after === undefined) continue;
      const { ids } = await harvest(standIn, way, after);
      assert.deepEqual(ids, IDS.slice(5 * (number + 1)));
    }
  });

  Deno.test(`${name} loses a page that never works, and gives the others`, async () => {
    for (const [page, records] of [[0, 5], [2, 5], [4, 3]] as const) {
      for (const [code, answer] of [["http_500", status(500)], ["body", () => new Response("<")]]) {
        const intercept = faultAt(page, answer as () => Response);
        await using standIn = startStandIn({ records: RECORDS, intercept });
        const { ids, lost } = await harvest(standIn, way);
        assert.deepEqual(ids, [...IDS.slice(0, page * 5), ...IDS.slice(page * 5 + records)]);
        assert.deepEqual(lost, [[page, records, code]], `page ${page}`);
      }
    }
  });

  Deno.test(`${name} throws if the service refuses the query or is not there`, async () => {
    for (const code of [400, 401, 404]) {
      await using standIn = startStandIn({ records: RECORDS, intercept: status(code) });
      await assert.rejects(harvest(standIn, way), { code: `http_${code}` });
    }
    const gone = startStandIn({ records: RECORDS });
    await gone[Symbol.asyncDispose]();
    await assert.rejects(harvest(gone, way), { code: "network" });
  });
}

for (const way of [[], ["--scroll"]]) {
  Deno.test(`harvest() ${way.join() || "by number"} goes on after an empty page`, async () => {
    const empty = () =>
      Response.json({ page: { number: 2, totalElements: 23, totalPages: 5 }, _links: null });
    await using standIn = startStandIn({ records: RECORDS, intercept: faultAt(2, empty) });
    const { ids, lost } = await harvest(standIn, way);
    assert.deepEqual(ids, [...IDS.slice(0, 10), ...IDS.slice(15)]);
    assert.deepEqual(lost, [[2, 5, "empty_page"]]);
  });
}

Deno.test("harvest() by scroll goes on by number where the next link is missing", async () => {
  await using standIn: StandIn = startStandIn({
    records: RECORDS,
    intercept: async (_, url) => {
      if (url.searchParams.get("scrollId") !== "2" || url.searchParams.has("whole")) {
        return undefined;
      }
      url.searchParams.set("whole", "1");
      const body = await (await fetch(url)).json();
      delete body._links.next;
      return Response.json(body);
    },
  });
  const { ids, lost } = await harvest(standIn, ["--scroll"]);
  assert.deepEqual([ids, lost], [IDS, []]);
});

Deno.test("harvest() by number takes the page size that the service has", async () => {
  await using standIn: StandIn = startStandIn({
    records: RECORDS,
    intercept: async (_, url) => {
      if (url.searchParams.get("size") === "2") return undefined;
      url.searchParams.set("size", "2");
      return await fetch(url);
    },
  });
  const { ids, lost } = await harvest(standIn);
  assert.deepEqual([ids, lost], [IDS, []]);
});

Deno.test("harvest() begins at the page that is asked for", async () => {
  await using standIn = startStandIn({ records: RECORDS });
  const { ids } = await harvest(standIn, ["--page", "3"]);
  assert.deepEqual(ids, IDS.slice(15));
});

Deno.test("harvest() asks again for an answer that is not a whole page of results", async () => {
  const bodies = ["<html>", '{"page":{"totalElements":', "[]", '{"page":{"totalPages":1}}'];
  for (const body of bodies) {
    const intercept = faultAt(0, () => new Response(body), 1);
    await using standIn = startStandIn({ records: RECORDS.slice(0, 2), intercept });
    const { ids, retried } = await harvest(standIn);
    assert.deepEqual([ids, retried], [IDS.slice(0, 2), 1], body);
  }
});

Deno.test("harvest() reads totals that are written as decimals", async () => {
  const body = '{"page":{"number":0,"totalElements":0.0,"totalPages":0e0}}';
  await using standIn = startStandIn({ records: [], intercept: () => new Response(body) });
  assert.equal((await harvest(standIn)).all[0]?.total, 0);
});

Deno.test("harvest() by number ends where the service stops answering, and loses nothing", async () => {
  let stopped: PromiseLike<void> | undefined;
  const standIn = startStandIn({
    records: RECORDS,
    intercept: (_, url) => {
      // It still gives this answer.
      if (url.searchParams.get("page") === "2") stopped = standIn[Symbol.asyncDispose]();
      return undefined;
    },
  });
  const options = parseDownloadOptions(
    ["--base-url", standIn.url, "--size", "5", "--retries", "0", "--delay", "0"],
  );
  const client = new CatalogClient(options, { signal: new AbortController().signal });
  const told: number[] = [];
  await assert.rejects(async () => {
    for await (const { number, page } of steps(options, client, { mode: "pages", page: 0 })) {
      assert.ok(page !== undefined, "no page is told lost");
      told.push(number);
      if (number === 2) await stopped;
    }
  }, { code: "network" });
  assert.deepEqual(told, [0, 1, 2]);
});

Deno.test("harvest() by scroll begins again when the scroll has expired", async () => {
  const intercept = faultAt(3, status(404), 1);
  await using standIn = startStandIn({ records: RECORDS, intercept });
  const { ids, allIds, lost } = await harvest(standIn, ["--scroll"]);
  assert.deepEqual([ids, lost], [IDS, []]);
  assert.deepEqual(allIds, [...IDS.slice(0, 15), ...IDS], "pages 0 to 2 are repeated");
});

Deno.test("harvest() by scroll finds next links that lead in a circle", async () => {
  for (const target of ["0", "1", "2"]) { // from page 2 back to 0, to 1, to itself
    const standIn: StandIn = startStandIn({
      records: RECORDS,
      intercept: async (_, url) => {
        if (url.searchParams.get("scrollId") !== "3") return undefined;
        url.searchParams.set("scrollId", target);
        url.searchParams.set("circle", "1");
        return await fetch(url);
      },
    });
    await using _ = standIn;
    const { ids, lost } = await harvest(standIn, ["--scroll"]);
    assert.deepEqual([ids, lost], [IDS, []], "the pages after the circle follow by number");
  }
});

Deno.test("harvest() by scroll follows no next link to another host", async () => {
  await using other = startStandIn({ records: RECORDS });
  const intercept = (_: Request, url: URL) =>
    url.searchParams.has("page") ? undefined : Response.json({
      page: { number: 0, totalElements: 23, totalPages: 5 },
      _embedded: { items: RECORDS.slice(0, 5) },
      _links: { next: { href: `${other.url}/catalog/v1/items?scroll=true` } },
    });
  await using standIn = startStandIn({ records: RECORDS, intercept });
  const { ids, lost } = await harvest(standIn, ["--scroll"]);
  assert.deepEqual([ids, lost], [IDS, []], "the pages follow by number");
  assert.deepEqual(other.requests, []);
});

Deno.test("harvest() by number splits what is too much for the service by days", async () => {
  await using standIn = startStandIn({ records: dated(24, 500) });
  const { all, ids, lost } = await harvest(standIn, ["--size", "100"]);
  assert.deepEqual(lost, []);
  assert.equal(ids.length, 12_000);
  assert.equal(new Set(ids).size, 12_000);
  assert.ok(all.every(({ total }) => total === 12_000));
  assert.ok(standIn.requests.length < 120 + 30, `${standIn.requests.length} requests`);
  const done = all.slice(0, 70).flatMap(({ page }) => page!.items as { id: string }[]);
  const rest = await harvest(standIn, ["--size", "100"], all[69]!.after);
  assert.deepEqual([...done.map(({ id }) => id), ...rest.ids], ids);
});

Deno.test("harvest() by number tells what a single day has too much of", async () => {
  await using standIn = startStandIn({ records: dated(1, 10_250) });
  const filter = "firstDigitalContentTime:[20210101 TO 20210101]";
  const { ids, lost } = await harvest(standIn, ["--size", "100", "-f", filter]);
  assert.equal(ids.length, 10_000);
  assert.deepEqual(lost, [[100, 250, "result_window"]]);
});

Deno.test("harvest() by number does not split by days to which the service pays no heed", async () => {
  await using standIn = startStandIn({
    records: dated(11, 1000),
    intercept: (_, url) => {
      if (!url.searchParams.has("filter")) return undefined;
      url.searchParams.delete("filter");
      return fetch(url);
    },
  });
  const { ids, lost } = await harvest(standIn, ["--size", "100"]);
  assert.equal(new Set(ids).size, 10_000);
  assert.deepEqual(lost, [[100, 1000, "result_window"]]);
});

Deno.test("harvest() by number splits although the first page never works", async () => {
  await using standIn = startStandIn({
    records: dated(12, 1000),
    intercept: (_, { searchParams }) =>
      searchParams.get("page") === "0" && searchParams.getAll("filter").length === 0
        ? new Response("fault", { status: 500 })
        : undefined,
  });
  const { ids, lost } = await harvest(standIn, ["--size", "100", "--retries", "0"]);
  assert.deepEqual(lost, []);
  assert.equal(new Set(ids).size, 12_000);
});

Deno.test("harvest() loses a page that always times out, after an interruption too", async () => {
  for (const page of [2, 4]) {
    await using standIn = startStandIn({
      records: RECORDS,
      intercept: (request, url) =>
        url.searchParams.get("page") === String(page) ? noAnswer(request) : undefined,
    });
    const args = ["--timeout", "0.5", "--retries", "0"];
    const { all, ids, lost } = await harvest(standIn, args);
    assert.deepEqual(ids, [...IDS.slice(0, 5 * page), ...IDS.slice(5 * page + 5)]);
    assert.deepEqual(lost.map(([number, , code]) => [number, code]), [[page, "timeout"]]);
    const later = await harvest(standIn, args, all[page - 1]!.after);
    assert.deepEqual(later.lost, lost);
  }
});

Deno.test("harvest() by scroll that finds the service down ends, and goes on when it is up", async () => {
  for (const code of [503, 400]) {
    let down = true;
    await using standIn = startStandIn({
      records: RECORDS,
      intercept: (_, url) => {
        const isLink = url.searchParams.get("scrollId") === "3";
        return down && (isLink || code === 503) ? new Response("", { status: code }) : undefined;
      },
    });
    const next = `${standIn.url}/catalog/v1/items?profile=wwwnbno&size=5&scroll=true&scrollId=3`;
    const position = { mode: "scroll", page: 3, next, taken: 15 } as const;
    const args = ["--scroll", "--retries", "0"];
    if (code === 503) await assert.rejects(harvest(standIn, args, position), { code: "http_503" });
    if (code === 503) down = false;
    const { ids, lost } = await harvest(standIn, args, position);
    assert.deepEqual([ids, lost], [IDS.slice(15), []], `${code}`);
  }
});
