/** Reads the numbers of a JPEG's scans, and sees whether they are whole. */
import { cutShort, damaged } from "../pixels.ts";
import { BitReader, type HuffmanTable } from "./huffman.ts";

/** One component of a picture. */
export interface Component {
  readonly id: number;
  /** Blocks side by side and one below the other in an MCU. */
  readonly across: number;
  readonly down: number;
  /** Size of the component in blocks, and in blocks of whole MCUs. */
  readonly columns: number;
  readonly rows: number;
  readonly allColumns: number;
  readonly allRows: number;
  /** int16[allRows, allColumns, 64], each block in zigzag order; empty if nobody wants them. */
  readonly numbers: Int16Array;
  /** The lowest bit that is known of each number; -1 if none is. */
  readonly lowestBits: Int8Array;
  /** uint16[64] in zigzag order, what the numbers are multiplied by. */
  steps: Uint16Array | undefined;
}

/** What a scan tells of, and how. */
export interface Scan {
  readonly components: readonly Component[];
  /** Tables of each component. */
  readonly dc: readonly (HuffmanTable | undefined)[];
  readonly ac: readonly (HuffmanTable | undefined)[];
  /** First and last number, and the bits that were and will be known of them. */
  readonly first: number;
  readonly last: number;
  readonly high: number;
  readonly low: number;
  readonly isProgressive: boolean;
  /** MCUs after which the reading begins anew; 0 if it never does. */
  readonly interval: number;
}

/**
 * Reads the blocks of a scan in their order.
 *
 * @param start where they begin in the file
 * @param isLast whether the file's end follows
 * @throws {ImageError} if the scan is cut short or damaged
 */
export function readBlocks(file: Uint8Array, start: number, scan: Scan, isLast: boolean): void {
  const reader = new BlockReader(file, start, scan);
  const [only, ...others] = scan.components;
  const isAlone = others.length === 0;
  const { across, down, allColumns, allRows, columns, rows } = only!;
  const mcuColumns = isAlone ? columns : allColumns / across;
  const mcuRows = isAlone ? rows : allRows / down;
  for (let y = 0, n = 0; y < mcuRows; y++) {
    for (let x = 0; x < mcuColumns; x++, n++) {
      if (scan.interval > 0 && n > 0 && n % scan.interval === 0) {
        reader.restart(n / scan.interval - 1 & 7);
      }
      for (let c = 0; c < scan.components.length; c++) {
        const component = scan.components[c]!;
        const [w, h] = isAlone ? [1, 1] : [component.across, component.down];
        for (let j = 0; j < h; j++) {
          const row = (y * h + j) * component.allColumns + x * w;
          for (let i = 0; i < w; i++) reader.read(c, 64 * (row + i));
        }
      }
    }
    reader.check();
  }
  checkRest(file, reader.rest(), isLast);
}

/** Reads the blocks of one scan. */
class BlockReader {
  #bits: BitReader;
  /** The first number of the last block, by component. */
  readonly #before: number[];
  /** Blocks that are left without further numbers. */
  #emptyBlocks = 0;
  /** Numbers of a block that nobody wants. */
  readonly #unwanted = new Int16Array(64);

  constructor(private readonly file: Uint8Array, start: number, private readonly scan: Scan) {
    this.#bits = new BitReader(file, start);
    this.#before = scan.components.map(() => 0);
  }

  /** @throws {ImageError} if the scan has ended */
  check(): void {
    if (!this.#bits.isPastEnd) return;
    const end = this.#bits.rest();
    if (end + 1 >= this.file.length) throw cutShort("JPEG");
    throw damaged("JPEG");
  }

  /** Where the scan goes on behind what was read. */
  rest(): number {
    return this.#bits.rest();
  }

  /** Passes over the restart marker of that number. */
  restart(number: number): void {
    this.check();
    const at = afterFill(this.file, this.rest());
    if (this.file[at] !== 0xff || this.file[at + 1] !== 0xd0 + number) {
      throw at + 1 >= this.file.length ? cutShort("JPEG") : damaged("JPEG");
    }
    this.#bits = new BitReader(this.file, at + 2);
    this.#before.fill(0);
    this.#emptyBlocks = 0;
  }

  /**
   * Reads a block.
   *
   * @param c which of the scan's components
   * @param at where the block begins in the component's numbers
   */
  read(c: number, at: number): void {
    const { scan } = this;
    const kept = scan.components[c]!.numbers;
    const numbers = kept.length > 0 ? kept : this.#unwanted;
    const start = kept.length > 0 ? at : 0;
    if (scan.first > 0) {
      if (scan.high === 0) this.#readFurther(c, numbers, start, scan.first);
      else this.#refine(c, numbers, start);
    } else if (scan.high > 0) numbers[start]! |= this.#bits.take(1) << scan.low;
    else {
      this.#before[c]! += this.#bits.takeSigned(this.#size(scan.dc[c]));
      numbers[start] = this.#before[c]! << scan.low;
      if (!scan.isProgressive) this.#readFurther(c, numbers, start, 1);
    }
  }

  #code(table: HuffmanTable | undefined): number {
    const byte = table === undefined ? -1 : this.#bits.takeCode(table);
    if (byte >= 0) return byte;
    this.check();
    throw damaged("JPEG");
  }

