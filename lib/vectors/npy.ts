/**
 * `.npy`: NumPy's array format (numpy.lib.format, NEP 1). Written as version 1.0; read as NumPy reads
 * numbers, in whatever type and order of bytes.
 */
import { VectorError } from "../shared/errors.ts";

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
 * The vector of an `.npy` file: whole or floating-point numbers as float32, one-dimensional but for
 * axes of length 1. It may share the file's memory.
 *
 * @throws {VectorError} with code `vector_file` if it is anything else
 */
export function decodeNpy(file: Uint8Array<ArrayBuffer>): Float32Array {
  const buffer = file.byteLength === file.buffer.byteLength ? file.buffer : file.slice().buffer;
  if (file.length === familiar?.fileLength && startsWith(file, familiar.header)) {
    return new Float32Array(buffer, familiar.header.length);
  }
  const { start, type, length } = parseHeader(file);
  const data = new DataView(buffer, start);
  if (data.byteLength < length * type.bytes) {
    throw unreadable(`it is cut off: ${length} numbers take ${length * type.bytes} bytes`);
  }
  if (type.isOwn && start % 4 === 0) {
    if (data.byteLength === 4 * length) {
      familiar = { header: file.slice(0, start), fileLength: file.length };
    }
    return new Float32Array(buffer, start, length);
  }
  const numbers = new Float32Array(length);
  for (let i = 0; i < length; i++) numbers[i] = type.read(data, i * type.bytes);
  return numbers;
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  for (let i = 0; i < start.length; i++) if (bytes[i] !== start[i]) return false;
  return true;
}

/** How the numbers of a file are written. */
interface NumberType {
  readonly bytes: number;
  /** Whether it is little-endian float32, which needs no reading one by one. */
  readonly isOwn: boolean;
  readonly read: (data: DataView, at: number) => number;
}

/** What stands before the numbers: where they begin, what they are and how many. */
function parseHeader(
  file: Uint8Array<ArrayBuffer>,
): { start: number; type: NumberType; length: number } {
  if (file.length === 0) throw unreadable("it is empty");
  if (!startsWith(file, Uint8Array.from(MAGIC.slice(0, 6)))) {
    throw unreadable(otherKind(file) ?? "it does not begin as such files do");
  }
  const version = file[6] ?? 1;
  const [from, bytes] = version === 1 ? [10, 2] : [12, 4];
  if (file.length < from) throw unreadable("it is cut off");
  const view = new DataView(file.buffer, file.byteOffset);
  const start = from + (bytes === 2 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (file.length < start) throw unreadable("it is cut off");
  const dict = new TextDecoder("latin1").decode(file.subarray(from, start));
  const [, descr] = /["']descr["']\s*:\s*[uUbB]?["']([^"']*)["']/.exec(dict) ?? [];
  const [, axes] = /["']shape["']\s*:\s*\(([^)]*)\)/.exec(dict) ?? [];
  if (descr === undefined || axes === undefined) {
    throw unreadable("its header names no type and shape of plain numbers");
  }
  const type = numberType(descr);
  if (type === undefined) throw unreadable(`it holds ${descr}, not numbers that Maken reads`);
  const shape = axes.split(",").map((n) => n.trim().replace(/L$/, "")).filter((n) => n !== "");
  if (!shape.every((n) => /^\d+$/.test(n))) throw unreadable(`its shape is (${axes})`);
  const long = shape.map(Number).filter((n) => n !== 1);
  const shown = `its shape is (${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  if (long.includes(0)) throw unreadable(`it holds no numbers: ${shown}`);
  if (long.length > 1) throw unreadable(`it holds more than one vector: ${shown}`);
  return { start, type, length: long[0] ?? 1 };
}

/** What files begin with that are given for `.npy`, and what they are. */
const OTHER_KINDS: readonly (readonly [start: string, kind: string])[] = [
  ["PK\x03\x04", "it is a ZIP archive, as .npz files are"],
  ["\x1f\x8b", "it is compressed with gzip"],
  ["\x80", "it is a Python pickle"],
  ["\x89HDF", "it is an HDF5 file"],
];

function otherKind(file: Uint8Array): string | undefined {
  const start = String.fromCharCode(...file.subarray(0, 4));
  return OTHER_KINDS.find(([begin]) => start.startsWith(begin))?.[1];
}

/** @param descr type as NumPy's `dtype()` takes it, mostly order of bytes, kind, and bytes of a number */
function numberType(descr: string): NumberType | undefined {
  const [, order = "", given = ""] = /^([<>=|]?)([a-z]\d*)$/i.exec(descr) ?? ["", "", descr];
  const isLittle = order !== ">"; // "=" is the order of the machine that wrote it: Intel and ARM
  const name = NAMES.get(given) ?? given.replace(/^(float|u?int)(\d+)$/, bytesOf);
  const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
  return read === undefined ? undefined : {
    bytes: Number(name.slice(1)),
    isOwn: name === "f4" && isLittle,
    read: (data, at) => read(data, at, isLittle),
  };
}

/** Kind and bytes of a type that is named by its bits. */
function bytesOf(_name: string, kind: string, bits: string): string {
  return `${kind[0]}${Number(bits) / 8}`;
}

/** Other names of types, of which C's `long` is as NumPy for Linux has it. */
const NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    f2: "e half",
    f4: "f single",
    f8: "d double float",
    i1: "b byte",
    i2: "h short",
    i4: "i intc",
    i8: "l q p long longlong intp int",
    u1: "B ubyte",
    u2: "H ushort",
    u4: "I uintc",
    u8: "L Q P ulong ulonglong uintp uint",
  }).flatMap(([type, names]) => names.split(" ").map((name) => [name, type] as const)),
);

const READERS: Readonly<Record<string, (data: DataView, at: number, isLittle: boolean) => number>> =
  {
    f2: (data, at, isLittle) => data.getFloat16(at, isLittle),
    f4: (data, at, isLittle) => data.getFloat32(at, isLittle),
    f8: (data, at, isLittle) => data.getFloat64(at, isLittle),
    i1: (data, at) => data.getInt8(at),
    i2: (data, at, isLittle) => data.getInt16(at, isLittle),
    i4: (data, at, isLittle) => data.getInt32(at, isLittle),
    i8: (data, at, isLittle) => Number(data.getBigInt64(at, isLittle)),
    u1: (data, at) => data.getUint8(at),
    u2: (data, at, isLittle) => data.getUint16(at, isLittle),
    u4: (data, at, isLittle) => data.getUint32(at, isLittle),
    u8: (data, at, isLittle) => Number(data.getBigUint64(at, isLittle)),
  };

function unreadable(reason: string): VectorError {
  return new VectorError(`not a vector in NumPy's format: ${reason}`, "vector_file");
}
