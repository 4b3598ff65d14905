/** `.npy`: NumPy's array format, version 1.0 (numpy.lib.format). */
import { parse } from "npyjs";
import { errorMessage, VectorError } from "../shared/errors.ts";

/** `\x93NUMPY`, then the version. */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];

/**
 * A vector as `numpy.save` writes it: format 1.0, `<f4`, shape (length,), byte for byte.
 *
 * @param vector float32[length]
 */
export function encodeNpy(vector: Float32Array): Uint8Array<ArrayBuffer> {
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${vector.length},), }`;
  // NumPy leaves room for the length to grow to 21 digits, then fills up to a multiple of 64.
  const room = 21 - String(vector.length).length;
  const dataStart = Math.ceil((MAGIC.length + 2 + dict.length + room + 1) / 64) * 64;
  const header = `${dict.padEnd(dataStart - MAGIC.length - 3)}\n`;
  const file = new Uint8Array(dataStart + vector.byteLength);
  const view = new DataView(file.buffer);
  file.set(MAGIC);
  view.setUint16(MAGIC.length, header.length, true);
  file.set(new TextEncoder().encode(header), MAGIC.length + 2);
  for (let i = 0; i < vector.length; i++) view.setFloat32(dataStart + 4 * i, vector[i]!, true);
  return file;
}

/** The header that was parsed last, and how long its file was: those of a folder are alike. */
let familiar: { readonly header: Uint8Array; readonly fileLength: number } | undefined;

/**
 * The vector of an `.npy` file: float32 (or float16), one-dimensional but for axes of length 1. It
 * may share the file's memory.
 *
 * @throws {VectorError} with code `vector_file` if it is anything else
 */
export function decodeNpy(file: Uint8Array<ArrayBuffer>): Float32Array {
  const buffer = file.byteLength === file.buffer.byteLength ? file.buffer : file.slice().buffer;
  if (file.length === familiar?.fileLength && startsWith(file, familiar.header)) {
    return new Float32Array(buffer, familiar.header.length);
  }
  const data = parsed(buffer);
  if (data.buffer === buffer) { // float16 is converted
    const header = new Uint8Array(buffer.slice(0, data.byteOffset));
    familiar = { header, fileLength: buffer.byteLength };
  }
  return data;
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  for (let i = 0; i < start.length; i++) if (bytes[i] !== start[i]) return false;
  return true;
}

function parsed(file: ArrayBuffer): Float32Array {
  let array;
  try {
    array = parse(file);
  } catch (error) {
    throw unreadable(errorMessage(error), error);
  }
  const { data, dtype, shape } = array;
  if (!(data instanceof Float32Array)) {
    throw unreadable(`it holds ${dtype}, not little-endian float32`);
  }
  if (shape.filter((n) => n !== 1).length > 1) throw unreadable(`its shape is (${shape})`);
  if (data.length !== shape.reduce((a, b) => a * b, 1)) {
    throw unreadable(`it holds ${data.length} numbers for the shape (${shape})`);
  }
  return data;
}

function unreadable(reason: string, cause?: unknown): VectorError {
  return new VectorError(`not a vector in NumPy's format: ${reason}`, "vector_file", { cause });
}
