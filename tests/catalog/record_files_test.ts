import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { readRecord } from "../../lib/catalog/record_files.ts";
import { RecordError } from "../../lib/shared/errors.ts";
import { below } from "../../lib/shared/walk.ts";
import { makeFiles } from "../helpers/files.ts";
import { skipIf } from "../helpers/skip.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkRecords } from "../helpers/walk_files.ts";

const LIBRARY = ["library/a1.json", "library/b.json", "x/library/d.json"];
const ONE_LETTER = ["x/.dot/f.json", "x/library/d.json", "x/notlibrary/e.json"];
const A_OR_B = ["a+b.json", "a.json", "a.json.json", "a1.json", "ab.json", "a{b,c}.json", "b.json"];
const OTHERS = [".hidden.json", "(a).json", "A2.json", "[x].json", "^c.json"];
const NO_RECORDS = ["a.txt", "c", "d.json.gz", "ejson", "library/a.jsonl"];
const RECORDS = [
  ...[...A_OR_B, ...OTHERS, ...LIBRARY, ...ONE_LETTER.filter((file) => !LIBRARY.includes(file))],
  ...["library/deep/c.json", "library.json/g.json", "ø/𝒳.json"],
].sort();

/** What Python 3.11 and 3.13 find of the files above with `rglob`, less what is not `.json`. */
const RGLOB: [glob: string, found: string[]][] = [
  ["*", RECORDS],
  ["**/*", RECORDS],
  ["*.json", RECORDS],
  ["**/*.json", RECORDS],
  ["*.txt", []],
  ["library", []],
  ["library/*", LIBRARY],
  ["./library/*", LIBRARY],
  ["**/library/*", LIBRARY],
  ["*/library/*", ["x/library/d.json"]],
  ["library/**/*", [...LIBRARY, "library/deep/c.json"]],
  ["x/*/*", ONE_LETTER],
  ["*/*/*", [...ONE_LETTER, "library/deep/c.json"]],
  ["a.json", ["a.json"]],
  ["a?.json", ["a1.json", "ab.json", "library/a1.json"]],
  ["[a-b]?.json", ["a1.json", "ab.json", "library/a1.json"]],
  ["[ab]*", [...A_OR_B, "library/a1.json", "library/b.json"]],
  [".*", [".hidden.json"]],
  ["^c*", ["^c.json"]],
  ["a+b*", ["a+b.json"]],
  ["a{b,c}*", ["a{b,c}.json"]],
  ["{a,b}.json", []],
  ["[[]x].json", ["[x].json"]],
  ["[x].json", []],
  ["*(a)", []],
  ["(a)*", ["(a).json"]],
  ["*(a)*", ["(a).json"]],
  ["@(a)*", []],
  ["a|b*", []],
  ["(a|b)*", []],
  [
    "[!ab]*",
    [...OTHERS, ...ONE_LETTER, "library.json/g.json", "library/deep/c.json", "ø/𝒳.json"],
  ],
  ["[!a-zA-Z]*", [...OTHERS.filter((file) => file !== "A2.json"), "ø/𝒳.json"]],
  ["[^ab]*", [...A_OR_B, "^c.json", "library/a1.json", "library/b.json"]],
  [
    "?.json",
    [
      ...["a.json", "b.json", "library.json/g.json", "library/b.json", "library/deep/c.json"],
      ...[...ONE_LETTER, "ø/𝒳.json"],
    ],
  ],
  ["library/a1-*", []],
  ["*a1.json", ["a1.json", "library/a1.json"]],
  ["library//*", LIBRARY],
  ["library/./*", LIBRARY],
];

for (const [glob, expected] of RGLOB) {
  Deno.test(`recordNames() finds what rglob("${glob}") finds`, async () => {
    await using dir = await tempDir();
    await makeFiles(dir.path, [...RECORDS, ...NO_RECORDS]);
    const found = await Array.fromAsync(
      walkRecords(dir.path, glob),
      ({ folder, stem }) => below(folder, `${stem}.json`),
    );
    assert.deepEqual(found.sort(), expected.toSorted());
    assert.equal((await Array.fromAsync(walkRecords(dir.path, glob))).length, expected.length);
  });
}

/** Patterns of pieces that mean something to `rglob`, the same ones each time. */
function oddGlobs(n: number): string[] {
  const pieces = ["*", "?", "[a-c]", "[!a]", "[", "]", "!", "a", "b1", "x", "library", ".json", "-"]
    .concat("**/", "/", "./", "{", "^", "$", "(", "+", "𝒳", "ø");
  let seed = 1;
  const random = (below: number) => {
    seed = seed * 16_807 % 2_147_483_647;
    return seed % below;
  };
  const glob = () => Array.from({ length: 1 + random(6) }, () => pieces[random(pieces.length)]);
  return Array.from({ length: n }, () => glob().join(""));
}

const PYTHON_RGLOB = `
import json, pathlib, sys
root = pathlib.Path(sys.argv[1])
def find(glob):
    try:
        paths = (p.relative_to(root).as_posix() for p in root.rglob(glob) if p.is_file())
        return sorted({p for p in paths if p.endswith(".json")})
    except (ValueError, NotImplementedError):
        return None
print(json.dumps([find(glob) for glob in json.load(sys.stdin)]))
`;

