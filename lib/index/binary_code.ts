/**
 * Codes of one bit a dimension whose Hamming distance stands in for the angle between vectors: the
 * signs after a randomised Hadamard transform. The idea is RaBitQ's (Gao and Long, SIGMOD 2024).
 */

/** Rounds of random signs and transform; two spread any vector's weight over all dimensions. */
const ROUNDS = 2;

/** Makes codes. The same seed and length give the same codes for ever. */
export class BinaryCoder {
  /** 32-bit words of a code. */
  readonly words: number;
  readonly #size: number;
  readonly #signs: Float32Array[];
  readonly #buffer: Float32Array;

  /**
   * @param dims length of the vectors; filled up with zeros to a power of two
   * @param seed of the random signs, 32 bits
   */
  constructor(readonly dims: number, seed: number) {
    this.#size = Math.max(32, 2 ** Math.ceil(Math.log2(dims)));
    this.words = this.#size / 32;
    const random = mulberry32(seed);
    this.#signs = Array.from(
      { length: ROUNDS },
      () => Float32Array.from({ length: this.#size }, () => random() < 0.5 ? -1 : 1),
    );
    this.#buffer = new Float32Array(this.#size);
  }

  /**
   * Writes a vector's code.
   *
   * @param vector float32[dims]
   * @param code uint32[≥ offset + words]
   */
  encode(vector: Float32Array, code: Uint32Array, offset = 0): void {
    const x = this.#buffer;
    x.fill(0);
    x.set(vector);
    for (const signs of this.#signs) {
      for (let i = 0; i < x.length; i++) x[i]! *= signs[i]!;
      hadamard(x);
    }
    for (let word = 0; word < this.words; word++) {
      let bits = 0;
      for (let bit = 0; bit < 32; bit++) if (x[32 * word + bit]! > 0) bits |= 1 << bit;
      code[offset + word] = bits;
    }
  }
}

/** Fast Walsh-Hadamard transform in place, without scaling: only the signs are wanted. */
function hadamard(x: Float32Array): void {
  for (let half = 1; half < x.length; half *= 2) {
    for (let start = 0; start < x.length; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const a = x[i]!, b = x[i + half]!;
        x[i] = a + b;
        x[i + half] = a - b;
      }
    }
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

/**
 * Hamming distances of one code to many.
 *
 * @param codes uint32[n, words], row-major
 * @param query uint32[words]
 * @param distances uint16[n], written
 */
export function hammingDistances(
  codes: Uint32Array,
  query: Uint32Array,
  distances: Uint16Array,
): void {
  const words = query.length;
  for (let row = 0, p = 0; row < distances.length; row++) {
    let distance = 0;
    for (let word = 0; word < words; word++, p++) {
      let v = codes[p]! ^ query[word]!;
      v -= (v >>> 1) & 0x55555555;
      v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
      distance += Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
    }
    distances[row] = distance;
  }
}

/**
 * The rows with the smallest distances: at least `count` of them, and all that are as near as the
 * last, so that the choice does not depend on the order of the rows.
 */
export function nearestRows(distances: Uint16Array, count: number): number[] {
  const histogram: number[] = [];
  for (const distance of distances) histogram[distance] = (histogram[distance] ?? 0) + 1;
  let limit = -1;
  for (let seen = 0; seen < count && limit < histogram.length - 1;) seen += histogram[++limit] ?? 0;
  const rows: number[] = [];
  for (let row = 0; row < distances.length; row++) if (distances[row]! <= limit) rows.push(row);
  return rows;
}
