/** Has what is loaded found soon, though the index is not refreshed by itself while it is loaded. */
import type { VectorIndex } from "../index/types.ts";

/** Between two refreshes, in milliseconds. */
const EVERY_MS = 3000;

/** Refreshes an index that changes, at once and then every few seconds. */
export class Refresher implements AsyncDisposable {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = -Infinity;
  #refresh = Promise.resolve();

  constructor(private readonly index: VectorIndex) {}

  /** Documents have gone into the index. */
  changed(): void {
    const wait = Math.max(0, this.#last + EVERY_MS - performance.now());
    this.#timer ??= setTimeout(() => this.#begin(), wait);
  }

  #begin(): void {
    this.#timer = undefined;
    this.#last = performance.now();
    // A server that cannot is told of by the load itself.
    this.#refresh = this.#refresh.then(() => this.index.refresh()).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#refresh;
  }
}
