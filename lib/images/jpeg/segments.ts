/** The parts that a JPEG file is made of. */

/** Markers: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1. */
export const EOI = 0xd9, SOS = 0xda, DHT = 0xc4, DQT = 0xdb, DRI = 0xdd;

/** A marker with what belongs to it. */
export interface Segment {
  readonly marker: number;
  /** Where the marker is in the file. */
  readonly at: number;
  /** Its parameters. */
  readonly data: Uint8Array;
  /** Where its parameters end; after {@linkcode SOS}, pixels follow. */
  readonly end: number;
}

/** Whether a marker has no place in a file: reserved, or of kinds of JPEG that nobody writes. */
export function isForeign(marker: number): boolean {
  return marker < 0xc0 || [0xc8, 0xde, 0xdf].includes(marker) || (marker >= 0xf0 && marker < 0xfe);
}

/** The segments of a file up to its end marker, that of the end included. */
export function* segments(file: Uint8Array): Generator<Segment> {
  for (let i = 2; i + 1 < file.length;) {
    const marker = file[i + 1]!;
    if (file[i] !== 0xff || marker === 0xff) i++; // a stray byte, or padding
    else if (isAlone(marker)) i += 2;
    else if (marker === EOI) return yield { marker, at: i, data: new Uint8Array(), end: i + 2 };
    else {
      const end = i + 2 + ((file[i + 2] ?? 0) << 8 | (file[i + 3] ?? 0));
      if (i + 3 >= file.length || end > file.length) return;
      yield { marker, at: i, data: file.subarray(i + 4, end), end };
      i = marker === SOS ? scanEnd(file, end) : end;
    }
  }
}

/** Whether a marker has no parameters: an escaped 0xff, a restart and the like. */
function isAlone(marker: number): boolean {
  return marker === 0 || (marker >= 0xd0 && marker <= 0xd8);
}

/**
 * Where the marker is that ends a scan; the file's length if there is none.
 *
 * @param hasRestarts whether restart markers are a part of the scan
 */
export function scanEnd(file: Uint8Array, start: number, hasRestarts = true): number {
  for (let i = file.indexOf(0xff, start); i >= 0; i = file.indexOf(0xff, i + 1)) {
    const next = file[i + 1] ?? 0;
    const isPart = next === 0 || next === 0xff || (hasRestarts && isAlone(next));
    if (!isPart) return i;
  }
  return file.length;
}
