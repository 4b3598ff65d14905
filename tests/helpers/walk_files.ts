/** The files below a folder. */
import { walkFolders } from "../../lib/shared/files.ts";

/** What {@linkcode walkFolders} finds, one by one. */
export async function* walkFiles(root: string): AsyncGenerator<string> {
  for await (const files of walkFolders(root)) yield* files;
}
