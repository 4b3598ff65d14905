/** FLOW of `deno task model fetch`: downloads the weights of a model and stores it. */
import { errorMessage, fileReason, SetupError } from "../../shared/errors.ts";
import type { Stage } from "../../shared/run.ts";
import { IMAGENET } from "../native.ts";
import { type Download, fetchFile } from "./fetch_weights.ts";
import { storeKerasModel } from "./import_model.ts";
import type { ModelManifest } from "./manifest.ts";
import type { Model } from "./model.ts";
import { PartFile } from "./part_file.ts";
import { checkNewModel, inFirst, refuseOther, storedModel, type Target } from "./target.ts";

/**
 * Makes the model, unless it is there already from the same file. What was downloaded stays until the
 * model is stored.
 *
 * @returns undefined if it was there
 * @throws {SetupError} if it cannot be had
 */
export async function fetchModel(
  download: Download & Target & { readonly name: string },
  run: Stage,
): Promise<ModelManifest | undefined> {
  const { name, url, md5 } = download;
  const { folder, part } = await inFirst(download, async (folder) => ({
    folder,
    part: await PartFile.open(folder, md5),
  }));
  using _part = part;
  const there = await storedModel(name, download);
  if (there?.md5 === md5) {
    await part.remove();
    return undefined;
  }
  if (there !== undefined) refuse(there, folder, download);
  await fetchFile(download, part, run);
  const licence = name === IMAGENET ? "Apache-2.0, of Keras; trained on ImageNet" : "not known";
  try {
    run.signal.throwIfAborted();
    const output = await run.openOutput(folder);
    const weights = await Deno.readFile(part.path);
    const origin = { name, source: url.href, licence, md5 };
    const check = (made: ModelManifest) => checkNewModel(made, folder, download);
    const made = await storeKerasModel(weights, origin, output, check);
    await part.remove();
    return made;
  } catch (error) {
    if (error instanceof SetupError || run.signal.aborted) throw error;
    throw new SetupError(
      `Cannot use ${url}: ${fileReason(error)}; what was downloaded is kept as "${part.path}"`,
      { cause: error },
    );
  }
}

/** Refuses another model of the name before anything is downloaded. */
function refuse(there: Model, folder: string, target: Target): void {
  try {
    refuseOther(there, folder, target);
  } catch (error) {
    throw new SetupError(`Cannot fetch "${there.name}": ${errorMessage(error)}`, { cause: error });
  }
}
