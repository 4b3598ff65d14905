import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { ROOT } from "./helpers/run_task.ts";
import { walkFiles } from "./helpers/walk_files.ts";

/** An area may import from those before its own line, and from itself. */
const LAYERS = [
  ["shared"],
  ["catalog", "vectors"],
  ["images"],
  ["inference", "books"],
  ["index"],
  ["search"],
];

/** npm packages that one file alone may import. */
const SHARED_PACKAGES = ["@commander-js/extra-typings", "zod"];

/** At the top of a file, and where it is needed. */
const IMPORTS = [/^(?:import|export)\b[^;]*?from "([^"]+)"/gm, /\bimport\("([^"]+)"\)/g];

async function importsOf(folder: string): Promise<{ file: string; target: string }[]> {
  const found: { file: string; target: string }[] = [];
  for await (const name of walkFiles(join(ROOT, folder))) {
    if (!name.endsWith(".ts")) continue;
    const file = join(folder, name);
    const text = await Deno.readTextFile(join(ROOT, file));
    for (const [, target] of IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)])) {
      found.push({ file, target: target! });
    }
  }
  return found;
}

Deno.test("lib/ imports only from areas to the left of its own", async () => {
  const rank = new Map(LAYERS.flatMap((areas, i) => areas.map((area) => [area, i] as const)));
  const imports = await importsOf("lib");
  assert.ok(imports.length > 50);
  for (const { file, target } of imports) {
    if (!target.startsWith(".")) continue;
    const path = relative(ROOT, join(ROOT, file, "..", target));
    if (path === "deno.json") continue;
    const from = file.split("/")[1]!;
    const [lib, to = ""] = path.split("/");
    assert.equal(lib, "lib", `${file} imports ${path}`);
    assert.ok(rank.has(from) && rank.has(to), `${file} or ${path} is in no known area`);
    assert.ok(from === to || rank.get(to)! < rank.get(from)!, `${file} imports ${path}`);
  }
});

Deno.test("each npm package is imported by one file only", async () => {
  const files = new Map<string, Set<string>>();
  for (const { file, target } of await importsOf("lib")) {
    if (/^(\.|node:)/.test(target) || SHARED_PACKAGES.includes(target)) continue;
    files.set(target, (files.get(target) ?? new Set()).add(file));
  }
  assert.ok(files.has("sharp") && files.has("onnxruntime-node"));
  for (const [name, importers] of files) {
    assert.equal(importers.size, 1, `${name} is imported by ${[...importers].join(", ")}`);
  }
});
