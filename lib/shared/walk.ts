/** Folder walks in a stable order. */
import { join } from "node:path";
import { FileError, fileReason, SetupError } from "./errors.ts";
import { exists, STATE_DIR } from "./files.ts";

/** Is told of a folder or file that cannot be read, and is passed over. */
export type OnUnreadable = (path: string, reason: FileError) => void;

/** Files of one folder that follow each other in the order of a walk. */
export interface Listing {
  /** Relative to the root of the walk, with `/`; empty for the root itself. */
  readonly folder: string;
  readonly names: readonly string[];
}

/**
 * The files below `root`, each folder's entries sorted by code unit. Links are followed to files;
 * `.maken` folders are passed over.
 *
 * @param onUnreadable of folders and files below `root`
 * @throws {SetupError} if `root` is not a folder that can be read
 */
export async function* walkFolders(
  root: string,
  onUnreadable: OnUnreadable = () => {},
): AsyncGenerator<Listing> {
  yield* walk(root, "", onUnreadable);
}

async function* walk(
  root: string,
  folder: string,
  onUnreadable: OnUnreadable,
): AsyncGenerator<Listing> {
  const found: string[] = [];
  const folders = new Set<string>();
  try {
    for await (const entry of Deno.readDir(join(root, folder))) {
      if (entry.name === STATE_DIR) continue;
      const path = join(root, folder, entry.name);
      if (entry.name.includes("\ufffd") && !exists(path)) { // what stands for other bytes
        onUnreadable(path, new FileError(`Cannot use "${path}": its name is not UTF-8`));
        continue;
      }
      if (entry.isSymlink && !await isFile(path)) continue;
      found.push(entry.name);
      if (entry.isDirectory) folders.add(entry.name);
    }
  } catch (error) {
    const path = join(root, folder);
    const reason = `Cannot read folder "${path}": ${fileReason(error)}`;
    if (folder === "") throw new SetupError(reason, { cause: error });
    onUnreadable(path, new FileError(reason, { cause: error }));
    return;
  }
  let names: string[] = [];
  for (const name of found.sort()) {
    if (!folders.has(name)) names.push(name);
    else {
      yield { folder, names };
      names = [];
      yield* walk(root, below(folder, name), onUnreadable);
    }
  }
  yield { folder, names };
}

/** Path of a file of a {@linkcode Listing}, relative to the root of the walk, with `/`. */
export function below(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false; // a link that leads nowhere, or to where this run may not look
  }
}
