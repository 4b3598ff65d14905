/** Whether a model's file is the one that its manifest describes. Workers ask it: it imports little. */
import { createHash } from "node:crypto";
import type { ModelManifest } from "./manifest.ts";

/** What a manifest says of its model's file. */
export type FileOfModel = Pick<ModelManifest, "bytes" | "modified" | "sha256" | "build">;

/** Bytes that are read at a time. */
const CHUNK = 1 << 20;

/**
 * Makes sure that the file is the one that the manifest describes. It is read only if it has another
 * size or time than when its digest was computed.
 *
 * @throws {TypeError} if it is another file, or is missing
 */
export async function requireOwnFile(
  path: string,
  { bytes, modified, sha256, build }: FileOfModel,
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
