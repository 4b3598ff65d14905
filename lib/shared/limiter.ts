/** How much is sent at a time, as the other side can take it. */

/** Shortest time between two steps down: answers of one moment tell of one overload. */
const STEP_MS = 500;

/**
 * Lets so many calls run at a time: half as many after each overload, slowly more after successes.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const limiter = new Limiter(8);
 * limiter.slower();
 * assert.equal(limiter.limit, 4);
 * assert.equal(await limiter.run(() => Promise.resolve("done")), "done");
 * assert.ok(limiter.limit > 4);
 * ```
 */
export class Limiter {
  readonly #max: number;
  #limit: number;
  #running = 0;
  #lastStep = -Infinity;
  readonly #waiting: (() => void)[] = [];

  /** @param max calls at a time, to begin with */
  constructor(max: number) {
    this.#max = max;
    this.#limit = max;
  }

  /** Calls that may run now; a fraction is on its way to the next one. */
  get limit(): number {
    return this.#limit;
  }

  /** Runs the work when its turn has come. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= Math.floor(this.#limit)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      const result = await work();
      this.#limit = Math.min(this.#max, this.#limit + 1 / (4 * this.#limit));
      return result;
    } finally {
      this.#running--;
      this.#startWaiting();
    }
  }

  /** Halves the limit: the other side had too much to do. */
  slower(): void {
    const now = performance.now();
    if (now - this.#lastStep < STEP_MS) return;
    this.#lastStep = now;
    this.#limit = Math.max(1, this.#limit / 2);
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0 && this.#running < Math.floor(this.#limit)) {
      this.#running++;
      this.#waiting.shift()!();
    }
  }
}
