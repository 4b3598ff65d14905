/** Reads a JPEG file to the numbers that its pixels are computed from. */
import { checkSize, cutShort, damaged } from "../pixels.ts";
import { type Component, readBlocks, type Scan } from "./blocks.ts";
import { HuffmanTable } from "./huffman.ts";
import { DHT, DQT, DRI, EOI, isForeign, segments, SOS } from "./segments.ts";

/** What a JPEG file holds. */
export interface JpegScans {
  readonly width: number;
  readonly height: number;
  readonly components: readonly Component[];
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
      const isLast = !isProgressive && scan.components.length === picture.components.length;
      readBlocks(file, end, scan, isLast);
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
  checkSize(width, height);
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
