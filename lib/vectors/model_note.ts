/** Note of the models that made the vectors of a folder: `.maken/models.json`. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { fileReason, SetupError } from "../shared/errors.ts";
import { STATE_DIR } from "../shared/files.ts";
import type { OutputFolder } from "../shared/output_folder.ts";
import { distinctModels, type ModelIdentity, modelIdentity } from "./model_identity.ts";
import { vectorFileName, type VectorNaming } from "./vector_store.ts";

const note = modelIdentity.extend({
  /** Vectors were there before, and none could be compared with the model's own. */
  unchecked: z.boolean().optional(),
  /** A model whose vectors may be there too, until a run with `--overwrite` has replaced them. */
  replacing: modelIdentity.optional(),
  /** Further ones. */
  others: z.array(modelIdentity).optional(),
  /** Vectors that were written earlier are to be replaced: in milliseconds since 1970. */
  since: z.number().optional(),
});
/** What is noted of the vectors of one name. */
export type ModelNote = z.infer<typeof note>;

/** By the names of their vectors' files, with `*` for the id. */
const notes = z.record(z.string(), note);

const NOTE_FILE = `${STATE_DIR}/models.json`;

/** The models that a note names, the last one first. */
export function modelsOf(note: ModelNote): ModelIdentity[] {
  const { name, sha256, settings, replacing, others = [] } = note;
  return distinctModels([
    { name, sha256, settings },
    ...replacing === undefined ? [] : [replacing],
    ...others,
  ]);
}

/** A note of vectors of `model`, beside which there may be some of others. */
export function noteOf(
  model: ModelIdentity,
  [replacing, ...others]: readonly ModelIdentity[],
  more: Pick<ModelNote, "unchecked" | "since"> = {},
): ModelNote {
  return {
    ...model,
    ...more,
    ...replacing === undefined ? {} : { replacing },
    ...others.length === 0 ? {} : { others },
  };
}

/**
 * Writes what is to be known of a folder's vectors; what is noted of others there stays.
 *
 * @returns when it was written, in milliseconds since 1970, by the clock of the folder's disk
 */
export function writeModelNote(
  note: ModelNote,
  naming: VectorNaming,
  output: OutputFolder,
): number {
  const all = { ...parse(output.read(NOTE_FILE) ?? ""), [keyOf(naming)]: note };
  output.write(NOTE_FILE, JSON.stringify(all, null, 2));
  return Deno.statSync(join(output.path, NOTE_FILE)).mtime?.getTime() ?? Date.now();
}

/**
 * What is noted of a folder's vectors; undefined if nothing is.
 *
 * @throws {SetupError} if the note cannot be read
 */
export async function readModelNote(
  vectorsDir: string,
  naming: VectorNaming,
): Promise<ModelNote | undefined> {
  try {
    const text = await Deno.readTextFile(join(vectorsDir, NOTE_FILE));
    return parse(text)[keyOf(naming)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new SetupError(`Cannot read "${NOTE_FILE}" in "${vectorsDir}": ${fileReason(error)}`, {
      cause: error,
    });
  }
}

/** A note in a sub-folder. */
export interface NoteBelow {
  /** Relative to the vectors' folder. */
  readonly folder: string;
  readonly note: ModelNote;
}

/**
 * What is noted in the folders of a vectors' folder: each was filled by itself, or was moved there.
 *
 * @throws {SetupError} if a note cannot be read
 */
export async function notesBelow(vectorsDir: string, naming: VectorNaming): Promise<NoteBelow[]> {
  const found: NoteBelow[] = [];
  for (const folder of foldersIn(vectorsDir)) {
    const note = await readModelNote(join(vectorsDir, folder), naming);
    if (note !== undefined) found.push({ folder, note });
  }
  return found;
}

/** Takes the notes of sub-folders out, as that of the folder stands for all of its vectors. */
export function removeNotesBelow(
  below: readonly NoteBelow[],
  naming: VectorNaming,
  output: OutputFolder,
): void {
  for (const { folder } of below) {
    const file = join(folder, NOTE_FILE);
    const { [keyOf(naming)]: _replaced, ...others } = parse(output.read(file) ?? "");
    output.write(file, JSON.stringify(others, null, 2));
  }
}

/** How the names of other vectors end that are noted in a folder, and end as these do. */
export function longerEndings(naming: VectorNaming, output: OutputFolder): string[] {
  const end = vectorFileName("", naming);
  return Object.keys(parse(output.read(NOTE_FILE) ?? "")).map((key) => key.slice(1))
    .filter((other) => other.length > end.length && other.endsWith(end));
}

function keyOf(naming: VectorNaming): string {
  return vectorFileName("*", naming);
}

function foldersIn(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== STATE_DIR)
      .map(({ name }) => name).sort();
  } catch {
    return []; // it is made later, or said to be unreadable where it is read
  }
}

function parse(text: string): Record<string, ModelNote> {
  try {
    return notes.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {}; // it is not JSON: counts as no note
  }
}
