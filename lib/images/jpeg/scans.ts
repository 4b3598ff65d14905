/** Reads a JPEG's scans to the numbers that its pixels are computed from, and sees whether they are whole. */
import { cutShort, damaged } from "../pixels.ts";
import { BitReader, HuffmanTable } from "./huffman.ts";
import { DHT, DQT, DRI, EOI, isForeign, segments, SOS } from "./segments.ts";

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

/** What a JPEG file holds. */
export interface JpegScans {
  readonly width: number;
  readonly height: number;
  readonly components: readonly Component[];
}

interface Scan {
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
 * Reads all scans of a file with Huffman's codes.
 *
 * @param keeps whether the numbers are wanted; those of a progressive file are always kept
 * @throws {ImageError} if a scan is cut short or damaged, or the end is missing
 */
export function readJpegScans(file: Uint8Array, keeps: boolean): JpegScans {
  const tables = new Map<number, HuffmanTable>(); // DC from 0, AC from 16
  const steps = new Map<number, Uint16Array>();
  const stepIds = new Map<Component, number>();
  let picture: JpegScans | undefined;
  let isProgressive = false, interval = 0;
  for (const { marker, data, end } of segments(file)) {
    if (marker === EOI && picture !== undefined) return picture;
    if (isForeign(marker)) throw damaged("JPEG");
    if (marker === DQT) readSteps(data, steps);
    else if (marker === DHT) readTables(data, tables);
    else if (marker === DRI) interval = data[0]! << 8 | data[1]!;
    else if (marker >= 0xc0 && marker <= 0xc2 && picture === undefined) {
      isProgressive = marker === 0xc2;
      picture = readFrame(data, keeps || isProgressive, stepIds);
    } else if (marker === SOS) {
      if (picture === undefined) throw damaged("JPEG");
      const scan = readScan(data, picture, tables, isProgressive, interval);
      for (const component of scan.components) {
        component.steps ??= steps.get(stepIds.get(component)!);
      }
      const rest = readBlocks(new BlockReader(file, end, scan), scan);
      const isLast = !isProgressive && scan.components.length === picture.components.length;
      checkRest(file, rest, isLast);
    }
  }
  throw cutShort("JPEG", "its end is missing");
}

function readSteps(data: Uint8Array, steps: Map<number, Uint16Array>): void {
  for (let i = 0; i < data.length;) {
    const id = data[i]! & 15, bytes = data[i++]! > 15 ? 2 : 1;
    if (i + 64 * bytes > data.length) throw damaged("JPEG", "it ends in a table");
    const at = i;
    steps.set(
      id,
      Uint16Array.from(
        { length: 64 },
        (_, k) => bytes === 1 ? data[at + k]! : data[at + 2 * k]! << 8 | data[at + 2 * k + 1]!,
      ),
    );
    i += 64 * bytes;
  }
}

function readTables(data: Uint8Array, tables: Map<number, HuffmanTable>): void {
  for (let i = 0; i < data.length;) {
    const counts = data.subarray(i + 1, i + 17);
    const length = counts.reduce((sum, count) => sum + count, 0);
    if (length > 256 || i + 17 + length > data.length) throw damaged("JPEG", "it ends in a table");
    tables.set(data[i]!, new HuffmanTable(counts, data.subarray(i + 17, i + 17 + length)));
    i += 17 + length;
  }
}

function readFrame(data: Uint8Array, keeps: boolean, stepIds: Map<Component, number>): JpegScans {
  const height = data[1]! << 8 | data[2]!, width = data[3]! << 8 | data[4]!;
  const parts = Array.from({ length: data[5]! }, (_, n) => data.subarray(6 + 3 * n, 9 + 3 * n));
  const across = Math.max(...parts.map(([, sampling = 0]) => sampling >> 4));
  const down = Math.max(...parts.map(([, sampling = 0]) => sampling & 15));
  const mcuColumns = Math.ceil(width / (8 * across)), mcuRows = Math.ceil(height / (8 * down));
  const components = parts.map(([id = 0, sampling = 0, stepId = 0]) => {
    const own = { across: sampling >> 4, down: sampling & 15 };
    if (own.across === 0 || own.down === 0) throw damaged("JPEG");
    const allColumns = mcuColumns * own.across, allRows = mcuRows * own.down;
    const component: Component = {
      id,
      ...own,
      columns: Math.ceil(Math.ceil(width * own.across / across) / 8),
      rows: Math.ceil(Math.ceil(height * own.down / down) / 8),
      allColumns,
      allRows,
      numbers: new Int16Array(keeps ? 64 * allColumns * allRows : 0),
      lowestBits: new Int8Array(64).fill(-1),
      steps: undefined,
    };
    stepIds.set(component, stepId);
    return component;
  });
  return { width, height, components };
}

function readScan(
  data: Uint8Array,
  picture: JpegScans,
  tables: ReadonlyMap<number, HuffmanTable>,
  isProgressive: boolean,
  interval: number,
): Scan {
  const count = data[0] ?? 0;
  const ids = Array.from({ length: count }, (_, n) => data[1 + 2 * n]);
  const uses = Array.from({ length: count }, (_, n) => data[2 + 2 * n] ?? 0);
  const components = ids.flatMap((id) => picture.components.find((c) => c.id === id) ?? []);
  const [first = 0, last = 0, bits = 0] = isProgressive ? data.subarray(1 + 2 * count) : [0, 63, 0]; // some phones write other numbers, which mean nothing
  const isPossible = first === 0 ? last === 0 || !isProgressive : count === 1 && last >= first;
  const blocks = components.reduce((sum, { across, down }) => sum + across * down, 0);
  const isTooMuch = count > 1 && blocks > 10; // for one MCU
  if (count === 0 || components.length < count || last > 63 || !isPossible || isTooMuch) {
    throw damaged("JPEG");
  }
  for (const { lowestBits } of components) lowestBits.fill(bits & 15, first, last + 1);
  return {
    components,
    dc: uses.map((use) => tables.get(use >> 4)),
    ac: uses.map((use) => tables.get(16 + (use & 15))),
    first,
    last,
    high: bits >> 4,
    low: bits & 15,
    isProgressive,
    interval,
  };
}

/**
 * Reads the blocks of a scan in their order.
 *
 * @returns where the reading ended
 */
function readBlocks(reader: BlockReader, scan: Scan): number {
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
  return reader.rest();
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
