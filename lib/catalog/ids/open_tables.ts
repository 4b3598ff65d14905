/** The file of a records folder's memory: made, made anew, and what is said where that cannot be. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileReason, SetupError } from "../../shared/errors.ts";
import { linkOutOf, STATE_DIR } from "../../shared/files.ts";
import { IdTables, isDamage, isFull, OtherTables } from "./id_tables.ts";

/** Path of the memory in a records folder. */
export const IDS_FILE = `${STATE_DIR}/ids.sqlite`;

/**
 * Opens the memory of a records folder to be written; one that is damaged, or of another format, makes way
 * for a new one.
 *
 * @throws {SetupError} if it cannot be written, or a file of another program is in its place
 */
export function openTables(root: string, onNotice: (text: string) => void): IdTables {
  const path = join(root, IDS_FILE);
  for (const end of ["", "-journal", "-wal", "-shm"]) {
    if (linkOutOf(root, IDS_FILE + end) === undefined) continue;
    throw new SetupError(`Cannot use "${path + end}": it is a symbolic link that leads elsewhere`);
  }
  try {
    return IdTables.open(path, root);
  } catch (error) {
    if (error instanceof OtherTables && !error.isMaken) {
      throw new SetupError(
        `Cannot use "${path}": ${error.message}; move it away and run the same command again`,
      );
    }
    if (!(error instanceof OtherTables) && !isDamage(error)) throw explained(error, root);
    const what = error instanceof OtherTables ? error.message : "it is damaged";
    onNotice(`"${path}" is made anew from the records in the folder: ${what}`);
    try {
      remove(path);
      return IdTables.open(path, root);
    } catch (error) {
      throw explained(error, root);
    }
  }
}

function remove(path: string): void {
  // The journal first: a new file must not take it for its own.
  for (const end of ["-journal", "-wal", "-shm", ""]) rmSync(path + end, { force: true });
}

/** The error as a user is told it, if it is one of the tables; a damaged memory is removed, as the next run makes it anew. */
export function explained(error: unknown, root: string, tables?: IdTables): unknown {
  if (!isOfTables(error)) return error;
  const path = join(root, IDS_FILE);
  if (tables !== undefined && isDamage(error)) {
    tables[Symbol.dispose]();
    remove(path);
    return new SetupError(
      `Cannot go on with "${path}": it was damaged, and is removed; run the same command again, ` +
        "which makes it anew",
      { cause: error },
    );
  }
  const reason = isFull(error) ? "the disk is full" : fileReason(error);
  return new SetupError(
    `Cannot write "${path}": ${reason}; mend it and run the same command again`,
    { cause: error },
  );
}

/** Whether an error is one of the tables. */
export function isOfTables(error: unknown): boolean {
  return isDamage(error) || (error as { code?: unknown } | null)?.code === "ERR_SQLITE_ERROR";
}
