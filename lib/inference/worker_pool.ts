/** Workers with one model each; the main thread gives up native code once they run. */
import { SetupError, WorkerError } from "../shared/errors.ts";
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
  readonly #idle: Worker[] = [];
  readonly #waiting: Task[] = [];

  private constructor(private readonly workers: readonly Worker[]) {}

  /**
   * Starts the workers, loads the model into each, then drops the main thread's ffi permission.
   *
   * @throws {SetupError} if the model cannot be loaded
   */
  static async start(model: EngineModel, size: number): Promise<WorkerPool> {
    const workers = await Promise.all(Array.from({ length: size }, () => startWorker(model)));
    await Deno.permissions.revoke({ name: "ffi", path: PACKAGES_DIR });
    await Deno.permissions.revoke({ name: "ffi" });
    const pool = new WorkerPool(workers);
    pool.#idle.push(...workers);
    return pool;
  }

  /** Number of workers. */
  get size(): number {
    return this.workers.length;
  }

  /**
   * Embeds a batch of image files; their buffers are transferred and cannot be used afterwards.
   *
   * @throws {WorkerError} if the worker failed on the batch as a whole
   */
  embed(images: Uint8Array<ArrayBuffer>[]): Promise<Embedding[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ images, resolve, reject });
      this.#next();
    });
  }

  [Symbol.dispose](): void {
    for (const worker of this.workers) worker.terminate();
  }

  #next(): void {
    const worker = this.#idle.shift();
    if (worker === undefined) return;
    const task = this.#waiting.shift();
    if (task === undefined) {
      this.#idle.unshift(worker);
      return;
    }
    const done = () => {
      this.#idle.push(worker);
      this.#next();
    };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "embedded") task.resolve(data.results);
      else task.reject(new WorkerError(data.kind === "failed" ? data.message : "out of turn"));
      done();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      task.reject(new WorkerError(`A worker died: ${event.message}`));
    };
    const message: ToWorker = { kind: "embed", task: 0, images: task.images };
    worker.postMessage(message, task.images.map((image) => image.buffer));
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

async function startWorker(model: EngineModel): Promise<Worker> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: workerPermissions(model.path) },
  });
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) =>
      data.kind === "ready" ? resolve() : reject(
        new Error(
          data.kind === "failed" ? data.message : "unexpected message",
        ),
      );
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  });
  const message: ToWorker = { kind: "load", model };
  worker.postMessage(message);
  try {
    await ready;
  } catch (error) {
    worker.terminate();
    const reason = (error as Error).message;
    throw new SetupError(`Cannot load model "${model.path}": ${reason}`, { cause: error });
  }
  return worker;
}
