import assert from "node:assert/strict";
import { type StandIn, startStandIn } from "../../demo/stand_in.ts";
import { catalogClient, downloadRecords, idMemory } from "../../lib/catalog/download.ts";
import { parseDownloadOptions } from "../../lib/catalog/options.ts";
import { Run } from "../../lib/shared/run.ts";
import { numbered } from "../helpers/harvesting.ts";
import { tempDir } from "../helpers/temp_dir.ts";

/** Downloads into a folder; calls `onPage` after each page, and gives the counts. */
async function counts(
  standIn: StandIn,
  folder: string,
  argv: readonly string[],
  onPage: (stats: Run["stats"]) => void = () => {},
) {
  const args = ["--base-url", standIn.url, "--size", "5", "--retries", "0", "--delay", "0"];
  const options = parseDownloadOptions([...args, "-o", folder, ...argv]);
  await using run = new Run("download", new AbortController().signal);
  const output = await run.openOutput(folder);
  const records: string[] = [];
  await using ids = await idMemory(output, options, run);
  const parts = { client: catalogClient(options, run), output, ids };
  for await (const page of downloadRecords(parts, options, run)) {
    records.push(...page.records.map(({ stem }) => stem));
    page.note();
    onPage(run.stats);
  }
  const { total, done, stored, skipped, failed } = run.stats;
  assert.equal(total, done, "each record was stored, skipped or failed once");
  return { stored, skipped, failed, records };
}

for (const total of [0, 7, 20, 23, 40]) {
  Deno.test(`downloadRecords() never tells of less than is done, if the total is ${total}`, async () => {
    await using dir = await tempDir();
    await using standIn = startStandIn({
      records: numbered(23),
      alter: (body) => ({ ...body, page: { ...body.page, totalElements: total } }),
    });
    for (const way of [["--scroll"], []]) {
      const { stored, skipped, records } = await counts(standIn, dir.path, way, (stats) => {
        assert.ok(stats.total! >= stats.done, `${stats.done} of ${stats.total}`);
      });
      assert.deepEqual([stored + skipped, new Set(records).size], [23, 23]);
    }
  });
}

Deno.test("downloadRecords() counts a record once that comes on two pages", async () => {
  await using dir = await tempDir();
  const records = numbered(23);
  let requests = 0;
  await using standIn = startStandIn({
    records,
    intercept: () => {
      if (++requests === 3) records.unshift({ id: "new" });
      return undefined;
    },
  });
  const first = await counts(standIn, dir.path, []);
  assert.deepEqual([first.stored, first.skipped, first.failed], [24, 0, 0]);
  assert.equal(new Set(first.records).size, first.records.length);
  const second = await counts(standIn, dir.path, []);
  assert.deepEqual([second.stored, second.skipped, second.failed], [0, 24, 0]);
});

Deno.test("downloadRecords() goes on with what changed before it was interrupted", async () => {
  for (const interruptedAt of [2, 3, 4, 5, 7, 9]) {
    await using dir = await tempDir();
    const records = numbered(23);
    let requests = 0;
    await using standIn = startStandIn({
      records,
      intercept: () => {
        if (++requests === 3) records.splice(2, 2, { id: "new" });
        return undefined;
      },
    });
    let pages = 0;
    const interrupted = counts(standIn, dir.path, [], () => {
      if (++pages === interruptedAt) throw new Error("interrupted");
    });
    await assert.rejects(interrupted, { message: "interrupted" });
    const { failed } = await counts(standIn, dir.path, []);
    assert.equal(failed, 0);
    const stored = new Set(
      (await Array.fromAsync(Deno.readDir(`${dir.path}/unknown`))).map(({ name }) => name),
    );
    assert.deepEqual(records.filter(({ id }) => !stored.has(`${id}.json`)), []);
  }
});
