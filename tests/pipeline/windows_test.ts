/** Which windows a pipeline asks for again: no record is lost, and nothing is asked for without need. */
import assert from "node:assert/strict";
import { pipelineIn, recordsOfWeeks } from "../helpers/pipeline.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";

const WEEKS = ["--every", "week", "--from", "20240101", "--to", "20240128"];
const NAMES = ["20240101-20240107", "20240108-20240114", "20240115-20240121", "20240122-20240128"];

/** A run over four weeks, from which one may look at the windows that the next one asks for. */
async function fourWeeks(dir: string, intercept?: (path: string) => number | undefined) {
  const weekly = await pipelineIn(dir, {
    records: recordsOfWeeks(24, 4),
    intercept: (_, { pathname, search }) => {
      const text = decodeURIComponent((pathname + search).replaceAll("+", " "));
      const status = intercept?.(text);
      return status === undefined ? undefined : new Response(null, { status });
    },
  });
  return {
    ...weekly,
    /** Runs, and gives what came of it with the windows that were asked for. */
    async asked(...args: string[]) {
      const before = weekly.windows().length;
      const { code, stderr, json } = await weekly.run("--retries", "0", ...args);
      const { documents, failed } = json();
      const windows = [...new Set(weekly.windows().slice(before))].toSorted();
      return { code, documents, failed, windows, stderr };
    },
    [Symbol.asyncDispose]: () => weekly[Symbol.asyncDispose](),
  };
}

for (const status of [500, 503, 404]) {
  Deno.test(`pipeline asks again for a window that lost a page to status ${status}`, async () => {
    await using dir = await tempDir();
    let isFaulty = true;
    await using weekly = await fourWeeks(
      dir.path,
      (path) => isFaulty && /20240108 TO .*page=1/.test(path) ? status : undefined,
    );
    const first = await weekly.asked(...WEEKS, "--size", "3");
    assert.deepEqual([first.code, first.documents, first.failed], [1, 21, 3], first.stderr);
    isFaulty = false;
    const second = await weekly.asked(...WEEKS, "--size", "5");
    assert.deepEqual([second.code, second.documents], [0, 24], second.stderr);
    assert.deepEqual(second.windows, [NAMES[1], NAMES[3]]);
    const third = await weekly.asked(...WEEKS);
    assert.deepEqual(third.windows, [NAMES[3]]);
  });
}

Deno.test("pipeline goes on with other windows where the service refuses all of one", async () => {
  await using dir = await tempDir();
  let isFaulty = true;
  await using weekly = await fourWeeks(
    dir.path,
    (path) => isFaulty && path.includes("20240122 TO") ? 500 : undefined,
  );
  const more = ["--to", "20240204"]; // a window without records after it
  const first = await weekly.asked(...WEEKS, ...more);
  assert.deepEqual([first.code, first.documents, first.failed], [1, 18, 1], first.stderr);
  isFaulty = false;
  const second = await weekly.asked(...WEEKS, ...more);
  assert.deepEqual([second.code, second.documents], [0, 24], second.stderr);
  assert.deepEqual(second.windows, [NAMES[3], "20240129-20240204"]);
  const third = await weekly.asked(...WEEKS, ...more);
  assert.deepEqual(third.windows, ["20240129-20240204"]);
});

Deno.test("pipeline asks again for windows while a host of pictures has faults of its own, three times", async () => {
  await using dir = await tempDir();
  let isFaulty = true;
  await using weekly = await fourWeeks(
    dir.path,
    (path) => isFaulty && path.startsWith("/services/") ? 503 : undefined,
  );
  const first = await weekly.asked(...WEEKS);
  assert.deepEqual([first.code, first.failed, first.windows], [1, 24, NAMES], first.stderr);
  const shown = first.stderr.split("\n").filter((line) => line.includes("status 503"));
  assert.equal(shown.length, 20, "of all windows together");
  isFaulty = false;
  const second = await weekly.asked(...WEEKS);
  assert.deepEqual([second.code, second.documents, second.windows], [0, 24, NAMES], second.stderr);
});

