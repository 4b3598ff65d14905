/** Vectors on disk: which file belongs to a record, and the two formats behind one call. */
import { VectorError } from "../shared/errors.ts";
import { exists, readFile } from "../shared/files.ts";
import { decodeNpy, encodeNpy } from "./npy.ts";
import { countVct, decodeVct, encodeVct } from "./vct.ts";

const decoder = new TextDecoder();

/** File formats of vectors; `txt` is another ending of `vct`. */
export const VECTOR_FORMATS = ["npy", "vct", "txt"] as const;
/** One of {@linkcode VECTOR_FORMATS}. */
export type VectorFormat = typeof VECTOR_FORMATS[number];

/** How a folder names its vectors. */
export interface VectorNaming {
  /** `json` holds a document with its vector, which is read elsewhere. */
  readonly format: VectorFormat | "json";
  /** Follows the id in the file's name. */
  readonly suffix: string;
}

/** `<stem of the record's file><suffix>.<format>`. */
export function vectorFileName(stem: string, { format, suffix }: VectorNaming): string {
  return `${stem}${suffix}.${format}`;
}

/** A vector as the bytes or text of its file. */
export function encodeVector(vector: Float32Array, format: VectorFormat): Uint8Array | string {
  return format === "npy" ? encodeNpy(vector) : encodeVct(vector);
}

/**
 * Whether there is a whole vector file: its header and its length are right, as far as a look without
 * reading every number of a text can tell.
 *
 * @param size length that the vector must have; any will do where it is left out
 */
export async function isWholeVector(
  path: string,
  format: VectorNaming["format"],
  size?: number,
): Promise<boolean> {
  if (!exists(path)) return false;
  try {
    const file = await readFile(path);
    const isText = format !== "npy" || isPlainText(file);
    const length = isText ? countVct(decoder.decode(file)) : decodeNpy(file).length;
    return length > 0 && (size === undefined || length === size);
  } catch {
    return false; // damaged, or not to be read: it is made again
  }
}

/**
 * Reads one vector file; the format follows from the name where it is left out. Text in a `.npy` file is
 * read as such.
 *
 * @param onText is called for a vector as text in a `.npy` file
 * @throws {VectorError} if the file is not a vector
 */
export async function readVectorFile(
  path: string,
  format: VectorNaming["format"] = path.toLowerCase().endsWith(".npy") ? "npy" : "vct",
  onText: () => void = () => {},
): Promise<Float32Array> {
  try {
    const file = await readFile(path);
    const isText = format === "npy" && isPlainText(file);
    if (format === "npy" && !isText) return decodeNpy(file);
    const vector = decodeVct(decoder.decode(file));
    if (isText) onText();
    return vector;
  } catch (error) {
    if (!(error instanceof VectorError)) throw error;
    throw new VectorError(`Cannot read "${path}": ${error.message}`, error.code, { cause: error });
  }
}

/** Whether a file is text in place of NumPy's format: scripts wrote such, where a suffix was mistaken. */
function isPlainText(file: Uint8Array): boolean {
  const isControl = (byte: number) => byte < 32 ? byte < 9 || byte > 13 : byte === 127;
  return file.length > 0 && file[0] !== 0x93 && file[0] !== 0x80 &&
    !file.subarray(0, 64).some(isControl);
}

/**
 * Lengths past which float32 cannot hold their squares: a server's scores of such vectors would not
 * be numbers, and spoil every search that meets them.
 */
const MIN_LENGTH = 1e-18, MAX_LENGTH = 1e18;

/**
 * Checks that a vector can be compared by its angle: of the wanted size, finite, not all zeros, and
 * neither too long nor too short for that.
 *
 * @throws {VectorError} with code `vector_size` or `vector_values`
 */
export function checkVector(vector: Float32Array, size: number): void {
  if (vector.length !== size) {
    throw new VectorError(`it has ${vector.length} numbers in place of ${size}`, "vector_size");
  }
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i]! * vector[i]!;
  if (squares === 0) throw new VectorError("all its numbers are zero", "vector_values");
  if (!Number.isFinite(squares)) {
    throw new VectorError("it holds numbers that are not finite", "vector_values");
  }
  const length = Math.sqrt(squares);
  if (length < MIN_LENGTH || length > MAX_LENGTH) {
    const reason = `its numbers are too ${length > 1 ? "large" : "small"} to be compared`;
    throw new VectorError(reason, "vector_values");
  }
}
