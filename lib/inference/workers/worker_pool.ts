/** Workers with one model each; the main thread gives up native code once they run. */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { errorMessage, SetupError, WorkerError } from "../../shared/errors.ts";
import type { EngineModel, EngineName } from "../engines/engine.ts";
import type { FileOfModel } from "../models/model_file.ts";
import type { Embedding, FromNursery, ToNursery } from "./messages.ts";
import { CODE_READ, enginePermissions } from "../native.ts";
import { MAX_ASKED, PoolWorker } from "./pool_worker.ts";
import { startWorker } from "./start_worker.ts";

const WORKER = new URL("./worker.ts", import.meta.url).href;
const NURSERY = new URL("./nursery.ts", import.meta.url).href;

/** Workers that die while they load, one after the other, before the pool gives up. */
const MAX_FRUITLESS_STARTS = 3;

/** How a pool is made. */
export interface PoolOptions {
  readonly engine: EngineName;
  readonly model: Omit<EngineModel, "threads"> & FileOfModel;
  /** Number of workers; each has its share of the cores. */
  readonly size: number;
  /** Ends the work: images that wait for a worker are given up. */
  readonly signal?: AbortSignal;
  /** URL of the workers' module, for tests. */
  readonly module?: string;
}

/** Images that keep every worker of a pool busy. */
export function capacityOf({ size }: PoolOptions): number {
  return size * MAX_ASKED + 1;
}

interface Task {
  readonly image: Uint8Array<ArrayBuffer>;
  /** Whether a worker has failed at it before. */
  readonly isSuspect: boolean;
  readonly resolve: (result: Embedding) => void;
  readonly reject: (error: Error) => void;
}

/** What makes vectors of pictures. */
export type Embedder = Pick<WorkerPool, "capacity" | "embed">;

/** A fixed number of workers, each embedding one image at a time; one that dies is replaced. */
export class WorkerPool implements Disposable {
  /** Images that keep every worker busy. */
  readonly capacity: number;
  readonly #options: PoolOptions;
  readonly #workers = new Map<number, PoolWorker>();
  readonly #waiting: Task[] = [];
  readonly #nursery: Worker;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  #started = 0;
  #fruitlessStarts = 0;
  /** Why no worker can be started any more. */
  #nurseryFault: string | undefined;

