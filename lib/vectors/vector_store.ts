/** Vectors on disk: which file belongs to a record, and the two formats behind one call. */
import { join } from "node:path";
import { VectorError } from "../shared/errors.ts";
import { exists, readFile } from "../shared/files.ts";
import { decodeNpy, encodeNpy } from "./npy.ts";
import { countVct, decodeVct, encodeVct } from "./vct.ts";

const decoder = new TextDecoder();

/** File formats of vectors. */
export const VECTOR_FORMATS = ["npy", "vct"] as const;
/** One of {@linkcode VECTOR_FORMATS}. */
export type VectorFormat = typeof VECTOR_FORMATS[number];

/** How a folder names its vectors. */
export interface VectorNaming {
  readonly format: VectorFormat;
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
 * Path of a record's vector: in the folder that mirrors the record's own, else at the top of the
 * vectors' folder. Undefined where there is none.
 *
 * @param folder of the record, relative to the records' folder
 * @param stem name of the record's file less `.json`
 */
export function findVector(
  vectorsDir: string,
  folder: string,
  stem: string,
  naming: VectorNaming,
): string | undefined {
  return vectorPaths(vectorsDir, folder, stem, naming).find(exists);
}

function* vectorPaths(vectorsDir: string, folder: string, stem: string, naming: VectorNaming) {
  const name = vectorFileName(stem, naming);
  if (folder !== "") yield join(vectorsDir, folder, name);
  yield join(vectorsDir, name);
}

/**
 * Reads the vector of a record, where {@linkcode findVector} finds it; undefined where there is none.
 *
 * @throws {VectorError} if the file is not a vector
 */
export async function readVector(
  vectorsDir: string,
  folder: string,
  stem: string,
  naming: VectorNaming,
): Promise<Float32Array | undefined> {
  for (const path of vectorPaths(vectorsDir, folder, stem, naming)) {
    try {
      return await readVectorFile(path, naming.format);
    } catch (error) {
      if (exists(path)) throw error; // asked only now, as most files are there
    }
  }
  return undefined;
}

/**
 * Whether there is a whole vector file: its header and its length are right, as far as a look without
 * reading every number of a text can tell.
 *
 * @param size length that the vector must have; any will do where it is left out
 */
export async function isWholeVector(
  path: string,
  format: VectorFormat,
  size?: number,
): Promise<boolean> {
  if (!exists(path)) return false;
  try {
    const file = await readFile(path);
    const length = format === "npy" ? decodeNpy(file).length : countVct(decoder.decode(file));
    return length > 0 && (size === undefined || length === size);
  } catch {
    return false; // damaged, or not to be read: it is made again
  }
}

/**
 * Reads one vector file; the format follows from the name where it is left out.
 *
 * @throws {VectorError} if the file is not a vector
 */
export async function readVectorFile(
  path: string,
  format: VectorFormat = path.toLowerCase().endsWith(".npy") ? "npy" : "vct",
): Promise<Float32Array> {
  try {
    const file = await readFile(path);
    return format === "npy" ? decodeNpy(file) : decodeVct(decoder.decode(file));
  } catch (error) {
    if (!(error instanceof VectorError)) throw error;
    throw new VectorError(`Cannot read "${path}": ${error.message}`, error.code, { cause: error });
  }
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