Deno.test({
  ...skipIf(
    await hasPython() ? undefined : "there is no Python",
    "recordNames() finds what Python's own rglob finds, for 500 odd patterns",
  ),
  async fn() {
    await using dir = await tempDir();
    await makeFiles(dir.path, [...RECORDS, ...NO_RECORDS]);
    const globs = [...RGLOB.map(([glob]) => glob), ...oddGlobs(500)];
    const python = new Deno.Command("python3", {
      args: ["-c", PYTHON_RGLOB, dir.path],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    await ReadableStream.from([JSON.stringify(globs)]).pipeThrough(new TextEncoderStream())
      .pipeTo(python.stdin);
    const expected: (string[] | null)[] = JSON.parse(
      new TextDecoder().decode((await python.output()).stdout),
    );
    for (const [i, glob] of globs.entries()) {
      const found = await Array.fromAsync(
        walkRecords(dir.path, glob),
        ({ path }) => relative(dir.path, path),
      ).catch((error) => {
        if (error instanceof RangeError) return null;
        throw error;
      });
      assert.deepEqual(found?.sort() ?? null, expected[i]?.toSorted() ?? null, glob);
    }
  },
});

async function hasPython(): Promise<boolean> {
  try {
    return (await new Deno.Command("python3", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

Deno.test("recordNames() tells path, folder and stem, in the same order every time", async () => {
  await using dir = await tempDir();
  const files = ["b/2.json", "b/10.json", "b/a/x.json", "a.json", "a/z.json", "B.json"];
  await makeFiles(dir.path, [...files, ".maken/failures.json", "b/.maken/x.json"]);
  const expected = [
    ["B.json", "", "B"],
    ["a/z.json", "a", "z"],
    ["a.json", "", "a"],
    ["b/10.json", "b", "10"],
    ["b/2.json", "b", "2"],
    ["b/a/x.json", "b/a", "x"],
  ] as const;
  for (const glob of [undefined, "*"]) {
    assert.deepEqual(
      await Array.fromAsync(walkRecords(dir.path, glob)),
      expected.map(([file, folder, stem]) => ({ path: join(dir.path, file), folder, stem })),
    );
  }
});

Deno.test("recordNames() throws a SetupError for a folder that is not there", async () => {
  await using dir = await tempDir();
  await assert.rejects(Array.fromAsync(walkRecords(join(dir.path, "no"))), { name: "SetupError" });
});

Deno.test("readRecord() reads a record, and refuses what is none", async () => {
  await using dir = await tempDir();
  const file = { path: join(dir.path, "a.json"), folder: "", stem: "a" };
  const read = async (text: string) => {
    await Deno.writeTextFile(file.path, text);
    return await readRecord(file);
  };
  const record = await read(
    '{"id":"a","metadata":{"title":true,"creators":["B",3,null]},"more":{}}',
  );
  assert.equal(record.id, "a");
  assert.deepEqual([record.title, record.creators], [undefined, ["B"]]);
  assert.equal((await read('{"id":7}')).id, "7");
  for (
    const text of ["", "{", '{\n"id":\n', "[]", "null", "{}", '{"id":[7]}', '{"id":7.5}', '"a"']
  ) {
    const error = await read(text).then(() => undefined, (error) => error);
    assert.ok(error instanceof RecordError && error.code === "record_json", `${text}: ${error}`);
    assert.ok(error.message.startsWith(`Cannot read record "${file.path}": `), error.message);
  }
  await Deno.remove(file.path);
  await assert.rejects(readRecord(file), { code: "record_json", message: /no such file/ });
});

Deno.test("readRecord() says in plain words what is wrong with a file", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "a.json");
  const cases: [content: string | Uint8Array<ArrayBuffer>, reason: string][] = [
    [Uint8Array.from('{"id":"a","title":"Bj\xf8rn"}', byteOf), "its text is not UTF-8"],
    [Uint8Array.of(0xff, 0xfe, 0x7b, 0), "its text is not UTF-8"],
    ["", "it is empty"],
    ["<!DOCTYPE html>\n<p>", 'it is not JSON (it begins with "<!DOCTYPE html>")'],
    ['{"id":"a","title":"Bj', "it is not JSON (it ends too early)"],
    ['{"id":"a" "title":1}', 'it is not JSON (wrong from ""title":1}" on)'],
    ["[]", "it is not a record with an id"],
  ];
  for (const [content, reason] of cases) {
    await Deno.writeFile(path, new Uint8Array(await new Response(content).arrayBuffer()));
    await assert.rejects(readRecord({ path, folder: "", stem: "a" }), {
      code: "record_json",
      message: `Cannot read record "${path}": ${reason}`,
    });
  }
});

Deno.test("readRecord() leaves out a byte order mark", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "a.json");
  await Deno.writeTextFile(path, '\ufeff{"id":"a","metadata":{"title":"Bjørn"}}');
  assert.equal((await readRecord({ path, folder: "", stem: "a" })).title, "Bjørn");
});

function byteOf(character: string): number {
  return character.charCodeAt(0);
}

Deno.test("readRecord() refuses ids that no index can hold, and mends other half characters", async () => {
  await using dir = await tempDir();
  const read = async (text: string) => {
    await Deno.writeTextFile(join(dir.path, "a.json"), text);
    return await readRecord({ path: join(dir.path, "a.json"), folder: "", stem: "a" });
  };
  await assert.rejects(read('{"id":""}'), { code: "record_json", message: /its id is empty/ });
  const half = { code: "record_json", message: /its id holds half a character/ };
  await assert.rejects(read(String.raw`{"id":"\ud800"}`), half);
  const { title } = await read(String.raw`{"id":"a","metadata":{"title":"half \ud800"}}`);
  assert.equal(title, "half \ufffd");
});
