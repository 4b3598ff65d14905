/** Whether a model's vectors can be compared with those of an index. */
import type { VectorIndex } from "../index/types.ts";

/** Why an index cannot be asked with a model's vectors; undefined if it can. */
export function modelMismatch(
  index: Pick<VectorIndex, "name" | "model" | "dims">,
  model: { readonly name: string; readonly output?: { readonly size: number } },
): string | undefined {
  const { name, dims } = index;
  if (index.model !== undefined && index.model !== model.name) {
    return `index "${name}" holds vectors of model "${index.model}", not of "${model.name}": ` +
      `"--model ${index.model}" takes that one`;
  }
  const size = model.output?.size ?? dims;
  if (dims === undefined || dims === size) return undefined;
  return `index "${name}" holds vectors of ${dims} numbers, and model "${model.name}" makes ${size}`;
}
