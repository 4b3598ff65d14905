/** Decodes, resizes and embeds image files. */
import { type Decode, MAX_PIXELS, type Pixels } from "../../images/pixels.ts";
import { ImageError } from "../../shared/errors.ts";
import { emptyInput, type Engine, type EngineModel, type Numbers } from "../engines/engine.ts";
import { Preprocessor } from "./preprocess.ts";
import { tryOut } from "./probe.ts";
import { resizedSize } from "./square.ts";

/** A model with what surrounds it, in one worker. */
export class Embedder {
  readonly #preprocessor: Preprocessor;
  /** One picture's input, used again for the next one. */
  readonly #input: Numbers;

  constructor(
    private readonly decode: Decode,
    private readonly engine: Engine,
    private readonly model: EngineModel,
  ) {
    this.#preprocessor = new Preprocessor(model.input);
    this.#input = emptyInput(model.input, 1);
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
   * Makes the vectors of two pictures.
   *
   * @throws if the model does not take or give what its manifest says, or gives no real vectors
   */
  async tryOut(): Promise<void> {
    await tryOut(this.engine, this.model.input);
  }

  /** A resize must not make more pixels on its way than a picture may have. */
  #checkShape(picture: Pixels): void {
    const { width, height } = picture;
    const [toWidth, toHeight] = resizedSize(picture, this.model.input);
    if (toWidth * Math.max(height, toHeight) <= MAX_PIXELS) return;
    throw new ImageError(`${width} × ${height} pixels are too tall or wide`, "image_too_large");
  }
}
