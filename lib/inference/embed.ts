/** Decodes, resizes and embeds a batch of image files. */
import { type Decode, MAX_PIXELS } from "../images/pixels.ts";
import { ImageError } from "../shared/errors.ts";
import type { Engine, EngineModel } from "./engine.ts";
import type { Embedding } from "./messages.ts";
import { Preprocessor } from "./preprocess.ts";

/** A model with what surrounds it, in one worker. */
export class Embedder {
  readonly #preprocessor: Preprocessor;
  /** One picture's input, used again for the next one. */
  readonly #input: Float32Array;

  constructor(
    private readonly decode: Decode,
    private readonly engine: Engine,
    private readonly model: EngineModel,
  ) {
    this.#preprocessor = new Preprocessor(model.input);
    this.#input = new Float32Array(this.#preprocessor.length);
  }

  /**
   * The vector of each image, or why it has none. One image's fault leaves the others alone.
   *
   * The network runs on one picture at a time: on a CPU, more at once are no faster, but take more
   * memory with each.
   *
   * @param images encoded files
   */
  async embed(images: readonly Uint8Array[]): Promise<Embedding[]> {
    const results: Embedding[] = [];
    for (const image of images) {
      try {
        const picture = await this.decode(image);
        this.#checkShape(picture);
        this.#preprocessor.write(picture, this.#input);
        results.push({ vector: new Float32Array(await this.engine.run(this.#input, 1)) });
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        results.push({ code: error.code, message: error.message });
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
    await this.engine.run(this.#input.fill(0), 1);
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
