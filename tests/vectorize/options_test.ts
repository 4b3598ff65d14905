import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { parseVectorizeOptions, type VectorizeOptions } from "../../lib/vectorize/options.ts";
import { words } from "../helpers/command_line.ts";

/** Checks those options of a vectorize command line that `expected` names. */
function assertOptions(line: string, expected: Partial<VectorizeOptions>): void {
  const options = parseVectorizeOptions(words(line));
  for (const [key, value] of Object.entries(expected)) {
    assert.deepEqual(options[key as keyof VectorizeOptions], value, `${key} of ${line}`);
  }
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

Deno.test("parseVectorizeOptions() takes the option, else the argument, else the default", () => {
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
