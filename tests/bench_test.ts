import assert from "node:assert/strict";
import { join } from "node:path";
import { inTurns, median } from "../bench/measure.ts";
import { rowsOf } from "../bench/results.ts";
import { ROOT, runTask } from "./helpers/run_task.ts";

const BENCHES = ["download", "vectorize", "ingest", "embedded", "serve", "launch", "pairs"];
const COLUMNS = ["date", "commit", "CPU", "work", "figure", "unit", "ratio"];

/** The rows of RFC 4180, with the line ends of this repository. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\n]*))([,\n])/y;
  while (cell.lastIndex < text.length) {
    const at = cell.lastIndex;
    const [, quoted, plain, end] = cell.exec(text) ?? assert.fail(`no cell at ${at}`);
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end === "\n") rows.push([]);
  }
  assert.deepEqual(rows.pop(), [], "the last row has no line end");
  return rows;
}

Deno.test("bench/results.csv has one figure a row", async () => {
  const text = await Deno.readTextFile(join(ROOT, "bench/results.csv"));
  const [header, ...rows] = parseCsv(text);
  assert.deepEqual(header, COLUMNS);
  assert.ok(rows.length > 200);
  for (const row of rows) {
    const [date = "", commit = "", cpu, work, figure = "", unit, ratio = ""] = row;
    const what = row.join(" | ");
    assert.equal(row.length, COLUMNS.length, what);
    assert.match(date, /^\d{4}-\d{2}-\d{2}$/, what);
    assert.equal(new Date(date).toISOString().slice(0, 10), date, what);
    assert.match(commit, /^[0-9a-f]{7,12}$/, what);
    assert.match(figure, /^-?\d+(\.\d+)?$/, what);
    assert.match(ratio, /^(\d+(\.\d+)?)?$/, what);
    assert.ok(cpu && work && unit, what);
  }
});

Deno.test("rowsOf() gives the median of the ratios and their ends, with quotes where needed", () => {
  const origin = { date: "2026-11-25", commit: "0123abc", cpu: "CPU 2 cores" };
  const work = 'ingest "all", 3 rounds';
  const figure = { work, figure: 1644.37, unit: "documents/s" };
  const start = ["2026-11-25", "0123abc", "CPU 2 cores"];
  assert.deepEqual(parseCsv(rowsOf(origin, figure)), [[...start, work, "1644", "documents/s", ""]]);
  assert.deepEqual(
    parseCsv(rowsOf(origin, { ...figure, against: "Python", ratios: [4.1, 3.9, 4.0004] })),
    [
      [...start, `${work}, against Python`, "1644", "documents/s", "4"],
      [...start, `${work}, against Python, least ratio`, "3.9", "times", ""],
      [...start, `${work}, against Python, greatest ratio`, "4.1", "times", ""],
    ],
  );
});

Deno.test("inTurns() runs every second round in reverse order", async () => {
  const order: string[] = [];
  const side = (name: string) => () => Promise.resolve(order.push(name));
  const results = await inTurns(3, { a: side("a"), b: side("b") });
  assert.equal(order.join(""), "abbaab");
  assert.deepEqual(results, { a: [1, 4, 5], b: [2, 3, 6] });
});

Deno.test("median() is the number in the middle, or the mean of the two", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

Deno.test("deno task bench lists the benches, and each answers --help", async () => {
  const list = await runTask(["bench"]);
  assert.equal(list.code, 0, list.stderr);
  for (const name of BENCHES) {
    assert.match(list.stdout, new RegExp(`^  ${name} +\\S.*$`, "m"));
    const { code, stdout } = await runTask(["bench", name, "--help"]);
    assert.equal(code, 0);
    for (const part of [`Usage: deno task bench ${name} `, "\nNeeds ", "--record "]) {
      assert.ok(stdout.includes(part), stdout);
    }
  }
});

Deno.test("deno task bench refuses an unknown bench, and unknown arguments, in one line", async () => {
  for (const args of [["nothing"], ["launch", "--nothing"], ["download", "some"], ["pairs"]]) {
    const { code, stdout, stderr } = await runTask(["bench", ...args]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^bench[^\n]*; see "deno task bench [^\n]*--help"\n$/);
  }
});