Deno.test("pipeline ends a window whose picture gives the same fault three times", async () => {
  await using dir = await tempDir();
  const broken = (recordsOfWeeks(1, 1)[0]!.metadata as unknown as { identifiers: { urn: string } })
    .identifiers.urn;
  await using weekly = await fourWeeks(dir.path, (path) => path.includes(broken) ? 500 : undefined);
  const runs = [];
  for (let run = 1; run <= 4; run++) runs.push(await weekly.asked(...WEEKS));
  assert.deepEqual(runs.map(({ code }) => code), [1, 1, 1, 0]);
  const early = [NAMES[0], NAMES[3]];
  assert.deepEqual(runs.map(({ windows }) => windows), [NAMES, early, early, [NAMES[3]]]);
});

Deno.test("pipeline asks again for a window whose pictures failed before it was killed", async () => {
  await using dir = await tempDir();
  let isFaulty = true;
  const { promise: isOver, resolve: over } = Promise.withResolvers<void>();
  await using weekly = await pipelineIn(dir.path, {
    records: recordsOfWeeks(60, 1),
    intercept: async (_, { searchParams }) => {
      if (searchParams.get("page") === "3") await isOver;
      const isOfFirst = isFaulty && weekly.pictures().at(5) === undefined;
      return isOfFirst && weekly.pictures().length > 0
        ? new Response(null, { status: 503 })
        : undefined;
    },
  });
  const args = ["--every", "week", "--from", "20240101", "--to", "20240107", "--size", "15"];
  const child = weekly.spawn(...args, "--retries", "0");
  const state = `${weekly.data}/20240101-20240107/images/records/.maken`;
  const pages = async () => {
    const names = (await Array.fromAsync(Deno.readDir(state))).map(({ name }) => name);
    const journal = names.find((name) => /^download-.*\.json$/.test(name));
    return journal === undefined
      ? 0
      : JSON.parse(await Deno.readTextFile(`${state}/${journal}`)).pages;
  };
  await until(async () => await pages().catch(() => 0) >= 2, "A page that is noted");
  child.kill("SIGKILL");
  await child.output();
  isFaulty = false;
  over();
  const second = await weekly.run(...args);
  assert.match(second.stderr, /going on after/);
  assert.deepEqual(second.json().windows, [{ name: NAMES[0], finished: false }]);
  const third = await weekly.run(...args);
  assert.deepEqual([third.code, third.json().documents], [0, 60], third.stderr);
});

for (const again of ["--no-resume", "--overwrite", "--retry-failed"]) {
  Deno.test(`pipeline ${again} asks for all windows that were begun, without days too`, async () => {
    await using dir = await tempDir();
    await using weekly = await fourWeeks(dir.path);
    assert.equal((await weekly.asked(...WEEKS)).code, 0);
    const { code, windows, stderr } = await weekly.asked("--to", "20240128", again);
    assert.deepEqual([code, windows], [0, NAMES], stderr);
  });
}

Deno.test("pipeline puts the records of all windows into another index", async () => {
  await using dir = await tempDir();
  await using weekly = await fourWeeks(dir.path);
  assert.equal((await weekly.asked(...WEEKS)).documents, 24);
  const fetched = weekly.pictures().length;
  const { documents, stderr } = await weekly.asked(...WEEKS, "--index", "other");
  assert.equal(documents, 24, stderr);
  assert.equal(weekly.pictures().length, fetched);
});

