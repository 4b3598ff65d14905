import assert from "node:assert/strict";
import { parseExact } from "../../lib/catalog/exact_json.ts";
import { groupFolders, isReservedOnWindows, parseGroupBy } from "../../lib/catalog/group_by.ts";

/** The folders of a record, joined as in a path. */
const folders = (record: unknown, groupBy: string) =>
  groupFolders(record, parseGroupBy(groupBy)).join("/");
const folder = (value: unknown) => folders({ a: value }, "a");

Deno.test("parseGroupBy() splits at commas outside brackets, and at the first colon", () => {
  const cases: [text: string, keys: [key: string, pattern?: string][]][] = [
    ["", []],
    [" ", []],
    ["a", [["a"]]],
    ["a.b.c, d ", [["a.b.c"], ["d"]]],
    ["a:", [["a"]]],
    ["a:DATE,b:TIME", [["a", "\\d{4}-\\d{2}-\\d{2}"], ["b", "\\d{1,2}:\\d{1,2}:\\d{1,2}"]]],
    ["a:date", [["a", "date"]]],
    ["a:\\d{1,2}:\\d{2}", [["a", "\\d{1,2}:\\d{2}"]]],
    ["a:(?:x,y|z),b", [["a", "(?:x,y|z)"], ["b"]]],
    ["a:[,:]+,b:(,{1,2}[)]),c", [["a", "[,:]+"], ["b", "(,{1,2}[)])"], ["c"]]],
    ["a:\\(,b", [["a", "\\("], ["b"]]],
    ["a:(?<=nr: )\\d+", [["a", "(?<=nr: )\\d+"]]],
    ["a:\\p{Lu}+", [["a", "\\p{Lu}+"]]],
  ];
  for (const [text, keys] of cases) {
    const parsed = parseGroupBy(text).map(({ key, pattern }) => [key, pattern?.source]);
    assert.deepEqual(parsed, keys.map(([key, pattern]) => [key, pattern]), text);
  }
});

Deno.test("parseGroupBy() takes a bracket in a character class for a character", () => {
  for (const text of ["a:[(],b", "a:[),],b", "a:[\\],{],b"]) {
    assert.deepEqual(parseGroupBy(text).map(({ key }) => key), ["a", "b"], text);
  }
});

Deno.test("parseGroupBy() takes any word for a pattern, names of JavaScript too", () => {
  for (const word of ["constructor", "toString", "__proto__"]) {
    assert.equal(parseGroupBy(`a:${word}`)[0]?.pattern?.source, word);
  }
});

