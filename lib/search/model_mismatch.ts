/** Whether a model's vectors can be compared with those of an index. */
import type { VectorIndex } from "../index/types.ts";
import { isSameModel, type ModelIdentity, modelText } from "../vectors/model_identity.ts";

/**
 * Why an index cannot be asked with a model's vectors; undefined if it can.
 *
 * @param size of the model's vectors; any will do where it is left out
 */
export function modelMismatch(
  index: Pick<VectorIndex, "name" | "model" | "dims">,
  model: ModelIdentity,
  size?: number,
): string | undefined {
  const { name, dims, model: own } = index;
  if (own !== undefined && !isSameModel(own, model)) {
    const advice = own.name === model.name
      ? "that name stands for another model now: get the former one back, or make the vectors and " +
        "the index anew"
      : `"--model ${own.name}" takes that one`;
    return `index "${name}" holds vectors of model ${modelText(own, model)}, not of ` +
      `${modelText(model, own)}: ${advice}`;
  }
  if (dims === undefined || size === undefined || dims === size) return undefined;
  return `index "${name}" holds vectors of ${dims} numbers, and model "${model.name}" makes ${size}`;
}
