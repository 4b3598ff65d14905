/** What ONNX Runtime says of a model that it does not take, in plain words. */
import { errorMessage, SetupError } from "../../shared/errors.ts";

/** Its messages, and what they mean; `$1` and so on are parts of the message. */
const MEANINGS: readonly (readonly [message: RegExp, meaning: string])[] = [
  [
    /Opset (\d+) is under development.*domain (\S+) is till opset (\d+)/,
    "it is of operator set $1 of $2, and ONNX Runtime knows up to $3; export it with an older one" +
    " (opset_version=17)",
  ],
  [
    /model IR version: (\d+), max supported IR version: (\d+)/,
    "it is of the ONNX format's version $1, and ONNX Runtime knows up to $2; save it with an older" +
    " one (ir_version 8 to $2)",
  ],
  [/protobuf parsing failed|ModelProto does not have a graph/i, "it is cut short or damaged"],
  [/missing opset/i, "it is cut short or damaged: it names no operator set"],
  [
    /Unsupported data type: 16$/,
    "its input or output is of bfloat16, which Maken cannot give or take; export it in float32",
  ],
  [
    /Could not find an implementation for (\w+)\((\d+)\)/,
    "ONNX Runtime cannot compute its $1 with numbers of this type on a CPU; export it in float32",
  ],
  [
    /(?:Fatal error: |No Op registered for )(\S+?)(?:\(-?\d+\))? (?:is not a registered|with domain)/,
    "it needs the operator $1, which ONNX Runtime does not have; export it without",
  ],
];

/** Messages about what no model may hold. */
const INVALID = /invalid model|ShapeInferenceError|Invalid tensor|not match expected/i;

/**
 * Why ONNX Runtime does not load or run a model.
 *
 * @param what it was to do
 */
export function onnxFault(error: unknown, what = "load it"): SetupError {
  const message = errorMessage(error);
  for (const [pattern, meaning] of MEANINGS) {
    const found = pattern.exec(message);
    if (found === null) continue;
    const words = meaning.replace(/\$(\d)/g, (_, n) => found[Number(n)] ?? "");
    return new SetupError(words, { cause: error });
  }
  const reason = withoutPlaces(message);
  if (INVALID.test(message)) {
    return new SetupError(`it is damaged, or was exported wrongly: ${reason}`, { cause: error });
  }
  return new SetupError(`ONNX Runtime cannot ${what}: ${reason}`, {
    cause: error,
  });
}

/** Without the places in the library's own source. */
function withoutPlaces(message: string): string {
  return message.replace(/^failed to call .*? ERROR_MESSAGE: /, "").replace(
    /^(?:\S*\/)?\S+\.(?:cc|h):\d+ .*?\) (?=[A-Z])/,
    "",
  )
    .replace(/\S+\.(?:cc|h):\d+ \S+ ?/g, "")
    .replace(/onnxruntime::\S+\(.*?\) .*? was false\. /, "")
    .replace(
      /Non-zero status code .*? running (\w+) node\. Name:'.*?' Status Message:/,
      "at its $1:",
    )
    .replace(/^(?:This is an )?invalid model\. /i, "")
    .trim().replace(/\.$/, "");
}
