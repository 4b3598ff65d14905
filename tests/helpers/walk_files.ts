/** The files below a folder, one by one. */
import { type RecordFile, recordFilesIn, recordNames } from "../../lib/catalog/record_files.ts";
import { below, walkFolders } from "../../lib/shared/walk.ts";

/** What {@linkcode walkFolders} finds. */
export async function* walkFiles(root: string): AsyncGenerator<string> {
  for await (const { folder, names } of walkFolders(root)) {
    for (const name of names) yield below(folder, name);
  }
}

/** What {@linkcode recordNames} finds. */
export async function* walkRecords(root: string, glob?: string): AsyncGenerator<RecordFile> {
  for await (const listing of recordNames(root, glob)) yield* recordFilesIn(root, listing);
}
