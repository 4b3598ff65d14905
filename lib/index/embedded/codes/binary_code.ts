/**
 * Codes of one bit a dimension whose Hamming distance stands in for the angle between vectors: the
 * signs after a randomised Hadamard transform. The idea is RaBitQ's (Gao and Long, SIGMOD 2024).
 */
import { aligned, type Kernel, startKernel } from "./kernel/instance.ts";

/** Rounds of random signs and transform; two spread any vector's weight over all dimensions. */
const ROUNDS = 2;
/** Fewest bits of a code: short vectors need more bits than they have dimensions. */
const MIN_BITS = 1024;

/** Makes codes. The same seed and length give the same codes for ever. */
export class BinaryCoder {
  /** Bytes of a code. */
  readonly bytes: number;
  readonly #kernel: Kernel;
  readonly #size: number;
  /** Where the kernel's memory has the vector and, after it, the signs of each round and the code. */
  readonly #x: number;
  readonly #code: number;

  /**
   * @param dims length of the vectors; filled up with zeros to a power of two
   * @param seed of the random signs, 32 bits
   */
  constructor(readonly dims: number, readonly seed: number) {
    const bits = Math.max(MIN_BITS, 2 ** Math.ceil(Math.log2(dims)));
    this.bytes = bits / 8;
    this.#size = 4 * bits;
    this.#kernel = startKernel(16 + this.#size * (1 + ROUNDS) + this.bytes);
    this.#x = aligned(this.#kernel.freeMemory.value);
    this.#code = this.#x + this.#size * (1 + ROUNDS);
    const { buffer } = this.#kernel.memory;
    const random = mulberry32(seed);
    const signs = new Int32Array(buffer, this.#x + this.#size, bits * ROUNDS);
    for (let i = 0; i < signs.length; i++) signs[i] = random() < 0.5 ? 1 << 31 : 0;
  }

  /**
   * A vector's code, and the numbers whose signs it has; good until the next call.
   *
   * @param vector float32[dims]
   * @returns uint8[bytes] and float32[8 × bytes]
   */
  encode(vector: Float32Array): { code: Uint8Array; numbers: Float32Array } {
    const { memory: { buffer }, transform, positives } = this.#kernel;
    const [x, size] = [this.#x, this.#size];
    const numbers = new Float32Array(buffer, x, size / 4);
    numbers.fill(0, vector.length).set(vector);
    for (let round = 1; round <= ROUNDS; round++) transform(x, x + round * size, size);
    positives(x, this.bytes, this.#code);
    return { code: new Uint8Array(buffer, this.#code, this.bytes), numbers };
  }
}

/** Tommy Ettinger's Mulberry32: small, and even enough for coin tosses. */
function mulberry32(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
