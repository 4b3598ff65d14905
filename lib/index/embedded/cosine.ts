/** Exact comparison of one vector with others. */
import { aligned, type Kernel, startKernel } from "./codes/kernel/instance.ts";

/** Cosines of the angles to one vector, worked out in double precision. */
export class Cosine {
  readonly #kernel: Kernel;
  /** Bytes of a vector, filled up with zeros to whole 128-bit parts. */
  readonly #bytes: number;
  readonly #query: number;
  readonly #other: number;
  #length = 0;

  /** @param dims length of the vectors */
  constructor(dims: number) {
    this.#bytes = aligned(4 * dims);
    this.#kernel = startKernel(16 + 2 * this.#bytes);
    this.#query = aligned(this.#kernel.freeMemory.value);
    this.#other = this.#query + this.#bytes;
  }

  /** @param vector float32[dims] that the others are compared with */
  setQuery(vector: Float32Array): void {
    new Float32Array(this.#kernel.memory.buffer, this.#query).set(vector);
    this.#length = Math.sqrt(this.#kernel.dot(this.#query, this.#query, this.#bytes));
  }

  /** The cosine of the angle between the query and a vector, -1 to 1. */
  to(vector: Float32Array): number {
    const { memory, dot } = this.#kernel;
    new Float32Array(memory.buffer, this.#other).set(vector);
    const length = Math.sqrt(dot(this.#other, this.#other, this.#bytes));
    const cosine = dot(this.#query, this.#other, this.#bytes) / (this.#length * length);
    return Math.max(-1, Math.min(1, cosine));
  }
}