Deno.test("pipeline into another index has all of a window that an earlier run got halfway through", async () => {
  await using dir = await tempDir();
  let isFaulty = true;
  const { promise: isOver, resolve: over } = Promise.withResolvers<undefined>();
  await using weekly = await pipelineIn(dir.path, {
    records: recordsOfWeeks(60, 1),
    intercept: (_, { searchParams }) =>
      isFaulty && searchParams.get("page") === "2" ? isOver : undefined,
  });
  const args = ["--every", "week", "--from", "20240101", "--to", "20240107", "--size", "15"];
  const child = weekly.spawn(...args);
  const state = `${weekly.data}/20240101-20240107/images/records/.maken`;
  await until(async () => {
    const names = await Array.fromAsync(Deno.readDir(state)).catch(() => []);
    return names.some(({ name }) => /^download-.*\.json$/.test(name));
  }, "A page that is noted");
  child.kill("SIGKILL");
  await child.output();
  isFaulty = false;
  over(undefined);
  const other = await weekly.run(...args, "--index", "other");
  assert.deepEqual([other.code, other.json().documents], [0, 60], other.stderr);
  const first = await weekly.run(...args);
  assert.match(first.stderr, /going on after/);
  assert.deepEqual([first.code, first.json().documents], [0, 60], first.stderr);
  await Deno.remove(`${weekly.data}/index`, { recursive: true });
  assert.equal((await weekly.run(...args)).code, 2);
});

Deno.test("pipeline goes on with no index that was deleted; --no-resume makes it whole again", async () => {
  await using dir = await tempDir();
  await using weekly = await fourWeeks(dir.path);
  assert.equal((await weekly.asked(...WEEKS)).code, 0);
  await Deno.remove(`${weekly.data}/index`, { recursive: true });
  const { code, stderr } = await weekly.run(...WEEKS);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /^pipeline: Cannot go on with index "images\.knn": it was deleted/m);
  const whole = await weekly.asked("--every", "week", "--to", "20240128", "--no-resume");
  assert.deepEqual([whole.code, whole.documents], [0, 24], whole.stderr);
  assert.equal((await weekly.asked(...WEEKS)).code, 0);
});

Deno.test("pipeline --groups with one more group indexes the records of earlier windows, too", async () => {
  await using dir = await tempDir();
  const records = recordsOfWeeks(24, 4).map((record, i) => ({
    ...record,
    accessInfo: { accessAllowedFrom: i % 2 === 0 ? "EVERYWHERE" : "NB" },
  }));
  await using weekly = await pipelineIn(dir.path, { records });
  const counts = [];
  for (const groups of ["everywhere", " Everywhere , NB ", "nb"]) {
    const { code, stderr, json } = await weekly.run(...WEEKS, "--groups", groups);
    assert.equal(code, 0, stderr);
    counts.push(json().documents);
  }
  assert.deepEqual(counts, [12, 24, 12]);
});

Deno.test("pipeline --max ends after so many records of all windows, and the next run has the others", async () => {
  await using dir = await tempDir();
  await using weekly = await fourWeeks(dir.path);
  const first = await weekly.asked(...WEEKS, "--max", "8");
  assert.deepEqual([first.documents, first.windows], [8, NAMES.slice(0, 2)], first.stderr);
  const second = await weekly.asked("--every", "week", "--to", "20240128");
  assert.deepEqual([second.documents, second.windows], [24, NAMES], second.stderr);
});

Deno.test("pipeline takes out the only record of a window that moves to a group that is left out", async () => {
  await using dir = await tempDir();
  const served: unknown[] = [];
  await using weekly = await pipelineIn(dir.path, { records: served as [] });
  const counts = [];
  for (const [groupBy, access] of [["", "NB"], ["", "NORWAY"], ["a", "NB"], ["a", "NORWAY"]]) {
    const [record] = recordsOfWeeks(1, 1);
    served.splice(0, 1, { ...record, accessInfo: { accessAllowedFrom: access } });
    const more = groupBy === "" ? [] : ["--groupby", groupBy!, "--overwrite"];
    const { code, stderr, json } = await weekly.run(
      ...["--every", "week", "--from", "20240101", "--to", "20240107", "--groups", "nb", ...more],
    );
    assert.equal(code, 0, stderr);
    counts.push(json().documents);
  }
  assert.deepEqual(counts, [1, 0, 1, 0]);
});
