/** Moves pictures and vectors along with records that lie in another folder now. */
import { basename, dirname, join, relative } from "node:path";
import type { RecordPlaces } from "../catalog/ids/record_places.ts";
import { accessOf, type RecordFile } from "../catalog/record_files.ts";
import { FileError } from "../shared/errors.ts";
import { exists } from "../shared/files.ts";
import { differInAccess } from "../shared/layout.ts";
import type { OutputFolder } from "../shared/output_folder.ts";
import { below } from "../shared/walk.ts";
import type { VectorizeOptions } from "./options.ts";
import { type Existing, imagesDirOf } from "./plan.ts";

/** Where a run may move files. */
export interface MoveParts {
  readonly places: Pick<RecordPlaces, "earlierFolders">;
  readonly existing: Existing;
  /** Holds the vectors. */
  readonly output: OutputFolder;
  /** Takes pictures that are fetched. */
  readonly imageOutput: OutputFolder;
}

/** Sees to it that what earlier runs made of a record lies where the record lies. */
export class MoveAlong {
  #moved = 0;

  constructor(private readonly parts: MoveParts, private readonly options: VectorizeOptions) {}

  /** Moves the picture and the vector of a record that has left the folder in which they are. */
  move(record: RecordFile): void {
    const { folder, stem } = record;
    const { existing: { images, vectors }, output, imageOutput } = this.parts;
    const { inference, vectorsDir } = this.options;
    const isInPlace = (path: string | undefined, root: string, home: string) =>
      path !== undefined && dirname(path) === join(root, home);
    const access = accessOf(record);
    const vector = inference ? vectors.find(folder, stem, access) : undefined;
    const home = vectors.home(folder);
    // The picture goes first: where the vector is, it has been there.
    if (isInPlace(vector, vectorsDir, home)) return;
    const imagesDir = imagesDirOf(this.options);
    const image = images.find(folder, stem, access);
    const imageHome = images.home(folder);
    const isImageLeft = !isInPlace(image, imagesDir, imageHome) && imageOutput.path === imagesDir &&
      this.#moveFile(image, imagesDir, imageHome, record, imageOutput);
    if (isImageLeft) images.forget(imageHome);
    if (this.#moveFile(vector, vectorsDir, home, record, output) || isImageLeft) this.#moved++;
  }

  /** Records whose pictures or vectors were moved. */
  get moved(): number {
    return this.#moved;
  }

  #moveFile(
    path: string | undefined,
    root: string,
    home: string,
    record: RecordFile,
    output: OutputFolder,
  ): boolean {
    if (path === undefined) return false;
    const from = relative(root, dirname(path)).replaceAll("\\", "/");
    if (!this.#hasLeft(from, record)) return false;
    const name = basename(path);
    try {
      output.move(below(from, name), below(home, name));
      return true;
    } catch (error) {
      if (error instanceof FileError) return false; // it is used where it is
      throw error;
    }
  }

  /** Whether the record lay in a folder before, and no record of its name does now. */
  #hasLeft(from: string, { folder, stem }: RecordFile): boolean {
    const isSame = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
    if (from === "" || isSame(from, folder)) return false;
    const names = [from, from.toLowerCase(), from.toUpperCase()];
    if (names.some((name) => exists(join(this.options.recordsDir, name, `${stem}.json`)))) {
      return false;
    }
    return differInAccess(from, folder) ||
      this.parts.places.earlierFolders(stem).some((earlier) => isSame(earlier, from));
  }
}
