/** Models: an ONNX file each, with a manifest beside it. */
import { join } from "node:path";
import { fileReason, SetupError } from "../../shared/errors.ts";
import { modifiedTime, requireOwnFile } from "./model_file.ts";
import { INPUT_SIZE, VECTOR_SIZE } from "./inception_v3.ts";
import { manifest, type ModelManifest } from "./manifest.ts";
import { BUILD, DEMO, findModel, IMAGENET, modelPaths, MODELS_DIR } from "../native.ts";
import { buildOnnx, INPUT_NAME, OUTPUT_NAME } from "./onnx_graph.ts";
import { readDemoWeights } from "./safetensors.ts";
import { commandLine } from "../../shared/program.ts";

/** A model that is ready to be loaded. */
export interface Model extends ModelManifest {
  /** Absolute path of the ONNX file. */
  readonly path: string;
}

/**
 * The model of that name or file; the bundled `demo` is built from its weights when it is first
 * wanted.
 *
 * @param model name, or absolute path of an ONNX file with its manifest beside it
 * @param folders where a name is looked for; `demo` is built in the first that can be written
 * @throws {SetupError} if there is none
 */
export async function openModel(
  model: string,
  folders: readonly string[] = [MODELS_DIR],
): Promise<Model> {
  const paths = findModel(model, folders);
  if (paths === undefined && model === DEMO) return await buildDemo(folders);
  try {
    if (paths === undefined) throw new TypeError(howToGet(model));
    const made = await readManifest(paths.manifest);
    await requireOwnFile(paths.onnx, made);
    return { ...made, path: paths.onnx };
  } catch (error) {
    throw new SetupError(`Cannot use model "${model}": ${fileReason(error)}`, { cause: error });
  }
}

function howToGet(model: string): string {
  if (model === IMAGENET) {
    return `its weights are not here: "${
      commandLine(`model fetch ${IMAGENET}`)
    }" downloads them (84 MB); ` +
      `"--model ${DEMO}" needs no download`;
  }
  return /\.onnx$/.test(model)
    ? `there is no such file; "${commandLine("model import")}" makes a model of an ONNX file`
    : `there is none of that name; "${commandLine("model list")}" tells which there are`;
}

/**
 * Reads a manifest.
 *
 * @throws {TypeError} if it is none, or cannot be read
 */
export async function readManifest(path: string): Promise<ModelManifest> {
  const text = await Deno.readTextFile(path).catch((error) => {
    const reason = error instanceof Deno.errors.NotFound
      ? `is missing; "${commandLine("model import")}" makes it`
      : `cannot be read: ${fileReason(error)}`;
    throw new TypeError(`its manifest "${path}" ${reason}`, { cause: error });
  });
  const parsed = manifest.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]!.path;
  const what = where.length === 0
    ? "it is not a JSON object"
    : `"${where.join(".")}" is missing in it, or is of another kind`;
  throw new TypeError(`"${path}" is not a manifest: ${what}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused as no manifest
  }
}

/** Length and digest of a model's file. */
export async function fingerprint(
  onnx: Uint8Array<ArrayBuffer>,
): Promise<Pick<ModelManifest, "bytes" | "sha256">> {
  const digest = await crypto.subtle.digest("SHA-256", onnx);
  return { bytes: onnx.length, sha256: new Uint8Array(digest).toHex() };
}

/** What every InceptionV3 takes and gives. */
export const INCEPTION_V3: Pick<ModelManifest, "input" | "output" | "resize"> = {
  input: {
    name: INPUT_NAME,
    size: INPUT_SIZE,
    type: "float32",
    layout: "nchw",
    channels: "rgb",
    fit: "stretch",
    fill: [0, 0, 0],
    filter: "bicubic",
    preprocess: "tf",
  },
  output: { name: OUTPUT_NAME, size: VECTOR_SIZE },
  resize: "pillow-9",
};

async function buildDemo(folders: readonly string[]): Promise<Model> {
  const onnx = buildOnnx(
    readDemoWeights(await Deno.readFile(join(MODELS_DIR, "demo.safetensors"))),
  );
  const made: ModelManifest = {
    name: DEMO,
    source: "npm nsfwjs 4.4.0, inception_v3, weights of 8 bits",
    licence: "MIT",
    build: BUILD,
    ...INCEPTION_V3,
    ...await fingerprint(onnx),
  };
  const faults: unknown[] = [];
  for (const folder of folders) {
    const paths = modelPaths(DEMO, folder);
    try {
      await Deno.mkdir(folder, { recursive: true });
      await removeLeftOvers(folder);
      await writeWhole(paths.onnx, onnx);
      const whole = { ...made, modified: await modifiedTime(paths.onnx) };
      await writeWhole(paths.manifest, new TextEncoder().encode(JSON.stringify(whole, null, 2)));
      return { ...whole, path: paths.onnx };
    } catch (error) {
      faults.push(error);
    }
  }
  const [fault] = faults;
  throw new SetupError(
    `Cannot build model "${DEMO}" in ${folders.join(" or ")}: ${fileReason(fault)}; ` +
      "--models-dir names a folder that can be written",
    { cause: fault },
  );
}

/** Removes what killed builds left behind; one that is under way takes seconds. */
async function removeLeftOvers(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (!name.endsWith(".tmp")) continue;
    try {
      const age = Date.now() - ((await Deno.stat(path)).mtime?.getTime() ?? 0);
      if (age > 60_000) await Deno.remove(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // another run has renamed it
    }
  }
}

async function writeWhole(path: string, data: Uint8Array): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  await Deno.writeFile(temporary, data);
  await Deno.rename(temporary, path);
}
