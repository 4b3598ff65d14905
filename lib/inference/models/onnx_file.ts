/**
 * Reads an ONNX file (onnx.proto) as far as ONNX Runtime does not tell: where its weights are. Those
 * that are in other files beside it are put into it, so that a model is one file.
 */
import { dirname, isAbsolute, join, normalize } from "node:path";
import { fileReason, SetupError } from "../../shared/errors.ts";
import { linkOutOf } from "../../shared/files.ts";
import { foreignKind } from "./file_kind.ts";
import { PbfReader, PbfWriter } from "./protobuf.ts";

/** The largest file that the format allows. */
const MAX_BYTES = 2 ** 31 - 1;

const DAMAGED = "it is cut short or damaged";

/** Messages that tensors are somewhere in. */
type Message = "model" | "function" | "graph" | "node" | "attribute" | "sparse" | "tensor";

/** Fields that are messages, by their numbers. */
const FIELDS: Readonly<Record<Message, Readonly<Record<number, Message>>>> = {
  model: { 7: "graph", 25: "function" },
  function: { 7: "node" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  sparse: { 1: "tensor", 2: "tensor" },
  tensor: {},
};
/** Fields of a tensor. */
const DIMS = 1, DATA_TYPE = 2, RAW_DATA = 9, EXTERNAL_DATA = 13, DATA_LOCATION = 14;
/** Bytes of a tensor's number, by the type's place in the list. */
const TYPE_BYTES = [, 4, 1, 1, 2, 2, 4, 8, , 1, 2, 8, 4, 8, 8, 16, 2, 1, 1, 1, 1];
/** Wire type of messages, texts and bytes. */
const BYTES = 2;

/** A part of another file. */
interface Part {
  /** Path from the model's folder. */
  readonly location: string;
  readonly offset: number;
  /** In bytes; undefined for all that follows. */
  readonly length: number | undefined;
}

/**
 * An ONNX model as one file.
 *
 * @param path absolute; reads its folder, too
 * @throws {SetupError} if it is none, is not whole, or has more than 2 GB
 */
export async function readOnnxFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const { size } = await Deno.stat(path);
  requireSize(size);
  const file = await Deno.readFile(path);
  const kind = foreignKind(file.subarray(0, 1024));
  if (kind !== undefined) throw new SetupError(kind);
  const parts = externalParts(file);
  if (parts.length === 0) return file;
  const contents = await readParts(dirname(path), parts, size);
  try {
    return withContents(file, contents);
  } catch (cause) {
    throw new SetupError(DAMAGED, { cause });
  }
}

/** @throws {SetupError} if a model has more bytes than the format allows */
export function requireSize(bytes: number): void {
  if (bytes <= MAX_BYTES) return;
  const gigabytes = (bytes / 2 ** 30).toFixed(1);
  throw new SetupError(
    `it has ${gigabytes} GB, and Maken takes models up to 2 GB; export it in float16, or a smaller one`,
  );
}

/** The parts of other files that the model's tensors are in. */
function externalParts(file: Uint8Array): Part[] {
  const parts: Part[] = [];
  const reader = new PbfReader(file);
  let hasGraph = false;
  const visit = (message: Message, end: number) => {
    while (reader.pos < end) {
      const field = reader.nextField(end);
      const child = FIELDS[message][field];
      const next = endOfField(reader);
      hasGraph ||= message === "model" && child === "graph" && reader.type === BYTES;
      if (field === 0 || next > end) throw new RangeError("no field begins here, or it is cut off");
      if (child === undefined) reader.pos = next;
      else if (child === "tensor") parts.push(...externalPart(reader, next));
      else visit(child, next);
      reader.pos = next;
    }
  };
  try {
    visit("model", file.length);
  } catch (cause) {
    const reason = hasGraph ? DAMAGED : "it is no ONNX model";
    throw new SetupError(reason, { cause });
  }
  if (!hasGraph) throw new SetupError("it is no ONNX model");
  return parts;
}

/** Where a field ends; that of a message is read from its beginning on then. */
function endOfField(reader: PbfReader): number {
  if (reader.type === BYTES) {
    const length = reader.readVarint();
    return reader.pos + length;
  }
  const begin = reader.pos;
  reader.skip(reader.type);
  const end = reader.pos;
  reader.pos = begin;
  return end;
}

