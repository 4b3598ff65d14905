/** Bytes in memory that grows as they come, and is used again. */

/** Characters of a text that is sooner written than handed to the encoder. */
const SHORT = 64;

/** What the writers of bulk requests have in common. */
export class ByteWriter {
  /** What was written, with room behind it. */
  protected buffer: Uint8Array<ArrayBuffer>;
  /** Place after the last byte. */
  protected end = 0;
  readonly #encoder = new TextEncoder();

  /** @param size bytes to begin with */
  constructor(size = 1024) {
    this.buffer = new Uint8Array(size);
  }

  /** Bytes that were written since the last `clear()`. */
  get length(): number {
    return this.end;
  }

  /** All that was written since the last `clear()`; good until more is written. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(0, this.end);
  }

  /** Begins anew in the same memory. */
  clear(): void {
    this.end = 0;
  }

  /** Writes a text as UTF-8; gives its length in bytes. */
  protected text(text: string): number {
    this.reserve(3 * text.length);
    if (text.length <= SHORT && this.#ascii(text)) return text.length;
    const { written } = this.#encoder.encodeInto(text, this.buffer.subarray(this.end));
    this.end += written;
    return written;
  }

  /** Writes a text if it is ASCII; there must be room for it. */
  #ascii(text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      this.buffer[this.end + i] = code;
    }
    this.end += text.length;
    return true;
  }

  /** Makes room for so many more bytes. */
  protected reserve(more: number): void {
    const needed = this.end + more;
    if (needed <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
    larger.set(this.bytes());
    this.buffer = larger;
  }
}
