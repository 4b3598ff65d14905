/** What a run may touch, and the `deno run` flags that say so. */

import { UsageError } from "./errors.ts";

/** The permissions of one run; whatever is left out is denied. */
export interface Permissions {
  /** Hosts with port, such as `api.nb.no:443`. */
  readonly net?: readonly string[];
  /** Files and folders. */
  readonly read?: readonly string[];
  /** Files and folders. */
  readonly write?: readonly string[];
  /** Names of environment variables. */
  readonly env?: readonly string[];
  /** Folders whose native libraries may be loaded. */
  readonly ffi?: readonly string[];
  /** Programs that may be started. */
  readonly run?: readonly string[];
}

/** Kinds of permissions, in the order of their flags. */
const KINDS = ["net", "read", "write", "env", "ffi", "run"] as const;

/** Everything that is permitted by any of them. */
export function joinPermissions(...parts: readonly Permissions[]): Permissions {
  const joined: Record<string, readonly string[]> = {};
  for (const kind of KINDS) joined[kind] = [...new Set(parts.flatMap((part) => part[kind] ?? []))];
  return joined;
}

/**
 * The flags for `deno run`, with `--no-prompt` first, so that anything else is refused at once.
 *
 * @throws {UsageError} for a value with a comma, which would end it in the list of a flag
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.deepEqual(permissionFlags({ net: ["api.nb.no:443"], write: ["/data/out"] }), [
 *   "--no-prompt",
 *   "--allow-net=api.nb.no:443",
 *   "--allow-write=/data/out",
 * ]);
 * ```
 */
export function permissionFlags(permissions: Permissions): string[] {
  const flags = ["--no-prompt"];
  for (const kind of KINDS) {
    const values = [...new Set(permissions[kind] ?? [])];
    if (values.length === 0) continue;
    const split = values.find((value) => value.includes(","));
    if (split !== undefined) throw new UsageError(`Cannot use "${split}": its path holds a comma`);
    flags.push(`--allow-${kind}=${values.join(",")}`);
  }
  return flags;
}