/** Where the tensor is that begins here, if it is in another file. */
function externalPart(reader: PbfReader, end: number): Part[] {
  const entries = new Map<string, string>();
  const dims: number[] = [];
  let type = 0;
  let isExternal = false;
  reader.readFields(
    (field) => {
      if (field === DIMS && reader.type === BYTES) reader.readPackedVarint(dims);
      else if (field === DIMS) dims.push(reader.readVarint());
      else if (field === DATA_TYPE) type = reader.readVarint();
      else if (field === DATA_LOCATION) isExternal = reader.readVarint() === 1;
      else if (field === EXTERNAL_DATA) {
        const entry = { key: "", value: "" };
        reader.readMessage((field) => {
          if (field === 1) entry.key = reader.readString();
          else if (field === 2) entry.value = reader.readString();
        }, entry);
        entries.set(entry.key, entry.value);
      }
    },
    undefined,
    end,
  );
  if (!isExternal) return [];
  const size = TYPE_BYTES[type];
  const computed = size === undefined ? undefined : dims.reduce((n, side) => n * side, size);
  const location = entries.get("location");
  const offset = Number(entries.get("offset") ?? 0);
  const given = entries.get("length");
  const length = given === undefined ? computed : Number(given);
  const isPlace = Number.isSafeInteger(offset) && Number.isSafeInteger(length ?? 0);
  if (!location || !isPlace || offset < 0 || (length ?? 0) < 0) {
    throw new RangeError("the place of a tensor is no place in a file");
  }
  return [{ location, offset, length }];
}

/** What is in the parts, in their order. */
async function readParts(
  folder: string,
  parts: readonly Part[],
  bytes: number,
): Promise<Uint8Array[]> {
  const sizes = new Map<string, number>();
  for (const { location } of parts) {
    if (!sizes.has(location)) sizes.set(location, await sizeOf(folder, location));
  }
  const lengths = parts.map(({ location, offset, length }) =>
    length ?? sizes.get(location)! - offset
  );
  requireSize(lengths.reduce((sum, length) => sum + length, bytes));
  const contents: Uint8Array[] = [];
  for (const [i, { location, offset }] of parts.entries()) {
    const [size, length] = [sizes.get(location)!, lengths[i]!];
    if (length < 0 || offset + length > size) {
      throw new SetupError(
        `the file of its weights "${location}" has ${size} bytes, but its model needs those ` +
          `up to ${offset + Math.max(0, length)}: it is cut short, or of another model`,
      );
    }
    contents.push(await readPart(join(folder, location), offset, length));
  }
  return contents;
}

/** Some bytes of a file, which may be much larger. */
async function readPart(path: string, offset: number, length: number): Promise<Uint8Array> {
  using file = await Deno.open(path);
  await file.seek(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const n = await file.read(bytes.subarray(at));
    if (n === null) throw new SetupError(`"${path}" became shorter while it was read`);
    at += n;
  }
  return bytes;
}

/** @throws {SetupError} if the file is not there, or not in the model's folder */
async function sizeOf(folder: string, location: string): Promise<number> {
  const path = normalize(location);
  if (isAbsolute(path) || path.split(/[/\\]/)[0] === "..") {
    throw new SetupError(
      `its weights are in "${location}", which is outside the folder of the model`,
    );
  }
  if (linkOutOf(folder, path) !== undefined) {
    throw new SetupError(
      `its weights are in "${location}", a symbolic link that leads out of the folder of the model; ` +
        "copy the model and its weights to one folder",
    );
  }
  try {
    const { isFile, size } = await Deno.stat(join(folder, path));
    if (isFile) return size;
    throw new Deno.errors.IsADirectory();
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "which is not there: put the file beside the model"
      : `which cannot be read: ${fileReason(error)}`;
    throw new SetupError(`its weights are in another file, "${location}", ${reason}`, {
      cause: error,
    });
  }
}

/** The model with its tensors' contents, which are in the order of {@linkcode externalParts}. */
function withContents(
  file: Uint8Array,
  contents: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const size = contents.reduce((sum, { length }) => sum + length, file.length);
  const writer = new PbfWriter(new Uint8Array(size + 16 * (contents.length + 16)));
  const reader = new PbfReader(file);
  let used = 0;
  const copyBytes = (from: number, to: number) => {
    writer.realloc(to - from);
    writer.buf.set(file.subarray(from, to), writer.pos);
    writer.pos += to - from;
  };
  const copy = (message: Message, end: number, isExternal: boolean) => {
    while (reader.pos < end) {
      const begin = reader.pos;
      const field = reader.nextField(end);
      const child = FIELDS[message][field];
      const next = endOfField(reader);
      if (child === undefined) {
        const isPlace = field === EXTERNAL_DATA || field === DATA_LOCATION;
        if (!isExternal || !isPlace) copyBytes(begin, next);
      } else {
        const at = reader.pos;
        const isOutside = child === "tensor" && externalPart(reader, next).length > 0;
        reader.pos = at;
        writer.writeMessage(field, () => copy(child, next, isOutside), undefined);
      }
      reader.pos = next;
    }
    if (isExternal) writer.writeBytesField(RAW_DATA, contents[used++]!);
  };
  copy("model", file.length, false);
  return writer.finish() as Uint8Array<ArrayBuffer>;
}
