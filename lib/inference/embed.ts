/** Decodes, resizes and embeds a batch of image files. */
import { type Decode, MAX_PIXELS } from "../images/pixels.ts";
import { ImageError } from "../shared/errors.ts";
import type { Engine, EngineModel } from "./engine.ts";
import type { Embedding } from "./messages.ts";
import { Preprocessor } from "./preprocess.ts";

/** A model with what surrounds it, in one worker. */
export class Embedder {
  readonly #preprocessor: Preprocessor;
  /** The batch's input, used again for the next one. */
  #input = new Float32Array(0);

  constructor(
    private readonly decode: Decode,
    private readonly engine: Engine,
    private readonly model: EngineModel,
  ) {
    this.#preprocessor = new Preprocessor(model.input);
  }

  /**
   * The vector of each image, or why it has none. One image's fault leaves the others alone.
   *
   * @param images encoded files
   */
  async embed(images: readonly Uint8Array[]): Promise<Embedding[]> {
    const { length } = this.#preprocessor;
    if (this.#input.length < images.length * length) {
      this.#input = new Float32Array(images.length * length);
    }
    const results: Embedding[] = [];
    let n = 0;
    for (const image of images) {
      try {
        const picture = await this.decode(image);
        this.#checkShape(picture);
        this.#preprocessor.write(picture, this.#input, n++);
        results.push({ vector: new Float32Array(this.model.output.size) });
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        results.push({ code: error.code, message: error.message });
      }
    }
    if (n === 0) return results;
    const vectors = await this.engine.run(this.#input.subarray(0, n * length), n);
    let offset = 0;
    for (const result of results) {
      if ("vector" in result) {
        result.vector.set(vectors.subarray(offset, offset += this.model.output.size));
      }
    }
    return results;
  }

  /**
   * Makes the vector of an empty picture.
   *
   * @throws if the model does not take or give what its manifest says
   */
  async tryOut(): Promise<void> {
    await this.engine.run(new Float32Array(this.#preprocessor.length), 1);
  }

  /** A resize must not make more pixels on its way than a picture may have. */
  #checkShape({ width, height }: { width: number; height: number }): void {
    const { size, fit } = this.model.input;
    const [shorter, longer] = [Math.min(width, height), Math.max(width, height)];
    const largest = fit === "stretch" ? size * height : (size * longer / shorter) * longer;
    if (largest <= MAX_PIXELS) return;
    throw new ImageError(`${width} × ${height} pixels are too tall or wide`, "image_too_large");
  }
}
