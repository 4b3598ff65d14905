/** What a JPEG file says of itself, and which of libjpeg's warnings mean that it is damaged. */
import { ImageError } from "../shared/errors.ts";

/** The part of a JPEG's header that its decoding depends on. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1 is gray, 3 colour, 4 CMYK. */
  readonly components: number;
  /** Whether the picture is one scan of Huffman codes, from top to bottom. */
  readonly isSequential: boolean;
  /** Whether a component has all columns of the picture, but half its rows (4:4:0). */
  readonly hasHalfRows: boolean;
  /** Whether there are stray bytes between the header's segments. */
  readonly isUntidy: boolean;
}

/**
 * Reads the header up to the first scan.
 *
 * @throws {ImageError} if the file ends before it, holds no frame, or lacks scans
 */
export function readJpegHeader(file: Uint8Array): JpegHeader {
  let frame: Omit<JpegHeader, "isUntidy" | "isSequential"> | undefined;
  let type = 0, isUntidy = false;
  for (let i = 2; i + 3 < file.length;) {
    if (file[i] !== 0xff) {
      isUntidy = true;
      i++;
      continue;
    }
    const marker = file[i + 1]!;
    if (marker === 0xff) { // padding
      i++;
      continue;
    }
    if (marker === 0 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) { // no segment
      isUntidy ||= marker === 0;
      i += 2;
      continue;
    }
    const word = (at: number) => (file[i + at] ?? 0) * 256 + (file[i + at + 1] ?? 0);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      const components = file[i + 9] ?? 0;
      const sampling = Array.from({ length: components }, (_, n) => file[i + 11 + 3 * n] ?? 0);
      const columns = Math.max(...sampling.map((s) => s >> 4));
      const rows = Math.max(...sampling.map((s) => s & 15));
      const hasHalfRows = sampling.some((s) => s >> 4 === columns && (s & 15) * 2 === rows);
      frame = { height: word(5), width: word(7), components, hasHalfRows };
      type = marker;
    } else if (marker === 0xda && frame !== undefined) {
      const { components } = frame;
      if (type === 0xc2 && lacksScans(file, i, components)) {
        throw new ImageError("the progressive JPEG file lacks scans", "image_unreadable");
      }
      const isSequential = type <= 0xc1 && file[i + 4] === components;
      return { ...frame, isSequential, isUntidy };
    }
    i += 2 + word(2);
  }
  throw new ImageError("the JPEG file ends in its header", "image_unreadable");
}

/**
 * Whether a progressive file never tells all bits of all coefficients: it was cut between two scans.
 *
 * @param start of the first scan
 */
function lacksScans(file: Uint8Array, start: number, components: number): boolean {
  const missing = new Map<number, Set<number>>(); // coefficients, by component
  for (let i = start; i >= 0 && file[i + 1] !== 0xd9; i = file.indexOf(0xff, i + 1)) {
    if (file[i + 1] !== 0xda) continue;
    const count = file[i + 4] ?? 0;
    const [first = 0, last = 0, bits = 0] = file.subarray(i + 5 + 2 * count);
    for (let n = 0; n < count; n++) {
      const id = file[i + 5 + 2 * n]!;
      const left = missing.get(id) ?? new Set(Array(64).keys());
      missing.set(id, left);
      if ((bits & 15) > 0) continue; // lower bits are to follow
      for (let k = first; k <= last; k++) left.delete(k);
    }
  }
  return missing.size < components || missing.values().some((left) => left.size > 0);
}

/**
 * Whether a warning of libjpeg leaves the pixels as they are. All others tell of damage; so do stray
 * bytes after a scan, which the damaged scan left over; yet those at the file's end are often padding.
 */
export function isHarmless(warning: string, header: JpegHeader): boolean {
  const stray = /extraneous bytes before marker 0x(..)/.exec(warning);
  if (stray !== null) return header.isUntidy || (header.isSequential && stray[1] === "d9");
  return /unknown JFIF revision|Unknown Adobe color transform|Inconsistent progression/
    .test(warning);
}
