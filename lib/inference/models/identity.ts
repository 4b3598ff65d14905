/** Whether a model's file is the one that its manifest describes, and what its vectors are known by. */
import { createHash } from "node:crypto";
import type { ModelIdentity } from "../../vectors/model_identity.ts";
import { manifest as schema, type ModelManifest } from "./manifest.ts";

/** What a manifest, or a model that was opened, says of its file alone. */
const ABOUT_FILE: readonly string[] = [
  ...["name", "source", "licence", "md5", "build", "bytes", "sha256", "modified"],
  "path",
];

/** Bytes that are read at a time. */
const CHUNK = 1 << 20;

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
  const digest = createHash("sha256").update(json).digest("hex");
  return { name, sha256, settings: digest.slice(0, 16) };
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

/**
 * Makes sure that the file is the one that the manifest describes. It is read only if it has another
 * size or time than when its digest was computed.
 *
 * @throws {TypeError} if it is another file, or is missing
 */
export async function requireOwnFile(
  path: string,
  { bytes, modified, sha256, build }: ModelManifest,
): Promise<void> {
  const { size, mtime } = await Deno.stat(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new TypeError(`its file "${path}" is missing: import it again`, { cause: error });
  });
  if (size === bytes) {
    if (modified !== undefined && mtime?.getTime() === modified) return;
    if (await fileSha256(path) === sha256) return;
  }
  const advice = build === undefined
    ? "get the former file back, or import this one under a name of its own"
    : "delete it, and it is built again";
  throw new TypeError(
    `"${path}" is not the file that its manifest describes (sha256 ${sha256}): it is ` +
      `damaged, or another model was copied over it; ${advice}`,
  );
}

/** The sha256 of a file of any size, in hex. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const chunk = new Uint8Array(CHUNK);
  for (let n = await file.read(chunk); n !== null; n = await file.read(chunk)) {
    hash.update(chunk.subarray(0, n));
  }
  return hash.digest("hex");
}

/** When a file was last written, in milliseconds since 1970; undefined where that is not told. */
export async function modifiedTime(path: string): Promise<number | undefined> {
  return (await Deno.stat(path)).mtime?.getTime();
}
