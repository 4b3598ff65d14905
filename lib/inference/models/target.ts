/** Where a new model is stored, and what it must not replace. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { isReadOnly, SetupError } from "../../shared/errors.ts";
import type { OutputFolder } from "../../shared/output_folder.ts";
import type { Stage } from "../../shared/run.ts";
import { DEMO, IMAGENET, modelPaths } from "../native.ts";
import { fileSha256 } from "./model_file.ts";
import type { ModelManifest } from "./manifest.ts";
import { INCEPTION_V3, type Model, openModel, readManifest } from "./model.ts";

/** Where a model may be stored. */
export interface Target {
  /** Absolute paths of folders, of which the first that can be written is taken. */
  readonly targets: readonly string[];
  /** Replace another model of the same name. */
  readonly overwrite: boolean;
}

/**
 * Opens the first of the folders that can be written.
 *
 * @throws {SetupError} if none can be, or another run has it
 */
export async function openTarget(target: Target, run: Stage): Promise<OutputFolder> {
  return await inFirst(target, (folder) => run.openOutput(folder));
}

/**
 * What `open` gives of the first of the folders that can be written.
 *
 * @throws {SetupError} if none can be, or `open` throws another error
 */
export async function inFirst<T>(
  { targets }: Target,
  open: (folder: string) => Promise<T>,
): Promise<T> {
  let fault: unknown;
  for (const folder of targets) {
    try {
      return await open(folder);
    } catch (error) {
      if (!isReadOnly((error as Error).cause)) throw error;
      fault ??= error;
    }
  }
  const { message } = fault as Error;
  throw new SetupError(`${message}; --models-dir names another folder`, { cause: fault });
}

/** The whole model of that name that is in one of the folders. */
export async function storedModel(name: string, { targets }: Target): Promise<Model | undefined> {
  return await openModel(name, targets).catch(() => undefined); // a damaged one may be replaced
}

/**
 * Sees to it that no other model of the name is lost or hides the new one, and that the names which
 * others rely on stay what they are.
 *
 * @param folder that the model is to be stored in
 * @throws {SetupError} if it is not to be stored so
 */
export async function checkNewModel(
  made: ModelManifest,
  folder: string,
  target: Target,
): Promise<void> {
  const { name, input, output } = made;
  const { input: { size }, output: { size: numbers } } = INCEPTION_V3;
  if ((name === IMAGENET || name === DEMO) && (input.size !== size || output.size !== numbers)) {
    throw new SetupError(
      `the name "${name}" is for InceptionV3, which makes ${numbers} numbers of ${size} × ${size} ` +
        `pixels, and this makes ${output.size} of ${input.size} × ${input.size}: give another --name`,
    );
  }
  const there = await storedModel(name, target);
  if (there !== undefined) {
    if (!isSame(there, made)) refuseOther(there, folder, target);
    return;
  }
  const foreign = target.overwrite ? undefined : await foreignFile(made, folder);
  if (foreign === undefined) return;
  throw new SetupError(
    `"${foreign}" is there already, and is not of a model that was imported: --overwrite replaces it`,
  );
}

/** A file that a new model would replace, if it is not of a model; one that is damaged may go. */
async function foreignFile(
  { name, sha256 }: ModelManifest,
  folder: string,
): Promise<string | undefined> {
  const { onnx, manifest } = modelPaths(name, folder);
  if (existsSync(manifest)) {
    return await readManifest(manifest).then(() => undefined, () => manifest);
  }
  return existsSync(onnx) && await fileSha256(onnx) !== sha256 ? onnx : undefined;
}

/**
 * Refuses to store another model of the same name, unless it is to be replaced and can be.
 *
 * @throws {SetupError}
 */
export function refuseOther(there: Model, folder: string, { targets, overwrite }: Target): void {
  const its = dirname(there.path);
  const other = `another model of the name "${there.name}", from "${there.source}", is in "${its}"`;
  if (targets.indexOf(its) < targets.indexOf(folder)) {
    throw new SetupError(`${other}, which cannot be written: give another --name or --models-dir`);
  }
  if (!overwrite) throw new SetupError(`${other}: --overwrite replaces it`);
}

/** Whether two models make the same vectors. */
function isSame(a: ModelManifest, b: ModelManifest): boolean {
  const what = ({ sha256, input, output }: ModelManifest) =>
    JSON.stringify([sha256, input, output]);
  return what(a) === what(b);
}
