/** Which model made the vectors that are loaded, and whether the index holds those of the same one. */
import type { VectorIndex } from "../index/types.ts";
import { errorMessage, SetupError } from "../shared/errors.ts";
import { commandLine } from "../shared/program.ts";
import type { Stage } from "../shared/run.ts";
import {
  distinctModels,
  isSameModel,
  type ModelIdentity,
  modelText,
} from "../vectors/model_identity.ts";
import { modelsOf, notesBelow, readModelNote } from "../vectors/model_note.ts";
import type { IngestOptions } from "./options.ts";

/**
 * The model that made the vectors of the folder; undefined where nothing is noted.
 *
 * @throws {SetupError} if several did, whose vectors cannot be compared
 */
export async function folderModel(
  options: IngestOptions,
  stage: Stage,
): Promise<ModelIdentity | undefined> {
  const { vectorsDir } = options;
  const note = await readModelNote(vectorsDir, options);
  const below = await notesBelow(vectorsDir, options);
  const notes = [...note === undefined ? [] : [note], ...below.map(({ note }) => note)];
  const [model, other] = distinctModels(notes.flatMap(modelsOf));
  if (model !== undefined && other !== undefined) {
    throw new SetupError(
      `Cannot load the vectors in "${vectorsDir}": model ${modelText(model, other)} made some of ` +
        `them, and ${modelText(other, model)} others; ` +
        `"${commandLine("vectorize --overwrite")}" makes all of them with one`,
    );
  }
  if (notes.some(({ unchecked }) => unchecked)) {
    stage.warn(
      `some vectors in "${vectorsDir}" could not be compared with those of model ` +
        `"${model?.name}": they are taken for its own`,
    );
  }
  return model;
}

/**
 * Makes sure that an index may take vectors of this model, and says what is not known.
 *
 * @throws {SetupError} if the index holds those of another model
 */
export async function checkModel(
  index: VectorIndex,
  model: ModelIdentity | undefined,
  options: IngestOptions,
  stage: Stage,
): Promise<void> {
  const { vectorsDir } = options;
  const held = index.model;
  requireSame(index, model, options);
  if (model !== undefined && held === undefined && await index.count() > 0) {
    stage.warn(
      `nothing says which model made the vectors in index "${index.name}": they are taken for those ` +
        `of "${model.name}"`,
    );
  }
  if (model === undefined && held !== undefined) {
    stage.warn(
      `nothing says which model made the vectors in "${vectorsDir}": they are taken for those of ` +
        `"${held.name}", which index "${index.name}" holds`,
    );
  }
}

/** @throws {SetupError} if the index holds vectors of another model */
function requireSame(
  { name, model: held }: VectorIndex,
  model: ModelIdentity | undefined,
  { recreateIndex }: IngestOptions,
): void {
  if (model === undefined || held === undefined || isSameModel(model, held)) return;
  const [own, other] = [modelText(model, held), modelText(held, model)];
  const anew = recreateIndex ? "--no-resume --recreate-index" : "--recreate-index";
  throw new SetupError(
    `Cannot load vectors of model ${own} into index "${name}": it holds those of model ${other}; ` +
      `${anew} begins it anew`,
  );
}

/**
 * Has the index remember the model; what more is known of it is added to what it remembers.
 *
 * @throws {SetupError} if another run has told of another model meanwhile
 */
export async function noteModel(
  index: VectorIndex,
  model: ModelIdentity | undefined,
  options: IngestOptions,
  stage: Stage,
): Promise<void> {
  await index.generation(); // reads what others told
  requireSame(index, model, options);
  const held = index.model;
  const isNew = held === undefined ||
    (["sha256", "settings"] as const).some((key) => held[key] === undefined && model?.[key]);
  if (model === undefined || !isNew) return;
  try {
    await index.setModel(model);
  } catch (error) {
    if (held === undefined || !(error instanceof SetupError)) throw error;
    stage.warn(`only the name of the model is remembered: ${errorMessage(error)}`);
  }
}

/**
 * Makes sure that no other run has put in vectors of another model meanwhile.
 *
 * @throws {SetupError} if one has
 */
export function checkModelStayed({ name, model: held }: VectorIndex, own: ModelIdentity): void {
  if (held === undefined || isSameModel(own, held)) return;
  throw new SetupError(
    `Index "${name}" has vectors of two models: another run has loaded those of ` +
      `${modelText(held, own)}, and this one those of ${modelText(own, held)}; load one of them ` +
      "with --recreate-index",
  );
}
