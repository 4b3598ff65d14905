/** Files of one name in two folders: whether they are of one record, and which of them came last. */
import { realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { parseExact } from "../exact_json.ts";
import { idText } from "../record.ts";

/**
 * Which of two files is the record of an id, and which was it before: the one that was written later,
 * of such at the same time the first. Undefined if they are not of one record, or one and the same file.
 *
 * @param paths absolute
 * @param byName whether the files' name is enough to say that they are of one record
 */
export function currentOf(
  id: string,
  paths: readonly [string, string],
  byName = false,
): { readonly current: 0 | 1 } | undefined {
  if (areInOneFolder(paths)) return undefined;
  const ids = paths.map((path) => byName ? id : idIn(path));
  if (!ids.every((found) => found === id || found === null)) return undefined;
  if (ids[0] !== ids[1]) return { current: ids[0] === null ? 1 : 0 };
  const [first, second] = paths.map(writtenAt);
  return { current: second !== undefined && second > (first ?? -Infinity) ? 1 : 0 };
}

/** Whether files are in the same folder, by whatever names of it. */
export function areInOneFolder(paths: readonly string[]): boolean {
  try {
    return new Set(paths.map((path) => realpathSync(dirname(path)))).size === 1;
  } catch {
    return false; // one is gone
  }
}

/** The id in a record's file; empty if it holds none, null if it is too damaged to tell, undefined if it is gone. */
export function idIn(path: string): string | null | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? undefined : null;
  }
  try {
    const id = idText(JSON.parse(text)?.id);
    return id ?? idText((parseExact(text) as { id?: unknown } | null)?.id) ?? "";
  } catch {
    return null;
  }
}

function writtenAt(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  } catch {
    return undefined; // not to be seen by this run
  }
}