  #size(table: HuffmanTable | undefined): number {
    const size = this.#code(table);
    if (size > 15) throw damaged("JPEG");
    return size;
  }

  /** Reads the numbers after the first one for the first time. */
  #readFurther(c: number, numbers: Int16Array, start: number, first: number): void {
    const { scan } = this;
    if (this.#emptyBlocks > 0) {
      this.#emptyBlocks--;
      return;
    }
    for (let k = first; k <= scan.last; k++) {
      const code = this.#code(scan.ac[c]);
      const zeros = code >> 4, size = code & 15;
      if (size > 0) {
        k += zeros;
        if (k > 63) throw damaged("JPEG");
        numbers[start + k] = this.#bits.takeSigned(size) << scan.low;
      } else if (zeros === 15) k += 15;
      else {
        if (zeros > 0 && scan.isProgressive) {
          this.#emptyBlocks = (1 << zeros) - 1 + this.#bits.take(zeros);
        }
        return;
      }
    }
  }

  /** Reads one more bit of numbers that are known, and those that were zero up to now. */
  #refine(c: number, numbers: Int16Array, start: number): void {
    const { scan } = this;
    const bit = 1 << scan.low;
    let k = scan.first;
    if (this.#emptyBlocks === 0) {
      for (; k <= scan.last; k++) {
        const code = this.#code(scan.ac[c]);
        let zeros = code >> 4, value = 0;
        if ((code & 15) > 0) value = this.#bits.take(1) === 1 ? bit : -bit;
        else if (zeros < 15) {
          this.#emptyBlocks = (1 << zeros) + this.#bits.take(zeros);
          break;
        }
        for (; k <= scan.last; k++) {
          if (numbers[start + k] !== 0) this.#addBit(numbers, start + k, bit);
          else if (zeros-- === 0) break;
        }
        if (value !== 0) {
          if (k > 63) throw damaged("JPEG");
          numbers[start + k] = value;
        }
      }
    }
    if (this.#emptyBlocks === 0) return;
    for (; k <= scan.last; k++) {
      if (numbers[start + k] !== 0) this.#addBit(numbers, start + k, bit);
    }
    this.#emptyBlocks--;
  }

  #addBit(numbers: Int16Array, at: number, bit: number): void {
    const number = numbers[at]!;
    if (this.#bits.take(1) === 1 && (number & bit) === 0) {
      numbers[at] = number + (number < 0 ? -bit : bit);
    }
  }
}

/**
 * Checks what is left of a scan behind its last block: nothing but zeros, which some writers leave.
 *
 * @param isLast whether the file's end follows, where other bytes do no harm either
 */
function checkRest(file: Uint8Array, rest: number, isLast: boolean): void {
  let at = afterFill(file, rest);
  while (file[at] === 0xff && file[at + 1]! >= 0xd0 && file[at + 1]! <= 0xd7) {
    at = afterFill(file, at + 2); // a restart with nothing after it
  }
  const isMarker = file[at] === 0xff && file[at + 1] !== 0;
  if (!isMarker && !isLast && at + 1 < file.length) throw damaged("JPEG");
}

/** Where the zeros and 0xff before a marker end. */
function afterFill(file: Uint8Array, start: number): number {
  let at = start;
  while (file[at] === 0 || (file[at] === 0xff && file[at + 1] === 0xff)) at++;
  return at;
}
