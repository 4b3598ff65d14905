/** FLOW of `deno task model fetch`: downloads the weights of a model and stores it. */
import { fileReason, SetupError } from "../../shared/errors.ts";
import type { Stage } from "../../shared/run.ts";
import { IMAGENET, MODELS_DIR } from "../native.ts";
import { type Download, fetchFile } from "./fetch_weights.ts";
import { storeKerasModel } from "./import_model.ts";
import type { ModelManifest } from "./manifest.ts";
import { openModel } from "./model.ts";
import { PartFile } from "./part_file.ts";

/**
 * Makes the model, unless it is there already from the same file. What was downloaded stays until the
 * model is stored.
 *
 * @returns undefined if it was there
 * @throws {SetupError} if it cannot be had
 */
export async function fetchModel(
  download: Download & { readonly name: string },
  run: Stage,
): Promise<ModelManifest | undefined> {
  const { name, url, md5 } = download;
  using part = await PartFile.open(MODELS_DIR, md5);
  const there = await openModel(name).catch(() => undefined);
  if (there?.md5 === md5) {
    await part.remove();
    return undefined;
  }
  await fetchFile(download, part, run);
  const licence = name === IMAGENET ? "Apache-2.0, of Keras; trained on ImageNet" : "not known";
  try {
    run.signal.throwIfAborted();
    const output = await run.openOutput(MODELS_DIR);
    const weights = await Deno.readFile(part.path);
    const made = await storeKerasModel(weights, { name, source: url.href, licence, md5 }, output);
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
