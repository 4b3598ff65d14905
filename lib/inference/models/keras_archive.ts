/** The archive of Keras 3, `.keras`: a zip file of `config.json` and `model.weights.h5`. */
import { unzipSync } from "fflate";

/** Most bytes of weights, and of a configuration; InceptionV3 with its optimizer has 280 MB. */
const MAX_BYTES = new Map([["model.weights.h5", 1e9], ["config.json", 32e6]]);

/** What is taken out of an archive. */
export interface KerasArchive {
  readonly weights: Uint8Array;
  readonly config: string;
}

/**
 * What an archive holds; undefined if the file is no zip file.
 *
 * @throws {TypeError} if it is another zip file, or damaged
 */
export function kerasArchive(file: Uint8Array): KerasArchive | undefined {
  if (file[0] !== 0x50 || file[1] !== 0x4b || file[2] !== 3 || file[3] !== 4) return undefined;
  const names: string[] = [];
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(file, {
      filter: ({ name, originalSize }) => {
        names.push(name);
        return originalSize <= (MAX_BYTES.get(name) ?? -1);
      },
    });
  } catch (cause) {
    throw new TypeError("The zip file is cut short or damaged", { cause });
  }
  const { "model.weights.h5": weights, "config.json": config } = files;
  if (weights === undefined || config === undefined) {
    throw new TypeError(`It is a zip file, but ${contents(names)}`);
  }
  return { weights, config: new TextDecoder().decode(config) };
}

function contents(names: readonly string[]): string {
  if (names.some((name) => /(^|\/)data\.pkl$/.test(name))) {
    return "of PyTorch, not of Keras: export its image encoder to ONNX";
  }
  if (names.some((name) => /(^|\/)saved_model\.pb$/.test(name))) {
    return 'with a SavedModel of TensorFlow: load it in Keras and save it with model.save("NAME.h5")';
  }
  const packed = names.find((name) => /\.(h5|hdf5|keras)$/i.test(name));
  return packed === undefined
    ? "not one that Keras writes (.keras)"
    : `not one that Keras writes (.keras): unpack "${packed}" first`;
}
