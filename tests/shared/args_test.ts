import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { parseDownloadOptions } from "../../lib/catalog/options.ts";
import { parseVectorizeOptions, type VectorizeOptions } from "../../lib/vectorize/options.ts";
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
import { UsageError } from "../../lib/shared/errors.ts";

/** The command line of a test as the shell would split it; `''` is an empty argument. */
const words = (line: string) => line.split(" ").map((word) => word === "''" ? "" : word);
const vectorize = (line: string) => parseVectorizeOptions(words(line));
const download = (line: string) => parseDownloadOptions(words(line));

/** Checks those options of a vectorize command line that `expected` names. */
function assertOptions(line: string, expected: Partial<VectorizeOptions>): void {
  const options = vectorize(line);
  for (const [key, value] of Object.entries(expected)) {
    assert.deepEqual(options[key as keyof VectorizeOptions], value, `${key} of ${line}`);
  }
}

/** The message of the UsageError that `parse` throws; it must be one line. */
function usageError(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    assert.ok(error instanceof UsageError, `${error} is not a UsageError`);
    assert.ok(!/[\r\n]/.test(error.message), JSON.stringify(error.message));
    return error.message;
  }
  throw new assert.AssertionError({ message: "nothing was thrown" });
}

Deno.test("parseVectorizeOptions() takes the original tool's command lines", () => {
  const cores = availableParallelism();
  const cases: [string, Partial<VectorizeOptions>][] = [
    ["./records * ./vectors vct _inception false true -1 100 0", {
      recordsDir: resolve("records"),
      recordsGlob: "*",
      vectorsDir: resolve("vectors"),
      format: "vct",
      suffix: "_inception",
      overwrite: false,
      downloadImages: true,
      jobs: cores,
      batch: 100,
      step: 0,
    }],
    [
      "./data/records/images library/* ./data/vectors/images npy _inceptionv3 false false 100 1000 0",
      {
        recordsDir: resolve("data/records/images"),
        recordsGlob: "library/*",
        vectorsDir: resolve("data/vectors/images"),
        format: "npy",
        suffix: "_inceptionv3",
        overwrite: false,
        downloadImages: false,
        jobs: Math.min(100, cores),
        batch: 1000,
        step: 0,
      },
    ],
  ];
  for (const [line, expected] of cases) assertOptions(line, expected);
});

Deno.test("optionOr() takes the option, else the argument, else the default", () => {
  const cases: [string, Partial<VectorizeOptions>][] = [
    ["r * v", { format: "npy", suffix: "", overwrite: false, jobs: 1, batch: 1, step: 0 }],
    ["r --vectors-dir v", { recordsDir: resolve("r"), recordsGlob: "**/*" }],
    ["r * v vct _x true 1 1 7 3", {
      format: "vct",
      suffix: "_x",
      overwrite: true,
      batch: 7,
      step: 3,
    }],
    ["r * v vct --format npy", { format: "npy" }], // the same as the default, but given
    ["--format npy r * v vct", { format: "npy" }],
    ["r * v vct _x --suffix ''", { suffix: "" }],
    ["r * v vct ''", { suffix: "" }],
    ["r * v npy '' false --overwrite", { overwrite: true }],
    ["r * v npy '' false false 1 7 3 --batch 8 --step=9", { batch: 8, step: 9 }],
    ["r * v --jobs -1", { jobs: availableParallelism() }],
    ["r * v --records-dir r2 --records-glob a* --vectors-dir v2", {
      recordsDir: resolve("r2"),
      recordsGlob: "a*",
      vectorsDir: resolve("v2"),
    }],
  ];
  for (const [line, expected] of cases) assertOptions(line, expected);
});

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

Deno.test("parseDownloadOptions() refuses a bad whole URL as endpoint in one line", () => {
  for (const endpoint of ["https://user:hunter2@api.nb.no/x", "https://"]) {
    const message = usageError(() => parseDownloadOptions(["--endpoint", endpoint]));
    assert.ok(!message.includes("hunter2"), message);
  }
});

Deno.test("parseDownloadOptions() says in one line what is wrong with a text of two lines", () => {
  usageError(() => parseDownloadOptions(["--size", "1\n2"]));
  usageError(() => parseDownloadOptions(["--groupby", "a\n:("]));
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
