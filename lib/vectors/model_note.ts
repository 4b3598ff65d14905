/** Note of the models that made the vectors of a folder: `.maken/models.json`. */
import { join } from "node:path";
import { z } from "zod";
import { fileReason, SetupError } from "../shared/errors.ts";
import { STATE_DIR } from "../shared/files.ts";
import type { OutputFolder } from "../shared/output_folder.ts";
import type { Stage } from "../shared/run.ts";
import { vectorFileName, type VectorNaming } from "./vector_store.ts";

const identity = z.object({
  name: z.string(),
  /** Of the ONNX file, in hex. */
  sha256: z.string(),
  /** Vectors were there before, and none could be compared with the model's own. */
  unchecked: z.boolean().optional(),
});
/** What tells one model from another. */
export type ModelIdentity = z.infer<typeof identity>;

/** By the names of their vectors' files, with `*` for the id. */
const notedModels = z.record(z.string(), identity);

const MODELS_FILE = `${STATE_DIR}/models.json`;

/**
 * Remembers which model made the vectors of a folder, and warns if another one made those that are
 * there.
 */
export function noteModel(
  { name, sha256, unchecked }: ModelIdentity,
  naming: VectorNaming,
  output: OutputFolder,
  run: Stage,
): void {
  const noted = notedModels.safeParse(parseJson(output.read(MODELS_FILE) ?? "{}")).data ?? {};
  const files = vectorFileName("*", naming);
  const earlier = noted[files];
  if (earlier?.sha256 === sha256) return;
  if (earlier !== undefined) {
    run.warn(
      `model "${earlier.name}" made vectors that are there, "${name}" makes the others; ` +
        "--suffix keeps them apart, --overwrite makes all of them again",
    );
  }
  output.write(
    MODELS_FILE,
    JSON.stringify({ ...noted, [files]: { name, sha256, unchecked } }, null, 2),
  );
}

/** Name of the model that made the vectors of a folder, if that was noted. */
export async function notedModel(
  vectorsDir: string,
  naming: VectorNaming,
): Promise<string | undefined> {
  try {
    const text = await Deno.readTextFile(join(vectorsDir, MODELS_FILE));
    return notedModels.safeParse(parseJson(text)).data?.[vectorFileName("*", naming)]?.name;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new SetupError(`Cannot read "${MODELS_FILE}" in "${vectorsDir}": ${fileReason(error)}`, {
      cause: error,
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // counts as no note
  }
}
