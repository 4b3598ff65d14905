/** Note of the models that made the vectors of a folder: `.maken/models.json`. */
import { join } from "node:path";
import { z } from "zod";
import { fileReason, SetupError } from "../shared/errors.ts";
import { STATE_DIR } from "../shared/files.ts";
import type { OutputFolder } from "../shared/output_folder.ts";
import { vectorFileName, type VectorNaming } from "./vector_store.ts";

const identity = z.object({
  name: z.string(),
  /** Of the ONNX file, in hex. */
  sha256: z.string(),
});

const note = identity.extend({
  /** Vectors were there before, and none could be compared with the model's own. */
  unchecked: z.boolean().optional(),
  /** The model whose vectors a run with `--overwrite` has begun to replace, and not ended. */
  replacing: identity.optional(),
});
/** What is noted of the vectors of one name. */
export type ModelNote = z.infer<typeof note>;

/** By the names of their vectors' files, with `*` for the id. */
const notes = z.record(z.string(), note);

const NOTE_FILE = `${STATE_DIR}/models.json`;

/** Writes what is to be known of a folder's vectors; what is noted of others there stays. */
export function writeModelNote(note: ModelNote, naming: VectorNaming, output: OutputFolder): void {
  const others = parse(output.read(NOTE_FILE) ?? "");
  const all = { ...others, [vectorFileName("*", naming)]: note };
  output.write(NOTE_FILE, JSON.stringify(all, null, 2));
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
    return parse(text)[vectorFileName("*", naming)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new SetupError(`Cannot read "${NOTE_FILE}" in "${vectorsDir}": ${fileReason(error)}`, {
      cause: error,
    });
  }
}

function parse(text: string): Record<string, ModelNote> {
  try {
    return notes.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {}; // it is not JSON: counts as no note
  }
}
