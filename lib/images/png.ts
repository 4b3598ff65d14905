/** Decodes PNG files to the pixels that Pillow's `convert("RGB")` gives, without native code. */
import { constants, crc32, createInflate, inflateSync } from "node:zlib";
import { ImageError } from "../shared/errors.ts";
import { joined } from "../shared/streams.ts";
import { checkSize, cutShort, damaged, fullPalette, type Pixels } from "./pixels.ts";

interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample. */
  readonly depth: number;
  /** Samples of a pixel, by the type of colour. */
  readonly samples: number;
  readonly colour: number;
  readonly isInterlaced: boolean;
}

/** Samples of a pixel and their allowed bits, by type of colour. */
const COLOURS: Readonly<Record<number, { samples: number; depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] }, // gray
  2: { samples: 3, depths: [8, 16] }, // RGB
  3: { samples: 1, depths: [1, 2, 4, 8] }, // palette
  4: { samples: 2, depths: [8, 16] }, // gray and alpha
  6: { samples: 4, depths: [8, 16] }, // RGB and alpha
};

/** Adam7's passes: first column, first row, steps between columns and rows. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/**
 * Decodes a PNG file. Transparency, gamma and profiles are ignored, 16-bit gray is clipped at 255 and
 * other samples of 16 bits keep their upper 8, as in Pillow.
 *
 * @throws {ImageError} if the file is damaged or has not all rows, or its picture is too large
 */
export async function decodePng(file: Uint8Array): Promise<Pixels> {
  const { header, palette, parts } = readChunks(file);
  const { width, height, isInterlaced } = header;
  const passes = isInterlaced ? PASSES : [[0, 0, 1, 1] as const];
  const isGray = header.colour === 0 || header.colour === 4;
  const channels = isGray ? 1 : 3;
  const data = new Uint8Array(width * height * channels);

  const length = passes.reduce((sum, [x, y, stepX, stepY]) => {
    const columns = Math.ceil((width - x) / stepX), rows = Math.ceil((height - y) / stepY);
    return sum + (columns > 0 ? rows * (1 + rowBytes(header, columns)) : 0);
  }, 0);
  const raw = await inflated(joined(parts), length);

  let offset = 0;
  for (const [x, y, stepX, stepY] of passes) {
    const columns = Math.ceil((width - x) / stepX);
    if (columns <= 0) continue;
    const bytes = rowBytes(header, columns);
    let above: Uint8Array = new Uint8Array(bytes);
    for (let top = y; top < height; top += stepY) {
      const row = raw.subarray(offset + 1, offset + 1 + bytes);
      unfilter(raw[offset]!, row, above, Math.max(1, header.depth * header.samples / 8));
      const target = (top * width + x) * channels;
      if (header.depth === 8 && header.samples === channels && stepX === 1 && !palette) {
        data.set(row, target);
      } else if (header.depth >= 8 && !palette) {
        putSamples(row, header, data, target, stepX * channels, isGray);
      } else {
        putIndices(row, header, palette, data, target, stepX * channels, columns);
      }
      above = row;
      offset += 1 + bytes;
    }
  }
  return { data, width, height, channels };
}

/**
 * The bytes of all rows. What follows them does no harm, and the checksum at their end may be missing.
 *
 * @throws {ImageError} if they are damaged, or fewer than `length`
 */
async function inflated(data: Uint8Array, length: number): Promise<Uint8Array> {
  try {
    // In one piece: faster.
    const options = { maxOutputLength: length, chunkSize: Math.max(64, length) };
    const { buffer, byteOffset, byteLength } = inflateSync(data, options);
    if (byteLength < length) throw cutShort("PNG");
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "Z_DATA_ERROR") throw damaged("PNG", "", { cause: error });
  }
  const stream = createInflate({ finishFlush: constants.Z_SYNC_FLUSH });
  stream.end(data);
  const parts: Uint8Array[] = [];
  let missing = length;
  try {
    for await (const part of stream) {
      parts.push(part);
      if ((missing -= part.length) <= 0) return joined(parts);
    }
  } catch (error) {
    throw damaged("PNG", "", { cause: error });
  }
  throw cutShort("PNG");
}

interface Chunks {
  readonly header: PngHeader;
  readonly palette: Uint8Array | undefined;
  /** Pieces of the compressed rows. */
  readonly parts: readonly Uint8Array[];
}

