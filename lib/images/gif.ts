/** Decodes the first frame of a GIF file as Pillow does: a transparent pixel keeps its colour. */
import { ImageError } from "../shared/errors.ts";
import { checkSize, cutShort, damaged, fullPalette, type Pixels } from "./pixels.ts";

/** The first frame, before its pixels are decoded. */
interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly isInterlaced: boolean;
  /** Red, green and blue of each index. */
  readonly palette: Uint8Array;
  /** The index that is seen where the frame leaves a part of the screen empty. */
  readonly background: number;
  /** Where its codes begin. */
  readonly start: number;
}

/** Interlaced rows: the first of each pass, and the step between them. */
const PASSES = [[0, 8], [4, 8], [2, 4], [1, 2]] as const;

/**
 * Decodes a GIF file.
 *
 * @throws {ImageError} if the first frame is damaged or not whole, or its screen too large
 */
export function decodeGif(file: Uint8Array): Pixels {
  try {
    const frame = readFrame(file);
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    // A frame that is larger than the screen makes the screen larger.
    const width = Math.max(view.getUint16(6, true), frame.x + frame.width);
    const height = Math.max(view.getUint16(8, true), frame.y + frame.height);
    checkSize(width, height);
    const indices = readCodes(file, frame.start, frame.width * frame.height);
    const data = new Uint8Array(3 * width * height);
    const colour = (index: number) => frame.palette.subarray(3 * index, 3 * index + 3);
    if (frame.width * frame.height < width * height) {
      for (let i = 0; i < data.length; i += 3) data.set(colour(frame.background), i);
    }
    let from = 0;
    for (const [first, step] of frame.isInterlaced ? PASSES : [[0, 1] as const]) {
      for (let row = first; row < frame.height; row += step) {
        let to = 3 * ((frame.y + row) * width + frame.x);
        for (let column = 0; column < frame.width; column++, from++) {
          const index = 3 * indices[from]!;
          data[to++] = frame.palette[index]!;
          data[to++] = frame.palette[index + 1]!;
          data[to++] = frame.palette[index + 2]!;
        }
      }
    }
    return { data, width, height, channels: 3 };
  } catch (error) {
    if (error instanceof RangeError) {
      throw cutShort("GIF", "it ends in its header", { cause: error });
    }
    throw error;
  }
}

/** @throws {RangeError} if the file ends before the frame's codes */
function readFrame(file: Uint8Array): Frame {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 13, background = 0;
  const readPalette = (flags: number) => {
    if ((flags & 0x80) === 0) return undefined;
    const length = 6 << (flags & 7);
    view.getUint8(at + length); // throws if the file ends in it
    at += length;
    return fullPalette(file.subarray(at - length, at));
  };
  const common = readPalette(view.getUint8(10));
  for (;;) {
    const kind = view.getUint8(at++);
    if (kind === 0x3b) throw new ImageError("the GIF file holds no picture", "image_unreadable");
    if (kind === 0x21) { // an extension
      // Pillow loses its way where one has no blocks, unless it is a comment.
      if (view.getUint8(at) !== 0xfe && view.getUint8(at + 1) === 0) throw damaged("GIF");
      if (view.getUint8(at) === 0xf9 && (view.getUint8(at + 2) & 1) === 1) {
        background = view.getUint8(at + 5);
      }
      for (at++; view.getUint8(at) > 0;) at += 1 + view.getUint8(at); // its blocks
      at++;
    } else if (kind === 0x2c) {
      const [x, y, width, height] = [0, 2, 4, 6].map((i) => view.getUint16(at + i, true)) as [
        number,
        number,
        number,
        number,
      ];
      if (width * height === 0) {
        throw new ImageError("the GIF file holds an empty picture", "image_unreadable");
      }
      const flags = view.getUint8(at + 8);
      at += 9;
      // Pillow takes an own palette for none where all of its colours are gray and in order.
      const own = readPalette(flags);
      const palette = own !== undefined && !isGray(own) ? own : common ?? grays();
      const isInterlaced = (flags & 0x40) !== 0;
      return { x, y, width, height, isInterlaced, palette, background, start: at };
    } // other bytes are passed over
  }
}

function grays(): Uint8Array {
  return fullPalette(new Uint8Array());
}

function isGray(palette: Uint8Array): boolean {
  return palette.every((value, i) => value === Math.floor(i / 3));
}

/**
 * Reads the codes of a frame (LZW).
 *
 * @param count of the pixels
 * @returns uint8[count], their indices in the palette
 */
function readCodes(file: Uint8Array, start: number, count: number): Uint8Array {
  const bits = file[start] ?? 12;
  if (bits > 11) throw start < file.length ? damaged("GIF") : cutShort("GIF");
  const nextByte = blockBytes(file, start + 1);
  const clear = 1 << bits, end = clear + 1;
  // Each code from 258 on is another code and one pixel more.
  const shorter = new Uint16Array(4096),
    last = new Uint8Array(4096),
    lengths = new Uint16Array(4096);
  for (let i = 0; i < clear; i++) [last[i], lengths[i]] = [i, 1];
  const pixels = new Uint8Array(count);
  let next = end + 1, size = bits + 1, before = -1, held = 0, buffer = 0;
  for (let done = 0; done < count;) {
    while (held < size) {
      buffer |= nextByte() << held;
      held += 8;
    }
    const code = buffer & ((1 << size) - 1);
    buffer >>>= size;
    held -= size;
    if (code === end) throw cutShort("GIF");
    if (code === clear) {
      [next, size, before] = [end + 1, bits + 1, -1];
      continue;
    }
    if (code > next || (before < 0 && code > clear)) throw damaged("GIF");
    const isNew = before >= 0 && code === next; // what was before, and its first pixel again
    const known = isNew ? before : code;
    const length = lengths[known]! + (isNew ? 1 : 0);
    let first = known;
    for (let i = done + lengths[known]! - 1; first > end; i--) {
      if (i < count) pixels[i] = last[first]!;
      first = shorter[first]!;
    }
    pixels[done] = first;
    if (isNew && done + length <= count) pixels[done + length - 1] = first;
    if (before >= 0 && next < 4096) {
      [shorter[next], last[next], lengths[next]] = [before, first, lengths[before]! + 1];
      if (++next === 1 << size && size < 12) size++;
    }
    before = code;
    done += length;
  }
  return pixels;
}

/** Gives the bytes of a frame's blocks one after the other. */
function blockBytes(file: Uint8Array, start: number): () => number {
  let at = start, left = 0;
  return () => {
    while (left === 0) {
      left = file[at++] ?? 0;
      if (at + left > file.length || at > file.length) throw cutShort("GIF");
      if (left === 0) throw cutShort("GIF");
    }
    left--;
    return file[at++]!;
  };
}
