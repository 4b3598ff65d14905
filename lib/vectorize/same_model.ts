/** Sees to it that the vectors of a folder are of one model, and notes which. */
import { identityOf } from "../inference/models/identity.ts";
import type { Model } from "../inference/models/model.ts";
import type { Embedder } from "../inference/workers/worker_pool.ts";
import { SetupError } from "../shared/errors.ts";
import type { OutputFolder } from "../shared/output_folder.ts";
import { count } from "../shared/progress.ts";
import type { Stage } from "../shared/run.ts";
import {
  distinctModels,
  isSameModel,
  type ModelIdentity,
  modelText,
} from "../vectors/model_identity.ts";
import {
  longerEndings,
  type ModelNote,
  modelsOf,
  noteOf,
  notesBelow,
  readModelNote,
  removeNotesBelow,
  writeModelNote,
} from "../vectors/model_note.ts";
import { compareExisting } from "./compare.ts";
import type { VectorizeOptions } from "./options.ts";
import type { Existing } from "./plan.ts";

/** What keeps a run's vectors to one model. */
export interface ModelGuard {
  /** Notes the model, before the run stores its first vector. */
  readonly begin: () => Promise<void>;
  /** The run has made all that it was to make. */
  readonly end: () => Promise<void>;
}

/** What the guard works with. */
export interface GuardParts {
  readonly pool: Embedder;
  readonly existing: Existing;
  /** Holds the vectors and their note. */
  readonly output: OutputFolder;
}

/**
 * Makes sure that what is noted of the vectors that are there lets the model add others.
 *
 * @throws {SetupError} if another model made them, and they are not all to be made again
 */
export async function checkNotes(model: Model, options: VectorizeOptions): Promise<void> {
  if (options.overwrite) return;
  const { vectorsDir } = options;
  const own = identityOf(model);
  const noted = await readModelNote(vectorsDir, options);
  if (noted !== undefined) requireOwn(own, noted, options);
  for (const { folder, note } of await notesBelow(vectorsDir, options)) {
    const other = modelsOf(note).find((model) => !isSameModel(model, own));
    if (other !== undefined) throw otherModel(own, options, other, `those in "${folder}"`);
  }
}

/**
 * Sees to it that the vectors which a run makes, and those that are there, are of one model. Where
 * nothing is noted, up to three of those that are there are made again and compared.
 *
 * @throws {SetupError} if another model made them, and they are not all to be made again
 */
export async function guardModel(
  model: Model,
  parts: GuardParts,
  options: VectorizeOptions,
  stage: Stage,
): Promise<ModelGuard> {
  const own = identityOf(model);
  if (options.overwrite) return new Replacing(own, parts, options, stage);
  const noted = await readModelNote(options.vectorsDir, options);
  if (noted !== undefined) return new Adding(own, noted.unchecked, parts, options);
  const { pool, existing } = parts;
  const compared = await compareExisting(model.output.size, pool, existing, options, stage);
  if (compared.kind === "other") {
    const { path, reason } = compared;
    throw otherModel(own, options, reason, `"${path}"`);
  }
  const unchecked = compared.kind === "no pictures" || undefined;
  if (unchecked) {
    stage.warn(
      `there are vectors of which nothing says that model "${own.name}" made them, and none has a ` +
        "picture to compare it by: they are taken for its own",
    );
  }
  return new Adding(own, unchecked, parts, options);
}

/** A run that adds to what is there. */
class Adding implements ModelGuard {
  #hasBegun = false;

  constructor(
    private readonly own: ModelIdentity,
    private readonly unchecked: boolean | undefined,
    private readonly parts: GuardParts,
    private readonly options: VectorizeOptions,
  ) {}

  async begin(): Promise<void> {
    const { own, options, unchecked } = this;
    const noted = await readModelNote(options.vectorsDir, options);
    // A run that began at the same time may have been first.
    if (noted !== undefined) requireOwn(own, noted, options);
    const more = { unchecked: unchecked ?? noted?.unchecked };
    writeModelNote(noteOf(own, [], more), options, this.parts.output);
    this.#hasBegun = true;
  }

