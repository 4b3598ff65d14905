/** Makes vectors of uploaded pictures, one after the other, by a worker. */
import type { VectorIndex } from "../index/types.ts";
import { unreadable as whyUnreadable } from "../images/file_kind.ts";
import { isImage } from "../images/image_type.ts";
import type { EngineName } from "../inference/engines/engine.ts";
import { identityOf } from "../inference/models/identity.ts";
import { type Model, openModel } from "../inference/models/model.ts";
import { modelFolders } from "../inference/native.ts";
import { WorkerPool } from "../inference/workers/worker_pool.ts";
import { errorMessage, RequestError, WorkerError } from "../shared/errors.ts";
import type { Metrics } from "./metrics.ts";
import { modelMismatch } from "../search/model_mismatch.ts";

/** Uploads that are read, wait or are worked on at a time: each holds up to 20 MB. */
const MAX_UPLOADS = 16;

/** Seconds after which a client may try again. */
const RETRY_AFTER = { "retry-after": "5" };

/** What makes the vectors of uploads. */
export interface UploadOptions {
  readonly model: string;
  readonly modelsDir: string | undefined;
  readonly engine: EngineName;
}

/** What makes the vectors, where there is a model; else why there is none. */
export class Uploads implements Disposable {
  readonly #pool: WorkerPool | undefined;
  readonly #model: Model | undefined;
  #running = 0;
  /** Ends when the one who came last is done. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly metrics: Metrics,
    private readonly off: string,
    worker?: { readonly pool: WorkerPool; readonly model: Model },
  ) {
    this.#pool = worker?.pool;
    this.#model = worker?.model;
  }

  /** Without a model; `reason` says why and what to do. */
  static off(reason: string, metrics: Metrics): Uploads {
    return new Uploads(metrics, reason);
  }

  /**
   * Loads the model; the main thread gives up native code then.
   *
   * @throws {SetupError} if that cannot be done
   */
  static async start(
    { model: name, modelsDir, engine }: UploadOptions,
    metrics: Metrics,
  ): Promise<Uploads> {
    const model = await openModel(name, modelFolders(modelsDir));
    const pool = await WorkerPool.start({ engine, model, size: 1 });
    return new Uploads(metrics, "", { pool, model });
  }

  /** Why an index cannot be searched by an upload; undefined if it can. */
  refusal({ name, model, dims }: VectorIndex): RequestError | undefined {
    if (this.#model === undefined) {
      return new RequestError(503, `Cannot search by a picture: ${this.off}`);
    }
    const { output } = this.#model;
    const reason = modelMismatch({ name, model, dims }, identityOf(this.#model), output.size);
    if (reason === undefined) return undefined;
    return new RequestError(422, `Cannot search by a picture: ${reason}`);
  }

  /**
   * The vector of a picture, after those that came earlier.
   *
   * @param read gives the file; called when there is room for it
   * @param signal aborted when nobody waits for the answer any more
   * @throws {RequestError} 422 for a picture that cannot be read, 503 if too many are waiting
   * @throws {WorkerError} if the worker died of it
   */
  async embed(
    read: () => Promise<Uint8Array<ArrayBuffer>>,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    if (this.#running >= MAX_UPLOADS) {
      this.metrics.upload("refused");
      throw new RequestError(503, "Too many pictures are waiting: try again later", RETRY_AFTER);
    }
    this.#running++;
    try {
      const file = await read();
      if (!isImage(file)) throw unreadable(whyUnreadable(file).message);
      const work = this.#last.then(() => this.#embed(file, signal));
      this.#last = work.catch(() => {}); // told to the one who asked
      const vector = await work;
      this.metrics.upload("embedded");
      return vector;
    } catch (error) {
      const isTheirs = error instanceof RequestError && [413, 422].includes(error.status);
      this.metrics.upload(isTheirs ? "unreadable" : "failed");
      throw error;
    } finally {
      this.#running--;
    }
  }

  [Symbol.dispose](): void {
    this.#pool?.[Symbol.dispose]();
  }

  async #embed(file: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Float32Array> {
    signal.throwIfAborted();
    const result = await this.#pool!.embed(file).catch((error) => {
      throw new WorkerError(`Cannot embed an uploaded picture: ${errorMessage(error)}`);
    });
    if ("vector" in result) return result.vector;
    throw unreadable(result.message);
  }
}

function unreadable(reason: string): RequestError {
  return new RequestError(422, `Cannot read the picture: ${reason}`);
}