/** The chunks up to the pixels' last one; those that pixels are not made of are only checked. */
function readChunks(file: Uint8Array): Chunks {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const parts: Uint8Array[] = [];
  let header: PngHeader | undefined, palette: Uint8Array | undefined;
  for (let i = 8, end; i + 8 <= file.length; i = end + 4) {
    end = i + 8 + view.getUint32(i);
    const type = String.fromCharCode(...file.subarray(i + 4, i + 8));
    if (type === "IEND" || (parts.length > 0 && type !== "IDAT")) break;
    if (end + 4 > file.length && type !== "IDAT") throw cutShort("PNG", "it ends in its header");
    if (end + 4 <= file.length && crc32(file.subarray(i + 4, end)) !== view.getUint32(end)) {
      throw damaged("PNG", `wrong checksum of ${describeChunk(type)}`);
    }
    const chunk = file.subarray(i + 8, end);
    if (type === "IHDR") header = readHeader(chunk);
    else if (type === "PLTE") palette = chunk;
    else if (type === "IDAT") parts.push(chunk);
  }
  if (header === undefined || parts.length === 0) throw cutShort("PNG", "it ends in its header");
  if (header.colour !== 3) return { header, palette: undefined, parts };
  if (palette === undefined) throw damaged("PNG", "no palette comes before its pixels");
  if (palette.length > 768) throw damaged("PNG", "its palette has more than 256 colours");
  return { header, palette: fullPalette(palette), parts };
}

function describeChunk(type: string): string {
  const known: Record<string, string> = { IHDR: "its header", PLTE: "its palette" };
  return known[type] ?? (type === "IDAT" ? "its pixels" : "what it says of itself");
}

function readHeader(chunk: Uint8Array): PngHeader {
  if (chunk.length < 13) throw cutShort("PNG", "it ends in its header");
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth = 0, colour = 0, compression, filter, interlace = 0] = chunk.subarray(8);
  const known = COLOURS[colour];
  if (
    width * height === 0 || known === undefined || !known.depths.includes(depth) ||
    compression !== 0 || filter !== 0 || interlace > 1
  ) throw damaged("PNG", "its header is impossible");
  checkSize(width, height);
  return { width, height, depth, samples: known.samples, colour, isInterlaced: interlace === 1 };
}

/** Bytes of a row, without that of its filter. */
function rowBytes({ depth, samples }: PngHeader, columns: number): number {
  return Math.ceil(columns * depth * samples / 8);
}

/** Undoes a row's filter in place. */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array, pixelBytes: number): void {
  const n = pixelBytes, length = row.length;
  if (filter === 1) {
    for (let i = n; i < length; i++) row[i]! += row[i - n]!;
  } else if (filter === 2) {
    for (let i = 0; i < length; i++) row[i]! += above[i]!;
  } else if (filter === 3) {
    for (let i = 0; i < n; i++) row[i]! += above[i]! >> 1;
    for (let i = n; i < length; i++) row[i]! += (row[i - n]! + above[i]!) >> 1;
  } else if (filter === 4) {
    for (let i = 0; i < n; i++) row[i]! += above[i]!;
    for (let i = n; i < length; i++) row[i]! += paeth(row[i - n]!, above[i]!, above[i - n]!);
  } else if (filter > 4) throw damaged("PNG");
}

/** Which of the three is nearest to `left + up - corner`. */
function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** Puts a row of samples of 8 or 16 bits into the picture. */
function putSamples(
  row: Uint8Array,
  { depth, samples, colour }: PngHeader,
  data: Uint8Array,
  target: number,
  step: number,
  isGray: boolean,
): void {
  const bytes = depth / 8;
  const isClipped = depth === 16 && colour === 0;
  for (let i = 0; i < row.length; i += samples * bytes, target += step) {
    data[target] = isClipped && row[i]! === 0 ? row[i + 1]! : isClipped ? 255 : row[i]!;
    if (isGray) continue;
    data[target + 1] = row[i + bytes]!;
    data[target + 2] = row[i + 2 * bytes]!;
  }
}

/** Puts a row of palette indices, or of gray of less than 8 bits, into the picture. */
function putIndices(
  row: Uint8Array,
  { depth }: PngHeader,
  palette: Uint8Array | undefined,
  data: Uint8Array,
  target: number,
  step: number,
  columns: number,
): void {
  const most = (1 << depth) - 1;
  for (let column = 0; column < columns; column++, target += step) {
    const bit = column * depth;
    const value = (row[bit >> 3]! >> (8 - depth - (bit & 7))) & most;
    if (palette === undefined) data[target] = value * 255 / most;
    else data.set(palette.subarray(3 * value, 3 * value + 3), target);
  }
}
