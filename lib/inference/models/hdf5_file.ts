/** What is needed of HDF5: groups, lists of names, texts and numbers, each within limits. */
import { Dataset, File, Group, Module, ready } from "h5wasm";

export { Dataset, Group };

/** What HDF5 begins with, at 0, or at 512, 1024, 2048 … after a block of the user's. */
const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
/** Most bytes of an attribute; a configuration of InceptionV3 has 200 kB. */
const MAX_ATTRIBUTE_BYTES = 32e6;
/** Most names of a list; InceptionV3 has 378 weights. */
const MAX_NAMES = 20_000;
/** Filters that are built in: deflate, shuffle, Fletcher-32, n-bit, scale and offset. */
const FILTERS = [1, 2, 3, 5, 6];
const FLOATS = ["<e", ">e", "<f", ">f", "<d", ">d"];

/** Whether the file is HDF5. */
export function isHdf5(file: Uint8Array): boolean {
  for (let at = 0; at < file.length; at = at * 2 || 512) {
    if (SIGNATURE.every((byte, i) => file[at + i] === byte)) return true;
  }
  return false;
}

/**
 * Opens a file in memory while `use` runs; links out of it lead nowhere. Needs no permissions.
 *
 * @param file it is neither copied nor changed
 * @throws {TypeError} if it is cut short or damaged, or `use` throws it
 */
export async function withHdf5<T>(file: Uint8Array, use: (root: Group) => T): Promise<T> {
  const { FS, activate_throwing_error_handler } = await ready;
  activate_throwing_error_handler();
  const path = `/${crypto.randomUUID()}.h5`; // in h5wasm's own memory
  FS.createDataFile("/", path, file, true, false, true); // the last: without a copy
  try {
    const root = new File(path, "r");
    try {
      return use(root);
    } finally {
      root.close();
    }
  } catch (error) {
    if (error instanceof TypeError) throw error;
    throw new TypeError("The HDF5 file is cut short or damaged", { cause: error });
  } finally {
    FS.unlink(path);
  }
}

/**
 * The names that an attribute lists, or `<attribute>0`, `<attribute>1` …, as Keras splits what is
 * longer than HDF5's 64 kB.
 *
 * @throws {TypeError} if there is none, or it lists no names
 */
export function namesOf(group: Group, attribute: string): string[] {
  const { attrs } = group;
  const parts: string[] = [];
  if (attribute in attrs) parts.push(attribute);
  else for (let i = 0; `${attribute}${i}` in attrs; i++) parts.push(`${attribute}${i}`);
  if (parts.length === 0) throw new TypeError(`Group "${group.path}" has no ${attribute}`);
  const names = parts.flatMap((part) => {
    const value = attributeOf(group, part);
    return Array.isArray(value) ? value.map(String) : []; // an empty list is stored as numbers
  });
  if (names.length > MAX_NAMES) {
    throw new TypeError(`Group "${group.path}" has ${names.length} ${attribute}: too many`);
  }
  return names;
}

/** A text that is kept as an attribute. */
export function textOf(group: Group, attribute: string): string | undefined {
  if (!(attribute in group.attrs)) return undefined;
  const value = attributeOf(group, attribute);
  return typeof value === "string" ? value : undefined;
}

function attributeOf(group: Group, name: string): unknown {
  const attribute = group.attrs[name]!;
  const { size, total_size } = attribute.metadata;
  if (size * total_size > MAX_ATTRIBUTE_BYTES) {
    throw new TypeError(`Attribute "${name}" of group "${group.path}" is too long`);
  }
  return attribute.value;
}

/**
 * A group or dataset below a group.
 *
 * @throws {TypeError} if there is none, in this file
 */
export function memberOf<T>(
  group: Group,
  name: string,
  type: new (file: bigint, path: string) => T,
): T {
  const found = group.get(name);
  if (found instanceof type) return found;
  throw new TypeError(`Group "${group.path}" has no ${type.name.toLowerCase()} "${name}"`);
}

/**
 * The numbers of a dataset of floating-point numbers of 16, 32 or 64 bits, in either order of bytes.
 *
 * @throws {TypeError} if it holds something else, elsewhere or in a way that cannot be read here
 */
export function floatsOf(dataset: Dataset): Float32Array {
  const { dtype, path, metadata } = dataset;
  if (typeof dtype !== "string" || !FLOATS.includes(dtype)) {
    throw new TypeError(`Dataset "${path}" does not hold floating-point numbers`);
  }
  if (metadata.virtual_sources !== undefined) {
    throw new TypeError(`Dataset "${path}" is virtual: its numbers are in other files`);
  }
  const filter = dataset.filters.find(({ id }) => !FILTERS.includes(id));
  if (filter !== undefined) {
    throw new TypeError(
      `Dataset "${path}" is compressed by "${filter.name || filter.id}", which cannot be read ` +
        "here: load the model in Keras and save it again",
    );
  }
  const values = metadata.size === 2 ? halves(dataset) : dataset.value;
  return values instanceof Float32Array ? values : new Float32Array(values as Float64Array);
}

/** Numbers of 16 bits, which h5wasm reads but does not decode. */
function halves({ file_id, path, metadata }: Dataset): Float16Array {
  const bytes = 2 * metadata.total_size;
  const at = Module._malloc(bytes);
  try {
    Module.get_dataset_data(file_id, path, null, null, null, BigInt(at));
    return new Float16Array(Module.HEAPU8.slice(at, at + bytes).buffer);
  } finally {
    Module._free(at);
  }
}
