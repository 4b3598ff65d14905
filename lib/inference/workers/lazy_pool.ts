/** A pool of workers that is started when the first picture comes: a run without any loads no model. */
import type { Embedding } from "./messages.ts";
import { capacityOf, type Embedder, type PoolOptions, WorkerPool } from "./worker_pool.ts";

/** Makes vectors of pictures, and starts what that takes once there is one. */
export class LazyPool implements Embedder, AsyncDisposable {
  readonly capacity: number;
  #pool: Promise<WorkerPool> | undefined;

  constructor(private readonly options: PoolOptions) {
    this.capacity = capacityOf(options);
  }

  /** As {@linkcode WorkerPool.embed}; the first call waits until the workers have loaded the model. */
  async embed(image: Uint8Array<ArrayBuffer>): Promise<Embedding> {
    this.#pool ??= WorkerPool.start(this.options);
    return await (await this.#pool).embed(image);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pool = await this.#pool?.catch(() => undefined); // whoever waited for it was told
    pool?.[Symbol.dispose]();
  }
}
