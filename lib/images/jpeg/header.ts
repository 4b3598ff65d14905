/** What a JPEG file says of itself before its pixels are decoded. */
import { ImageError } from "../../shared/errors.ts";
import { checkSize, cutShort, damaged, unreadableKind } from "../pixels.ts";
import { DHT, DRI, EOI, isForeign, type Segment, segments, SOS } from "./segments.ts";

/** The part of a JPEG's header that its decoding depends on. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1 is gray, 3 colour, 4 CMYK. */
  readonly components: number;
  /** Whether the pixels are coded by arithmetic, not by Huffman's codes. */
  readonly isArithmetic: boolean;
  /** Whether the file has tables of codes: the frames of videos leave the usual ones out. */
  readonly hasTables: boolean;
  /** Whether the reading of a scan begins anew at markers in it. */
  readonly hasRestarts: boolean;
  /** Where the pixels begin, if they are one scan from top to bottom. */
  readonly onlyScan: number | undefined;
  /** Whether a component has all columns of the picture, but half its rows (4:4:0). */
  readonly hasHalfRows: boolean;
  /** Whether some detail never follows in a progressive file: what lacks is guessed then. */
  readonly isCoarse: boolean;
}

type Frame = Omit<JpegHeader, "hasTables" | "hasRestarts" | "onlyScan" | "isCoarse"> & {
  readonly isProgressive: boolean;
  /** The component that shapes are seen by. */
  readonly firstId: number;
};

/**
 * Reads the header; for a picture in several scans, the headers of them all.
 *
 * @throws {ImageError} if the file ends before its pixels, is of a kind that is not read, or lacks scans;
 * of a picture in several scans, also if the file lacks its end
 */
export function readJpegHeader(file: Uint8Array): JpegHeader {
  let frame: Frame | undefined;
  const scans: Segment[] = [];
  let hasTables = false, hasRestarts = false;
  for (const segment of segments(file)) {
    const { marker, data, end } = segment;
    if (isFrame(marker)) frame ??= readFrame(marker, data);
    else if (marker === DHT) hasTables = true;
    else if (marker === DRI) hasRestarts = data.some((byte) => byte > 0);
    else if (isForeign(marker)) throw damaged("JPEG");
    if (marker === EOI) {
      if (frame === undefined || scans.length === 0) break;
      return {
        ...frame,
        hasTables,
        hasRestarts,
        onlyScan: undefined,
        isCoarse: checkScans(scans, frame),
      };
    }
    if (marker !== SOS || frame === undefined) continue;
    scans.push(segment);
    if (frame.isProgressive || frame.isArithmetic || data[0] !== frame.components) continue;
    return { ...frame, hasTables, hasRestarts, onlyScan: end, isCoarse: false };
  }
  throw cutShort("JPEG", scans.length === 0 ? "it ends in its header" : "its end is missing");
}

function isFrame(marker: number): boolean {
  return (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) ||
    marker === 0xf7;
}

function readFrame(marker: number, data: Uint8Array): Frame {
  if (marker === 0xf7) throw unreadableKind("a JPEG-LS file");
  if (![0xc0, 0xc1, 0xc2, 0xc9, 0xca].includes(marker)) {
    throw unreadableKind("a lossless or hierarchical JPEG file");
  }
  const [bits = 0, height1 = 0, height0 = 0, width1 = 0, width0 = 0, components = 0] = data;
  if (data.length < 6 + 3 * components) throw cutShort("JPEG", "it ends in its header");
  if (bits !== 8) throw unreadableKind(`a JPEG file of ${bits} bits a colour`);
  if (![1, 3, 4].includes(components)) {
    throw unreadableKind(`a JPEG file of ${components} colours`);
  }
  const [width, height] = [width1 << 8 | width0, height1 << 8 | height0];
  if (width * height === 0) throw unreadableKind("a JPEG file that does not tell its size");
  checkSize(width, height);
  const sampling = Array.from({ length: components }, (_, n) => data[7 + 3 * n]!);
  const columns = Math.max(...sampling.map((s) => s >> 4));
  const rows = Math.max(...sampling.map((s) => s & 15));
  return {
    width,
    height,
    components,
    isArithmetic: marker >= 0xc9,
    isProgressive: marker === 0xc2 || marker === 0xca,
    firstId: data[6]!,
    hasHalfRows: sampling.some((s) => s >> 4 === columns && (s & 15) * 2 === rows),
  };
}

/**
 * Checks that the scans make a whole picture. Colours may lack detail and all numbers their lowest
 * bits, as legal files do; a file that lacks a colour, or detail of its first component, is one that
 * was cut between two scans.
 *
 * @returns whether anything lacks that a progressive file may leave out
 */
function checkScans(scans: readonly Segment[], frame: Frame): boolean {
  const { components, isProgressive, isArithmetic, firstId } = frame;
  const known = new Map<number, Map<number, number>>(); // lowest known bit, by component and number
  for (const { data } of scans) {
    const count = data[0] ?? 0;
    const [first = 0, last = 0, bits = 0] = data.subarray(1 + 2 * count);
    for (let n = 0; n < count; n++) {
      const id = data[1 + 2 * n]!;
      const numbers = known.get(id) ?? new Map<number, number>();
      known.set(id, numbers);
      for (let k = first; k <= Math.min(63, last); k++) numbers.set(k, bits & 15);
      if (!isProgressive) numbers.set(0, 0);
    }
  }
  const all = [...known.values()];
  const isPreview = isProgressive && known.get(firstId)?.size !== 64;
  if (known.size < components || all.some((n) => !n.has(0)) || isPreview) {
    const what = isProgressive ? "progressive JPEG" : "JPEG";
    throw new ImageError(`the ${what} file lacks scans`, "image_unreadable");
  }
  const isWhole = (n: Map<number, number>) => n.size === 64 && n.values().every((bit) => bit === 0);
  const isCoarse = isProgressive && !all.every(isWhole);
  if (isCoarse && isArithmetic) {
    throw unreadableKind("a JPEG file with arithmetic coding that leaves detail out");
  }
  return isCoarse;
}
