/** One worker of a pool, as the main thread sees it. */
import { WorkerError } from "../../shared/errors.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** Images that a worker has at a time: one it works on, one it decodes, and the next. */
export const MAX_ASKED = 3;

/** A message that was not answered yet. */
interface Pending extends PromiseWithResolvers<FromWorker | undefined> {
  readonly isSuspect: boolean;
}

/** One worker, which answers what it is asked in order. */
export class PoolWorker implements Disposable {
  /** Whether it has its model, and lives. */
  isLoaded = false;
  /** The first is for what it works on; it may be decoding the second. */
  readonly #pending: Pending[] = [];

  constructor(
    readonly id: number,
    private readonly port: MessagePort,
    private readonly terminate: () => void,
    private readonly onDeath: (worker: PoolWorker) => void,
  ) {
    port.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "ready") this.isLoaded = true;
      if (data.kind === "died") this.die(data.reason);
      else if (data.kind === "failed") this.#pending.shift()?.reject(new WorkerError(data.message));
      else this.#pending.shift()?.resolve(data);
    };
  }

  /** Messages that it has not answered yet. */
  get asked(): number {
    return this.#pending.length;
  }

  /** What a worker failed at gets a worker of its own. */
  hasRoomFor({ isSuspect }: { readonly isSuspect: boolean }): boolean {
    const hasSuspect = this.#pending.some((pending) => pending.isSuspect);
    return this.isLoaded && !hasSuspect && this.asked < (isSuspect ? 1 : MAX_ASKED);
  }

  /**
   * What it answers; undefined if it will not come to it.
   *
   * @throws {WorkerError} if the worker fails or dies at it
   */
  ask(message: ToWorker, isSuspect = false): Promise<FromWorker | undefined> {
    const pending = Promise.withResolvers<FromWorker | undefined>();
    this.#pending.push({ ...pending, isSuspect });
    const transfer = message.kind === "embed" ? [message.image.buffer] : [];
    this.port.postMessage(message, transfer);
    return pending.promise;
  }

  /** Leaves it only what it works on. */
  takeBack(): void {
    // The last first, as each goes in front of those that wait.
    for (const pending of this.#pending.splice(1).reverse()) pending.resolve(undefined);
  }

  die(reason: string): void {
    const wasLoaded = this.isLoaded;
    this.isLoaded = false;
    this.takeBack();
    this.#pending.shift()?.reject(new WorkerError(`a worker died: ${reason}`));
    if (wasLoaded) this.onDeath(this);
  }

  [Symbol.dispose](): void {
    this.isLoaded = false;
    this.port.close();
    this.terminate();
  }
}
