import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { ROOT } from "./helpers/run_task.ts";
import { walkFiles } from "./helpers/walk_files.ts";

/** An area may import from those before its own line, and from itself. */
const LAYERS = [
  ["shared"],
  ["catalog", "vectors"],
  ["images", "texts"],
  ["index"],
  ["inference"],
  ["vectorize", "ingest", "export"],
  ["search"],
  ["verify", "pipeline", "serve"],
];

/** npm packages that more than one file may import. */
const SHARED_PACKAGES = ["@commander-js/extra-typings", "zod"];

/** Lines of a code file, at most. */
const MAX_LINES = 300;

/** At the top of a file, and where it is needed. */
const IMPORTS = [/^(?:import|export)\b[^;]*?from "([^"]+)"/gm, /\bimport\("([^"]+)"\)/g];

interface Import {
  readonly file: string;
  /** Path from the root of the repository, or name of a package. */
  readonly target: string;
  readonly isOwn: boolean;
}

const files = (await Array.fromAsync(walkFiles(join(ROOT, "lib"))))
  .filter((name) => /\.(ts|js|css)$/.test(name)).map((name) => `lib/${name}`);
const texts = new Map<string, string>();
for (const file of files) texts.set(file, await Deno.readTextFile(join(ROOT, file)));
const imports = files.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const targets = IMPORTS.flatMap((pattern) => [...texts.get(file)!.matchAll(pattern)]);
  return targets.map(([, name = ""]) => {
    const isOwn = name.startsWith(".");
    const target = isOwn ? relative(ROOT, join(ROOT, file, "..", name)) : name;
    return { file, target, isOwn };
  });
}

function areaOf(path: string): string {
  return path.split("/")[1] ?? "";
}

Deno.test("lib/ imports only from areas to the left of its own", () => {
  const rank = new Map(LAYERS.flatMap((areas, i) => areas.map((area) => [area, i] as const)));
  for (const file of files) assert.ok(rank.has(areaOf(file)), `${file} is in no known area`);
  assert.ok(imports.length > 50);
  for (const { file, target, isOwn } of imports) {
    if (!isOwn || target === "deno.json") continue;
    assert.ok(target.startsWith("lib/"), `${file} imports ${target}`);
    const [from, to] = [areaOf(file), areaOf(target)];
    assert.ok(from === to || rank.get(to)! < rank.get(from)!, `${file} imports ${target}`);
  }
});

Deno.test("no file of lib/ imports itself by way of others", () => {
  const targets = Map.groupBy(imports, ({ file }) => file);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    const seen = path.indexOf(file);
    assert.equal(seen, -1, `a circle of imports: ${[...path.slice(seen), file].join(" -> ")}`);
    if (done.has(file)) return;
    for (const { target, isOwn } of targets.get(file) ?? []) {
      if (isOwn) visit(target, [...path, file]);
    }
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

Deno.test("a code file of lib/ has at most 300 lines", () => {
  const long = files.map((file) => ({ file, lines: texts.get(file)!.split("\n").length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES);
  assert.deepEqual(long, []);
});

Deno.test("each npm package is imported by one file only", () => {
  const importers = new Map<string, Set<string>>();
  for (const { file, target, isOwn } of imports) {
    if (isOwn || target.startsWith("node:") || SHARED_PACKAGES.includes(target)) continue;
    importers.set(target, (importers.get(target) ?? new Set()).add(file));
  }
  assert.ok(importers.has("sharp") && importers.has("onnxruntime-node"));
  for (const [name, files] of importers) {
    assert.equal(files.size, 1, `${name} is imported by ${[...files].join(", ")}`);
  }
});