  async end(): Promise<void> {
    const { own, options } = this;
    const noted = this.#hasBegun ? await readModelNote(options.vectorsDir, options) : undefined;
    const others = noted === undefined ? [] : modelsOf(noted);
    const other = others.find((model) => !isSameModel(model, own));
    if (other === undefined) return;
    writeModelNote(noteOf(own, others), options, this.parts.output);
    throw new SetupError(
      `Two runs have made vectors in "${options.vectorsDir}" at the same time, one of model ` +
        `${modelText(own, other)}, one of ${modelText(other, own)}: run one with --overwrite`,
    );
  }
}

/** A run that makes vectors again: those of other models are known until none is left. */
class Replacing implements ModelGuard {
  readonly #hadVectors: boolean;

  constructor(
    private readonly own: ModelIdentity,
    private readonly parts: GuardParts,
    private readonly options: VectorizeOptions,
    private readonly stage: Stage,
  ) {
    this.#hadVectors = !parts.existing.vectors.isEmpty();
  }

  async begin(): Promise<void> {
    const { own, options, parts: { output } } = this;
    const noted = await readModelNote(options.vectorsDir, options);
    // Another part, or an earlier run, has begun to replace them.
    if (noted?.since !== undefined && isSameModel(noted, own)) return;
    const below = await notesBelow(options.vectorsDir, options);
    const notes = [...noted === undefined ? [] : [noted], ...below.map(({ note }) => note)];
    const others = distinctModels(notes.flatMap(modelsOf));
    const left = others.filter((model) => !isSameModel(model, own));
    const isUnknown = this.#hadVectors && (noted === undefined || noted.unchecked === true);
    const unchecked = isUnknown || undefined;
    const since = writeModelNote(noteOf(own, left, { unchecked }), options, output);
    if (left.length === 0 && !isUnknown) return;
    writeModelNote(noteOf(own, left, { unchecked, since }), options, output);
  }

  async end(): Promise<void> {
    const { own, options, parts: { output }, stage } = this;
    const noted = await readModelNote(options.vectorsDir, options);
    if (noted === undefined || !isSameModel(noted, own)) return;
    const { since } = noted;
    if (since === undefined) return; // there were none of another model
    const otherEnds = longerEndings(options, output);
    const { first, number } = await this.parts.existing.vectors.olderThan(since, otherEnds);
    if (number === 0) {
      writeModelNote(noteOf(own, []), options, output);
      removeNotesBelow(await notesBelow(options.vectorsDir, options), options, output);
      return;
    }
    const others = modelsOf(noted).slice(1).map((model) => modelText(model, own));
    if (others.length === 0) return;
    const vectors = number === 1 ? "1 vector has" : `${count(number)} vectors have`;
    stage.warn(
      `${vectors} not been made again yet, and may be of model ${others.join(" or ")}: ` +
        `"${first}" is the first`,
    );
  }
}

/** @throws {SetupError} if a note names another model than the run's */
function requireOwn(own: ModelIdentity, noted: ModelNote, options: VectorizeOptions): void {
  if (!isSameModel(noted, own)) throw otherModel(own, options, noted);
  const [, other] = modelsOf(noted);
  if (other === undefined) return;
  throw new SetupError(
    `Cannot go on in "${options.vectorsDir}": a run with --overwrite has not replaced all vectors ` +
      `of model ${modelText(other, own)}; run it with --overwrite once more`,
  );
}

/** @param other a model, or what is known of it */
function otherModel(
  own: ModelIdentity,
  { vectorsDir }: VectorizeOptions,
  other: ModelIdentity | string,
  which = "those that are there",
): SetupError {
  const isKnown = typeof other !== "string";
  const advice = isKnown && other.name === own.name
    ? "that name stands for another model now: get the former one back"
    : "--model names it";
  return new SetupError(
    `Cannot add vectors of model ${isKnown ? modelText(own, other) : `"${own.name}"`} to ` +
      `"${vectorsDir}": ${which} were made by another model, ` +
      `${isKnown ? modelText(other, own) : other}; ${advice}, --suffix keeps both apart, ` +
      "--overwrite makes all of them again",
  );
}
