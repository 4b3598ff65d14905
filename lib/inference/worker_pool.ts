/** Workers with one model each; the main thread gives up native code once they run. */
import { errorMessage, SetupError, WorkerError } from "../shared/errors.ts";
import type { EngineModel } from "./engine.ts";
import type { Embedding, FromWorker, ToWorker } from "./messages.ts";
import { NATIVE_ENV, NATIVE_READ, PACKAGES_DIR } from "./native.ts";

interface Task {
  readonly images: Uint8Array<ArrayBuffer>[];
  readonly resolve: (results: Embedding[]) => void;
  readonly reject: (error: Error) => void;
}

/** A fixed number of workers, each embedding one batch at a time. */
export class WorkerPool implements Disposable {
  readonly #workers = new Set<PoolWorker>();
  readonly #idle: PoolWorker[] = [];
  readonly #waiting: Task[] = [];

  /**
   * Starts the workers, loads the model into each, then drops the main thread's ffi permission.
   *
   * @throws {SetupError} if the model cannot be loaded
   */
  static async start(model: EngineModel, size: number): Promise<WorkerPool> {
    const pool = new WorkerPool();
    try {
      const workers = Array.from({ length: size }, () => new PoolWorker(model.path));
      for (const worker of workers) pool.#workers.add(worker);
      await Promise.all(workers.map((worker) => worker.ask({ kind: "load", model })));
      pool.#idle.push(...workers);
    } catch (error) {
      pool[Symbol.dispose]();
      const reason = errorMessage(error);
      throw new SetupError(`Cannot load model "${model.path}": ${reason}`, { cause: error });
    }
    await Deno.permissions.revoke({ name: "ffi", path: PACKAGES_DIR });
    await Deno.permissions.revoke({ name: "ffi" });
    return pool;
  }

  /** Number of workers. */
  get size(): number {
    return this.#workers.size;
  }

  /**
   * Embeds a batch of image files; their buffers are transferred and cannot be used afterwards.
   *
   * @throws {WorkerError} if the worker failed on the batch as a whole, or none is left
   */
  embed(images: Uint8Array<ArrayBuffer>[]): Promise<Embedding[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ images, resolve, reject });
      this.#next();
    });
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.terminate();
  }

  async #next(): Promise<void> {
    if (this.#workers.size === 0) {
      for (const { reject } of this.#waiting.splice(0)) reject(new WorkerError("all workers died"));
    }
    if (this.#idle.length === 0 || this.#waiting.length === 0) return;
    const worker = this.#idle.shift()!;
    const { images, resolve, reject } = this.#waiting.shift()!;
    try {
      const answer = await worker.ask({ kind: "embed", images });
      if (answer.kind !== "embedded") throw new WorkerError(`unexpected answer "${answer.kind}"`);
      resolve(answer.results);
    } catch (error) {
      reject(error as Error);
    }
    if (worker.alive) this.#idle.push(worker);
    else this.#workers.delete(worker);
    this.#next();
  }
}

/** One worker, which is asked one thing at a time. */
class PoolWorker {
  alive = true;
  readonly #worker: Worker;
  #pending: PromiseWithResolvers<FromWorker> | undefined;

  constructor(modelPath: string) {
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
      deno: { permissions: workerPermissions(modelPath) },
    });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "failed") this.#pending?.reject(new WorkerError(data.message));
      else this.#pending?.resolve(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.terminate();
      this.#pending?.reject(new WorkerError(`a worker died: ${event.message}`));
    };
  }

  /** @throws {WorkerError} if the worker fails at it, or is dead */
  ask(message: ToWorker): Promise<FromWorker> {
    if (!this.alive) return Promise.reject(new WorkerError("the worker has died"));
    this.#pending = Promise.withResolvers();
    const transfer = message.kind === "embed" ? message.images.map(({ buffer }) => buffer) : [];
    this.#worker.postMessage(message, transfer);
    return this.#pending.promise;
  }

  terminate(): void {
    this.alive = false;
    this.#worker.terminate();
  }
}

/** What a worker may do: load native code and read the model, nothing else. */
export function workerPermissions(modelPath: string): Deno.PermissionOptionsObject {
  return {
    read: [modelPath, ...NATIVE_READ],
    ffi: [PACKAGES_DIR],
    env: [...NATIVE_ENV],
    net: false,
    write: false,
    run: false,
    sys: false,
    import: false,
  };
}
