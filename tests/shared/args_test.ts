import assert from "node:assert/strict";
import { resolve } from "node:path";
import { parseDownloadOptions } from "../../lib/catalog/options.ts";
import { parseVectorizeOptions } from "../../lib/vectorize/options.ts";
import {
  choice,
  decimal,
  fileSuffix,
  HelpRequest,
  integer,
  path,
  plainName,
  VERSION,
  webUrl,
  yesNo,
} from "../../lib/shared/args.ts";
import { usageError, words } from "../helpers/command_line.ts";

const vectorize = (line: string) => parseVectorizeOptions(words(line));
const download = (line: string) => parseDownloadOptions(words(line));

Deno.test("parseCommand() refuses what does not fit in one line", () => {
  const cases: [parse: (line: string) => unknown, line: string, message: RegExp][] = [
    [download, "--filte x", /^Unknown option '--filte'.*Did you mean --filter\?/],
    [vectorize, "r * v --bach 3", /^Unknown option '--bach'.*Did you mean --batch\?/],
    [vectorize, "r * v -x", /^Unknown option '-x'/],
    [download, "--size", /--size <number>' argument missing/],
    [download, "x", /^Too many arguments.*0 arguments but got 1/],
    [vectorize, "1 2 3 npy 5 1 1 1 9 10 11", /^Too many arguments.*10 arguments but got 11/],
    [download, "--size 0", /--size.*'0' is invalid.*from 1 to 100/],
    [download, "--size 101", /--size.*'101' is invalid.*from 1 to 100/],
    [download, "--size 2.5", /--size.*'2.5' is invalid.*whole number/],
    [download, "--page -1", /--page.*'-1' is invalid.*at least 0/],
    [download, "--delay -0.1", /--delay.*'-0.1' is invalid/],
    [download, "--timeout 0", /--timeout.*'0' is invalid/],
    [download, "--groupby a:(", /^Cannot group by "a:\("/],
    [download, "--base-url ftp://api.nb.no", /--base-url.*is invalid/],
    [vectorize, "''", /'' is invalid.*'RECORDS_DIR'/],
    [vectorize, "--vectors-dir v", /^The records' folder is missing/],
    [vectorize, "r *", /^The vectors' folder is missing/],
    [vectorize, "r /* v", /^Cannot use the glob "\/\*": not a relative pattern/],
    [vectorize, "r * v jpg", /'jpg' is invalid.*'FORMAT'.*npy, vct/],
    [vectorize, "r * v npy a/b", /'a\/b' is invalid.*'SUFFIX'/],
    [vectorize, "r * v npy '' maybe", /'maybe' is invalid.*'OVERWRITE'/],
    [vectorize, "r * v npy '' 0 0 0", /'0' is invalid.*'JOBS'/],
    [vectorize, "r * v npy '' 0 0 -2", /'-2' is invalid.*'JOBS'/],
    [vectorize, "r * v npy '' 0 0 1 1 -5", /'-5' is invalid.*'STEP'/],
    [vectorize, "r * v --image-hosts a/b", /^Cannot use image host "a\/b"/],
  ];
  for (const [parse, line, message] of cases) {
    assert.match(usageError(() => parse(line)), message, line);
  }
});

Deno.test("parseCommand() never prints a password that is in a URL", () => {
  const message = usageError(() => download("--base-url http://user:hunter2@127.0.0.1/"));
  assert.match(message, /must not hold a user name or password/);
  assert.ok(!message.includes("hunter2"), message);
});

Deno.test("parseCommand() ends with the text of --help and --version", () => {
  const text = (line: string) => {
    try {
      vectorize(line);
    } catch (error) {
      if (error instanceof HelpRequest) return error.text;
      throw error;
    }
    return "";
  };
  assert.equal(text("--version"), VERSION);
  assert.match(text("--help"), /^Usage: deno task vectorize .*\n/);
  assert.match(text("r * v --help"), /\n +--batch <number> .*\(default: 1\)\n[^]*\nExamples:\n/);
});

Deno.test("integer() and decimal() take numbers in their range only", () => {
  const cases: [parse: (text: string) => number, good: string[], bad: string[]][] = [
    [integer(1, 100), ["1", "100", "+7", "007"], ["0", "101", "1.0", "1e1", "0x1", "", " ", "a"]],
    [integer(-1), ["-1", "9007199254740991"], ["-2", "9007199254740993", "Infinity", "--1"]],
    [decimal(0.001, 3600), ["0.001", "3600", "1e2"], ["0", "3601", "", " ", "NaN", "Infinity"]],
  ];
  for (const [parse, good, bad] of cases) {
    for (const text of good) assert.equal(parse(text), Number(text));
    for (const text of bad) assert.throws(() => parse(text), /number/, text);
  }
});

Deno.test("yesNo(), choice(), fileSuffix(), plainName(), webUrl() and path() refuse the rest", () => {
  for (const text of ["true", "True", "T", "1", "yes", "Y"]) assert.equal(yesNo(text), true);
  for (const text of ["false", "F", "0", "No", "n", ""]) assert.equal(yesNo(text), false);
  assert.equal(choice(["npy", "vct"])("vct"), "vct");
  assert.equal(fileSuffix("_inception"), "_inception");
  assert.equal(plainName("images.knn"), "images.knn");
  assert.equal(webUrl("http://127.0.0.1:80").href, "http://127.0.0.1/");
  assert.equal(path("a/../b"), resolve("b"));
  const cases: [parse: (text: string) => unknown, bad: string[]][] = [
    [yesNo, ["2", "maybe", "truee", "on "]],
    [choice(["npy", "vct"]), ["NPY", "", "toString"]],
    [fileSuffix, ["a/b", "a\\b", "\0", "ø".repeat(21)]],
    [plainName, ["", ".", "..", "a/b", "a..b", "-a", "å", "a".repeat(101), "a\n"]],
    [webUrl, ["", "api.nb.no", "ftp://a", "file:///a", "http://", "http://u@a", "http://:p@a"]],
    [path, ["", "a\0b"]],
  ];
  for (const [parse, bad] of cases) {
    for (const text of bad) assert.throws(() => parse(text), /must/, JSON.stringify(text));
  }
});
