/** Decodes, resizes and embeds image files. */
import { type Decode, MAX_PIXELS, type Pixels } from "../../images/pixels.ts";
import { ImageError } from "../../shared/errors.ts";
import type { Engine, EngineModel } from "../engines/engine.ts";
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
   * Decodes an image file to a picture that {@linkcode embed} takes.
   *
   * @throws {ImageError} if it cannot be read, or is too large
   */
  async open(file: Uint8Array): Promise<Pixels> {
    const picture = await this.decode(file);
    this.#checkShape(picture);
    return picture;
  }

  /**
   * The vector of a picture.
   *
   * The network runs on one picture at a time: on a CPU, more at once are no faster, but take more
   * memory with each.
   */
  async embed(picture: Pixels): Promise<Float32Array<ArrayBuffer>> {
    this.#preprocessor.write(picture, this.#input);
    return new Float32Array(await this.engine.run(this.#input, 1));
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
  #checkShape({ width, height }: Pixels): void {
    const { size, fit } = this.model.input;
    const [shorter, longer] = [Math.min(width, height), Math.max(width, height)];
    const largest = fit === "stretch" ? size * height : (size * longer / shorter) * longer;
    if (largest <= MAX_PIXELS) return;
    throw new ImageError(`${width} × ${height} pixels are too tall or wide`, "image_too_large");
  }
}
