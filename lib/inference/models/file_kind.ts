/** What a file is that was taken for a model, in plain words. */

const ONNX_NEEDED = "export the image encoder as ONNX";

/** Kinds by what their files begin with, or have at an offset. */
const KINDS: readonly (readonly [begin: string | RegExp, words: string, at?: number])[] = [
  [/^\s*<(?:!doctype|html|head|\?xml|!--)/i, "it is a web page; download the file itself"],
  [
    "version https://git-lfs.github.com/",
    "it is a pointer of Git LFS, not the file itself; get it with `git lfs pull`",
  ],
  ["\x89HDF\r\n", "it is an HDF5 file, as Keras writes them; give it a name that ends in .h5"],
  ["TFL3", `it is a TensorFlow Lite file; ${ONNX_NEEDED}`, 4],
  ["ORTM", "it is in ONNX Runtime's own format (.ort); give the ONNX file that it was made of", 4],
  ['{"', `it is a safetensors file, of weights without a network; ${ONNX_NEEDED}`, 8],
  ["{\n", `it is a safetensors file, of weights without a network; ${ONNX_NEEDED}`, 8],
  ["\x80\x02", `it is a file of PyTorch or a Python pickle; ${ONNX_NEEDED}`],
  ["\x80\x04", `it is a file of PyTorch or a Python pickle; ${ONNX_NEEDED}`],
  ["\x08\x01\x12", `it is a SavedModel of TensorFlow; ${ONNX_NEEDED}`],
  ["GGUF", `it is a GGUF file; ${ONNX_NEEDED}`],
  ["\x93NUMPY", "it is a NumPy array"],
  ["\x1f\x8b", "it is packed with gzip; unpack it first"],
  ["7z\xbc\xaf", "it is a 7z archive; unpack it first"],
  ["ustar", "it is a tar archive; unpack it first", 257],
];

/**
 * What a file is, where that is known and it is no ONNX model; undefined otherwise.
 *
 * @param head the first kilobyte, or the whole file
 */
export function foreignKind(head: Uint8Array): string | undefined {
  if (head.length === 0) return "it is empty";
  const text = String.fromCharCode(...head.subarray(0, 1024));
  if (text.startsWith("PK\x03\x04")) return zipKind(text);
  for (const [begin, words, at = 0] of KINDS) {
    if (typeof begin === "string" ? text.startsWith(begin, at) : begin.test(text)) return words;
  }
  return isText(head) ? "it is a text" : undefined;
}

function zipKind(text: string): string {
  if (/\/data\.pkl|\/\.data\/|\/byteorder/.test(text)) {
    return `it is a PyTorch file; ${ONNX_NEEDED}`;
  }
  if (text.includes("metadata.json") || text.includes("model.weights.h5")) {
    return "it is in the format of Keras 3: if it holds InceptionV3, give it a name that ends in " +
      '.keras; else export it, with model.export("NAME.onnx", format="onnx")';
  }
  return "it is a ZIP archive; unpack it first";
}

/** Of ONNX, the first byte is mostly 8, the tag of its version: no text holds it. */
function isText(head: Uint8Array): boolean {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    // deno-lint-ignore no-control-regex -- what is not in texts
    return !/[\x00-\x08\x0e-\x1f]/.test(text);
  } catch {
    return false;
  }
}
