/** Short names of what files hold, so that they are known again. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { bytesProof } from "./failure.ts";

/** A short name of these bytes or this text; 96 bits of SHA-256, in hex. */
export function hashOf(...parts: readonly (Uint8Array | Float32Array | string)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex").slice(0, 24);
}

/** Names what the files hold; undefined if one cannot be read. */
export function filesProof(...paths: readonly string[]): string | undefined {
  try {
    return bytesProof(hashOf(...paths.map((path) => readFileSync(path))));
  } catch {
    return undefined;
  }
}