  private constructor(options: PoolOptions) {
    this.#options = options;
    this.capacity = capacityOf(options);
    this.#nursery = new Worker(NURSERY, {
      type: "module",
      deno: { permissions: workerPermissions(options) },
    });
    this.#nursery.onmessage = ({ data: { id, reason } }: MessageEvent<FromNursery>) =>
      this.#workers.get(id)?.die(reason);
    this.#nursery.onerror = (event) => {
      event.preventDefault();
      this.#nurseryFault = event.message;
      for (const worker of this.#workers.values()) if (!worker.isLoaded) worker.die(event.message);
    };
    options.signal?.addEventListener("abort", () => {
      Atomics.store(this.#stop, 0, 1);
      for (const worker of this.#workers.values()) worker.takeBack();
      this.#giveUp(options.signal!.reason);
    });
  }

  /**
   * Starts the workers, loads the model into each, then drops the main thread's ffi permission.
   *
   * @throws {SetupError} if the model cannot be loaded
   */
  static async start(options: PoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    const { engine, model, size } = options;
    try {
      const workers = Array.from({ length: size }, () => pool.#startDirectly());
      await Promise.all(workers.map((worker, i) => pool.#load(worker, i === 0)));
    } catch (error) {
      pool[Symbol.dispose]();
      const reason = errorMessage(error);
      throw new SetupError(`Cannot load model "${model.path}": ${reason}`, { cause: error });
    }
    for (const path of enginePermissions(engine).ffi) {
      await Deno.permissions.revoke({ name: "ffi", path });
    }
    await Deno.permissions.revoke({ name: "ffi" });
    return pool;
  }

  /**
   * Embeds an image file, of which the worker gets a copy. If it fails or dies at it, it is tried
   * once more, when a worker has nothing else to do.
   *
   * @throws {WorkerError} if that fails too
   * @throws {SetupError} if no worker can be had any more
   */
  embed(image: Uint8Array<ArrayBuffer>): Promise<Embedding> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ image, isSuspect: false, resolve, reject });
      this.#next();
    });
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers.values()) worker[Symbol.dispose]();
    this.#nursery.terminate();
  }

  /** Hands the images that wait to workers. */
  #next(): void {
    const { signal } = this.#options;
    if (signal?.aborted) this.#giveUp(signal.reason);
    if (this.#workers.size === 0) this.#giveUp(new SetupError("Cannot go on: all workers died"));
    while (this.#waiting.length > 0) {
      const worker = this.#leastBusy(this.#waiting[0]!);
      if (worker === undefined) return;
      this.#run(this.#waiting.shift()!, worker);
    }
  }

  #leastBusy(task: Task): PoolWorker | undefined {
    const free = [...this.#workers.values()].filter((worker) => worker.hasRoomFor(task));
    return free.toSorted((a, b) => a.asked - b.asked)[0];
  }

  async #run(task: Task, worker: PoolWorker): Promise<void> {
    try {
      const image = task.image.slice();
      const answer = await worker.ask({ kind: "embed", image }, task.isSuspect);
      if (answer === undefined) this.#waiting.unshift(task);
      else if (answer.kind === "embedded") task.resolve(answer.result);
      else throw new WorkerError(`unexpected answer "${answer.kind}"`);
    } catch (error) {
      const isOver = task.isSuspect && !this.#options.signal?.aborted;
      if (isOver) task.reject(error as Error);
      else this.#waiting.push({ ...task, isSuspect: true });
    }
    this.#next();
  }

  #giveUp(reason: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  async #replace(dead: PoolWorker): Promise<void> {
    this.#forget(dead);
    while (this.#mayStart()) {
      const worker = this.#startThroughNursery();
      try {
        await this.#load(worker, false);
        this.#fruitlessStarts = 0;
        break;
      } catch {
        this.#fruitlessStarts++; // the images that wait are told, once none is left
        this.#forget(worker);
      }
    }
    this.#next();
  }

  #mayStart(): boolean {
    return !this.#options.signal?.aborted && this.#nurseryFault === undefined &&
      this.#fruitlessStarts < MAX_FRUITLESS_STARTS;
  }

  #load(worker: PoolWorker, isTriedOut: boolean): Promise<unknown> {
    const { engine, model, size } = this.#options;
    const threads = Math.max(1, Math.floor(availableParallelism() / size));
    const load = { engine, model: { ...model, threads }, isTriedOut, stop: this.#stop };
    return worker.ask({ kind: "load", ...load });
  }

  #startDirectly(): PoolWorker {
    return this.#add((module, permissions, port, id) => {
      const worker = startWorker(module, permissions, port, (reason) => {
        this.#workers.get(id)?.die(reason);
      });
      return () => worker.terminate();
    });
  }

  #startThroughNursery(): PoolWorker {
    return this.#add((module, permissions, port, id) => {
      const message: ToNursery = { module, permissions, id };
      this.#nursery.postMessage(message, [port]);
      return () => {}; // it ends with the nursery
    });
  }

  #add(
    start: (
      module: string,
      permissions: Deno.PermissionOptionsObject,
      port: MessagePort,
      id: number,
    ) => () => void,
  ): PoolWorker {
    const { port1, port2 } = new MessageChannel();
    const id = this.#started++;
    const { module = WORKER } = this.#options;
    const terminate = start(module, workerPermissions(this.#options), port2, id);
    const worker = new PoolWorker(id, port1, terminate, (dead) => this.#replace(dead));
    this.#workers.set(id, worker);
    return worker;
  }

  #forget(worker: PoolWorker): void {
    worker[Symbol.dispose]();
    this.#workers.delete(worker.id);
  }
}

/** What a worker may do: load the engine and read the model, nothing else. */
export function workerPermissions(
  { engine, model, module = WORKER }: Omit<PoolOptions, "size">,
): Deno.PermissionOptionsObject {
  const { read, ffi, env } = enginePermissions(engine);
  return {
    read: [model.path, fileURLToPath(module), ...CODE_READ, ...read],
    ffi: ffi.length > 0 ? [...ffi] : false,
    env: env.length > 0 ? [...env] : false,
    net: false,
    write: false,
    run: false,
    sys: false,
    import: false,
  };
}
