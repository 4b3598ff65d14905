/** Where native code and models are, and what a run that uses them must be allowed. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { path } from "../shared/args.ts";
import { errorMessage, UsageError } from "../shared/errors.ts";
import { PROGRAM_DIR } from "../shared/program.ts";
import { joinPermissions, type Permissions } from "../shared/permissions.ts";
import type { EngineName } from "./engines/engine.ts";
import { TFJS_DIR, TFJS_PACKAGE } from "./engines/tfjs_package.ts";

/** Folder of the npm packages, with their native libraries. */
export const PACKAGES_DIR: string = join(PROGRAM_DIR, "node_modules");

/** Folder of the program for models; it holds the weights of the bundled one. */
export const MODELS_DIR: string = join(PROGRAM_DIR, "models");

/** Variable in which a tool is told the user's folder of data, so that it need not know more of them. */
const DATA_ENV = "MAKEN_DATA";

/** Variables that {@linkcode modelFolders} reads in a tool. */
export const MODELS_ENV: readonly string[] = ["MAKEN_MODELS", DATA_ENV];

/** What a tool's environment has to hold for {@linkcode modelFolders}. */
export function modelsEnvironment(): Record<string, string> {
  return { [DATA_ENV]: userDataFolder() };
}

/**
 * The folder that was chosen for models, by `--models-dir` or else by MAKEN_MODELS.
 *
 * @throws {UsageError} if it cannot be used
 */
export function chosenModelsDir(modelsDir: string | undefined): string | undefined {
  const text = Deno.env.get("MAKEN_MODELS") ?? "";
  if (modelsDir !== undefined || text === "") return modelsDir;
  try {
    return path(text);
  } catch (error) {
    const reason = errorMessage(error).replace(/\.$/, "");
    throw new UsageError(`Cannot use MAKEN_MODELS "${text}": ${reason}`);
  }
}

/**
 * Folders in which a model is looked for, in this order: the one that was chosen, the program's, the
 * user's own. What is built goes to the first of them that can be written.
 *
 * @param modelsDir value of `--models-dir`
 * @throws {UsageError} if MAKEN_MODELS cannot be used
 */
export function modelFolders(modelsDir: string | undefined): string[] {
  const chosen = chosenModelsDir(modelsDir);
  const own = userDataFolder();
  const folders = [
    ...chosen === undefined ? [] : [chosen],
    MODELS_DIR,
    ...own === "" ? [] : [join(own, "models")],
  ];
  return [...new Set(folders)];
}

/** Where the platform keeps a user's data of this program; empty for a user without a home. */
function userDataFolder(): string {
  const told = Deno.env.get(DATA_ENV);
  if (told !== undefined) return told;
  const folder = (name: string, below: string) => {
    const home = Deno.env.get(name) ?? "";
    const isUsable = isAbsolute(home) && !home.includes(","); // which would end it in a permission
    return isUsable ? join(home, below, "maken") : "";
  };
  if (Deno.build.os === "windows") return folder("LOCALAPPDATA", ".");
  if (Deno.build.os === "darwin") return folder("HOME", "Library/Application Support");
  return folder("XDG_DATA_HOME", ".") || folder("HOME", ".local/share");
}

/** What a worker reads besides the model: its own code. */
export const CODE_READ: readonly string[] = [join(PROGRAM_DIR, "lib"), PACKAGES_DIR];

/** What an engine with its decoder needs to be loaded, besides its own code and the model. */
export function enginePermissions(
  engine: EngineName,
): Required<Pick<Permissions, "read" | "env" | "ffi">> {
  if (engine === "wasm") return { read: [], env: [], ffi: [] };
  const native = { read: ["/usr/bin/ldd"], env: NATIVE_ENV, ffi: [PACKAGES_DIR] };
  if (engine === "onnx") return native;
  return {
    read: [...native.read, TFJS_PACKAGES],
    env: [...native.env, ...TFJS_ENV],
    ffi: [...native.ffi, join(TFJS_PACKAGES, TFJS_PACKAGE)],
  };
}

const TFJS_PACKAGES = join(TFJS_DIR, "node_modules");

/** TensorFlow's settings, which the tfjs engine writes. */
const TFJS_ENV: readonly string[] = [
  "TF_NUM_INTRAOP_THREADS",
  "TF_NUM_INTEROP_THREADS",
  "TF_CPP_MIN_LOG_LEVEL",
];

/** What sharp asks of the environment, and what keeps ONNX Runtime quiet. */
const NATIVE_ENV: readonly string[] = [
  "npm_package_config_libvips",
  "MALLOC_ARENA_MAX",
  "ORT_DISABLE_TELEMETRY",
];

/** What a run may touch that makes vectors with this engine and model. */
export function embeddingPermissions(
  engine: EngineName,
  model: string,
  modelsDir: string | undefined,
): Permissions {
  const folders = modelFolders(modelsDir);
  const isBuilt = model !== DEMO || findModel(DEMO, folders) !== undefined;
  return joinPermissions(
    lookingPermissions(model, modelsDir),
    isBuilt ? {} : { read: folders, write: folders },
    { read: CODE_READ },
    enginePermissions(engine),
  );
}

/** What a run may touch that only looks whether a model is there. */
export function lookingPermissions(model: string, modelsDir: string | undefined): Permissions {
  return { read: modelFiles(model, modelFolders(modelsDir)), env: MODELS_ENV };
}

/** Name of the model with the weights that Keras publishes. */
export const IMAGENET = "imagenet";
/** Name of the model that is bundled. */
export const DEMO = "demo";

/** The files of a model. */
export interface ModelPaths {
  readonly onnx: string;
  readonly manifest: string;
}

/** What the files of a model would be in a folder, by its name or by the path of its ONNX file. */
export function modelPaths(model: string, folder: string = MODELS_DIR): ModelPaths {
  const stem = isAbsolute(model) ? model.replace(/\.onnx$/, "") : join(folder, model);
  return { onnx: `${stem}.onnx`, manifest: `${stem}.json` };
}

/** The files of a model in each of the folders; they need not be there. */
export function modelFiles(model: string, folders: readonly string[]): string[] {
  return [...new Set(folders.flatMap((folder) => Object.values(modelPaths(model, folder))))];
}

/**
 * The files of a model in the first folder that has it; undefined if none has. Of the bundled model
 * only those that this version has built.
 */
export function findModel(model: string, folders: readonly string[]): ModelPaths | undefined {
  return folders.map((folder) => modelPaths(model, folder)).find((paths) =>
    model === DEMO ? isCurrent(paths) : existsSync(paths.onnx) || existsSync(paths.manifest)
  );
}

/** Changes whenever the bundled weights give another ONNX file. */
export const BUILD = 2;

/** Whether a bundled model is there, whole, and as this version builds it. */
function isCurrent({ onnx, manifest }: ModelPaths): boolean {
  try {
    const { build, bytes } = JSON.parse(readFileSync(manifest, "utf8"));
    return build === BUILD && bytes === statSync(onnx).size;
  } catch {
    return false; // missing or not JSON: it is built again
  }
}
