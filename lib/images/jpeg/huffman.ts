/** Huffman's codes as JPEG files hold them: reading, and writing with codes of our own. */

/** Codes that stand for bytes: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex C. */
export class HuffmanTable {
  /** Of each code of up to 8 bits, with all that may follow it: its length · 256 + its byte. */
  readonly #short = new Uint16Array(256);
  /** Of each length: the largest code plus one, and how far a code's byte is from the code. */
  readonly #limits = new Int32Array(17);
  readonly #offsets = new Int32Array(17);

  /**
   * @param counts of the codes of 1 to 16 bits
   * @param bytes that they stand for
   */
  constructor(counts: Uint8Array, private readonly bytes: Uint8Array) {
    for (let length = 1, code = 0, n = 0; length <= 16; length++, code <<= 1) {
      this.#offsets[length] = n - code;
      for (let i = 0; i < counts[length - 1]!; i++, code++, n++) {
        if (length > 8) continue;
        const first = code << (8 - length);
        this.#short.fill(length << 8 | bytes[n]!, first, first + (1 << (8 - length)));
      }
      this.#limits[length] = code;
    }
  }

  /**
   * @param ahead the next 16 bits
   * @returns the length of the code that they begin with · 256 + its byte; 0 if there is none
   */
  find(ahead: number): number {
    const entry = this.#short[ahead >> 8]!;
    if (entry > 0) return entry;
    for (let length = 9; length <= 16; length++) {
      const code = ahead >> (16 - length);
      if (code < this.#limits[length]!) {
        return length << 8 | this.bytes[code + this.#offsets[length]!]!;
      }
    }
    return 0;
  }
}

/** Reads bits, the highest first. */
export class BitReader {
  #bits = 0;
  /** Bits that are held, those included that follow the end. */
  #held = 0;
  /** Bits that are made up after the end. */
  #missing = 0;

  /** @param at where the bits begin in the file */
  constructor(private readonly file: Uint8Array, private at: number) {}

  /** Whether bits were taken that are not in the file. */
  get isPastEnd(): boolean {
    return this.#missing > this.#held;
  }

  /** The bytes that have not been begun yet begin here; the bits of a begun one are dropped. */
  rest(): number {
    let at = this.at;
    for (let n = (this.#held - this.#missing) >> 3; n > 0; n--) {
      at -= this.file[at - 1] === 0 && this.file[at - 2] === 0xff ? 2 : 1;
    }
    return at;
  }

  /** The next `count` bits, at most 16. */
  take(count: number): number {
    if (this.#held < count) this.#fill();
    this.#held -= count;
    return this.#bits >>> this.#held & ((1 << count) - 1);
  }

  /** A number of `size` bits, whose first bit is 0 if it is negative. */
  takeSigned(size: number): number {
    const value = this.take(size);
    return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  }

  /** The byte that the next code stands for; -1 if there is none. */
  takeCode(table: HuffmanTable): number {
    if (this.#held < 16) this.#fill();
    const found = table.find(this.#bits >>> (this.#held - 16) & 0xffff);
    this.#held -= found >> 8;
    return found === 0 ? -1 : found & 0xff;
  }

  /** Holds at least 16 bits. */
  #fill(): void {
    while (this.#held <= 16) {
      let byte = this.file[this.at];
      if (byte === undefined || (byte === 0xff && this.file[this.at + 1] !== 0)) {
        byte = 0;
        this.#missing += 8;
      } else this.at += byte === 0xff ? 2 : 1;
      this.#bits = this.#bits << 8 | byte;
      this.#held += 8;
    }
  }
}

/** How many codes of 1 to 16 bits {@linkcode BitWriter} has: no code is all ones, as in any file. */
export const CODE_COUNTS = {
  size: Uint8Array.from({ length: 16 }, (_, i) => i === 4 ? 16 : 0),
  byte: Uint8Array.from({ length: 16 }, (_, i) => i === 7 ? 254 : i === 8 ? 2 : 0),
};

/** Writes bits, the highest first, with the same codes for every picture. */
export class BitWriter {
  #file = new Uint8Array(1 << 16);
  #length = 0;
  #bits = 0;
  #held = 0;

  /** @param count at most 16 */
  put(bits: number, count: number): void {
    this.#bits = this.#bits << count | bits;
    for (this.#held += count; this.#held >= 8;) {
      this.#held -= 8;
      this.#putByte(this.#bits >>> this.#held & 0xff);
    }
    this.#bits &= 0xff;
  }

  /** The code of a size, 0 to 15. */
  putSize(size: number): void {
    this.put(size, 5);
  }

  /** The code of a byte. */
  putCode(byte: number): void {
    if (byte < 254) this.put(byte, 8);
    else this.put(byte + 254, 9);
  }

  /** What was written, the last byte filled with ones. */
  finish(): Uint8Array {
    if (this.#held > 0) this.put((1 << (8 - this.#held)) - 1, 8 - this.#held);
    return this.#file.subarray(0, this.#length);
  }

  #putByte(byte: number): void {
    if (this.#length + 2 > this.#file.length) {
      const larger = new Uint8Array(2 * this.#file.length);
      larger.set(this.#file);
      this.#file = larger;
    }
    this.#file[this.#length++] = byte;
    if (byte === 0xff) this.#file[this.#length++] = 0;
  }
}