Deno.test("parseGroupBy() refuses empty keys and what is not a regular expression", () => {
  for (const text of [",", "a,", ",a", "a,,b", ":DATE", "a:(", "a:[", "a:*", "a:\\p{Nope}"]) {
    assert.throws(() => parseGroupBy(text), { name: "UsageError", message: /^Cannot group by "/ });
  }
});

Deno.test("groupFolders() finds the value of a dotted key", () => {
  const record = {
    accessInfo: { accessAllowedFrom: "NORWAY" },
    metadata: {
      list: ["First", "Second"],
      nested: [[{ name: "Deep" }]],
      objects: [{ name: "One" }, { name: "Two" }],
      year: 1905,
      half: -0.5,
      yes: true,
      none: null,
      empty: "",
      blank: " \t",
      noList: [],
      "dotted.key": "never found",
    },
  };
  const cases: [key: string, folder: string][] = [
    ["accessInfo.accessAllowedFrom", "norway"],
    ["metadata.list", "first"],
    ["metadata.objects.name", "one"],
    ["metadata.nested.name", "deep"],
    ["metadata.year", "1905"],
    ["metadata.half", "-0.5"],
    ["metadata.yes", "true"],
  ];
  for (const name of ["none", "empty", "blank", "noList", "dotted.key", "missing", "year.x"]) {
    cases.push([`metadata.${name}`, "unknown"]);
  }
  // Neither an object nor what JavaScript gives every object is a value.
  for (
    const key of ["metadata", "constructor", "constructor.name", "__proto__", "metadata..list"]
  ) {
    cases.push([key, "unknown"]);
  }
  for (const [key, expected] of cases) assert.equal(folders(record, key), expected, key);
  assert.equal(folders(record, cases.map(([key]) => key).join()), cases.map((c) => c[1]).join("/"));
  for (const other of [null, undefined, "text", 5, [], {}]) {
    assert.equal(folders(other, "a,b"), "unknown/unknown");
  }
});

Deno.test("groupFolders() takes the first match of a pattern", () => {
  const record = { time: "2021-09-22T07:05:59.123Z of 2022-01-01", text: "Bokhylla: Åpen, fri" };
  const cases: [groupBy: string, folder: string][] = [
    ["time:DATE", "2021-09-22"],
    ["time:TIME", "07_05_59"],
    ["time:DATE,time:TIME", "2021-09-22/07_05_59"],
    ["time:\\d{4}", "2021"],
    ["time:^\\d{4}-\\d{2}", "2021-09"],
    ["time:nothing", "unknown"],
    ["time:x*", "unknown"], // matches, but nothing
    ["text:DATE", "unknown"],
    ["text:(?<=: )\\p{L}+", "åpen"],
    ["text:[,:] [a-z]+,text:^.", "_ fri/b"],
    ["missing:DATE", "unknown"],
  ];
  for (const [groupBy, expected] of cases) {
    assert.equal(folders(record, groupBy), expected, groupBy);
  }
});

Deno.test("groupFolders() makes a safe name of any value", () => {
  const cases: [value: string, folder: string][] = [
    ["EVERYWHERE", "everywhere"],
    ["Ærlig Øl-å_1.2", "ærlig øl-å_1.2"],
    ['a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"],
    ["../../etc/passwd", ".._.._etc_passwd"],
    [".", "_"],
    ["..", "__"],
    ["a. .", "a___"],
    ["a\0b\nc", "a_b_c"],
    ["  padded  ", "padded"],
    ["e\u0301", "\u00e9"],
    ["中文", "中文"],
    ["a😀b", "a_b"],
    ["\ud800", "_"],
    ["con", "_con"],
    ["Com1", "_com1"],
    ["LPT³", "_lpt³"],
    ["console", "console"],
    ["x".repeat(101), "x".repeat(100)],
    ["ø".repeat(150), "ø".repeat(100)],
    [`${"x".repeat(99)}. y`, `${"x".repeat(99)}_`],
    ["中".repeat(100), "中".repeat(66)], // 200 bytes at most
  ];
  for (const [value, expected] of cases) assert.equal(folder(value), expected, value);
});

Deno.test("groupFolders() gives safe names whatever the value", () => {
  const parts = ["/", "\\", "..", ".", " ", "\0", "\n", ":", "*", "%2e", "Å", "ø", "𝒳", "e\u0301"];
  parts.push("A", "7", "-", "_", "~", "\ud800", "\udc00", "İ", "ß", "中", "\u202e", "\u00a0");
  let seed = 20_210_922;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(seed / 2 ** 32 * n);
  };
  for (let n = 0; n < 3000; n++) {
    const length = random(n % 10 === 0 ? 150 : 8);
    const value = Array.from({ length }, () => parts[random(parts.length)]).join("");
    const name = folder(value);
    const shown = `${JSON.stringify(value)} gave ${JSON.stringify(name)}`;
    assert.match(name, /^[\p{L}\p{N}._ -]+$/u, shown);
    assert.doesNotMatch(name, /^ |[. ]$/, shown);
    assert.ok([...name].length <= 100 && new TextEncoder().encode(name).length <= 200, shown);
  }
});

Deno.test("groupFolders() gives no name that Windows keeps for a device", () => {
  const values = ["con", "AUX.", "nul ", "com1", "prn.txt", "con.tar.gz", "lpt1 .x", "nul . "];
  for (const value of [...values, `con.${"x".repeat(100)}`]) {
    const name = folder(value);
    assert.ok(!isReservedOnWindows(name) && name.length <= 100, `${value} gave ${name}`);
  }
});

Deno.test("groupFolders() never gives the folder of the program's own state", () => {
  for (const value of [".maken", ".MAKEN", " .maken "]) assert.notEqual(folder(value), ".maken");
});

Deno.test("groupFolders() groups by numbers that keep their digits", () => {
  const record = parseExact('{"a":12345678901234567890,"b":1.0,"c":[1e400]}');
  assert.equal(folders(record, "a,b,c"), "12345678901234567890/1.0/1e400");
});

Deno.test("isReservedOnWindows() knows the devices, with any extension", () => {
  for (const name of ["con", "PRN", "Aux.json", "nul.a.b", "com0", "LPT9.x", "com¹", "conin$"]) {
    assert.ok(isReservedOnWindows(name), name);
  }
  for (const name of ["", "conn", "com", "com10", "lpt", "a.con", "_con", "null", "con_"]) {
    assert.ok(!isReservedOnWindows(name), name);
  }
});
