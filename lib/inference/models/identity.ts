/** What the vectors of a model are known by. */
import { hashOf } from "../../shared/proof.ts";
import type { ModelIdentity } from "../../vectors/model_identity.ts";
import { manifest as schema, type ModelManifest } from "./manifest.ts";

/** What a manifest, or a model that was opened, says of its file alone. */
const ABOUT_FILE: readonly string[] = [
  ...["name", "source", "licence", "md5", "build", "bytes", "sha256", "modified"],
  "path",
];

/** What a manifest says where it says as little as it may. */
const USUAL = schema.parse({
  ...{ name: "", source: "", licence: "", bytes: 0, sha256: "" },
  input: { name: "", size: 1, preprocess: "none" },
  output: { name: "", size: 1 },
});

/** What vectors of a model are known by: its file, and all that its manifest says of their making. */
export function identityOf(manifest: ModelManifest): ModelIdentity {
  const { name, sha256 } = manifest;
  const { name: _input, ...input } = manifest.input; // no vector depends on what it is called
  const others = Object.entries(manifest).filter(([key]) => !ABOUT_FILE.includes(key));
  const making = { ...Object.fromEntries(others), input: unusual(input, USUAL.input) };
  const json = sortedJson(unusual(making, USUAL));
  return { name, sha256, settings: hashOf(json).slice(0, 16) };
}

/** What differs from the usual: a setting that a later version adds leaves the rest as it was. */
function unusual(settings: object, usual: object): object {
  const known = new Map(Object.entries(usual).map(([key, value]) => [key, sortedJson(value)]));
  return Object.fromEntries(
    Object.entries(settings).filter(([key, value]) => sortedJson(value) !== known.get(key)),
  );
}

/** JSON that is the same whatever the order of the keys. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, part) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1));
  });
}
