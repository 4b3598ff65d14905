/** Decodes, resizes and embeds a batch of image files. */
import { decode, MAX_PIXELS } from "../images/decode.ts";
import { resizeBicubic } from "../images/resize.ts";
import { ImageError } from "../shared/errors.ts";
import type { Engine, EngineModel } from "./engine.ts";
import type { Embedding } from "./messages.ts";
import { preprocess } from "./preprocess.ts";

/**
 * The vector of each image, or why it has none. One image's fault leaves the others alone.
 *
 * @param images encoded files
 */
export async function embedImages(
  images: readonly Uint8Array[],
  engine: Engine,
  model: EngineModel,
): Promise<Embedding[]> {
  const size = model.inputSize;
  const input = new Float32Array(images.length * 3 * size * size);
  const results: Embedding[] = [];
  let n = 0;
  for (const image of images) {
    try {
      const { data, width, height, channels } = await decode(image);
      if (size * height > MAX_PIXELS) { // what the resize makes on its way
        throw new ImageError(`${width} × ${height} pixels are too tall`, "image_too_large");
      }
      preprocess(resizeBicubic(data, width, height, channels, size, size), channels, input, n);
      results.push({ vector: new Float32Array(model.outputSize) });
      n++;
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      results.push({ code: error.code, message: error.message });
    }
  }
  if (n === 0) return results;
  const vectors = await engine.run(input.subarray(0, n * 3 * size * size), n);
  let offset = 0;
  for (const result of results) {
    if ("vector" in result) {
      result.vector.set(vectors.subarray(offset, offset += model.outputSize));
    }
  }
  return results;
}
