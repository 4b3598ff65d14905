/** Where native code and models are, and what a run that uses them must be allowed. */
import { readFileSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { PROGRAM_DIR } from "../shared/program.ts";
import type { Permissions } from "../shared/permissions.ts";
import type { EngineName } from "./engines/engine.ts";

/** Folder of the npm packages, with their native libraries. */
export const PACKAGES_DIR: string = join(PROGRAM_DIR, "node_modules");

/** Folder of the models. */
export const MODELS_DIR: string = join(PROGRAM_DIR, "models");

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

/** Package of the optional tfjs engine, and the command by which the user installs it. */
export const TFJS_PACKAGE = "@tensorflow/tfjs-node";
export const TFJS_INSTALL = `npm install --prefix tfjs ${TFJS_PACKAGE}@4.22.0`;

/** Folder of the program that the command installs into. */
export const TFJS_DIR: string = join(PROGRAM_DIR, "tfjs");
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
): Required<Pick<Permissions, "read" | "write" | "env" | "ffi">> {
  const { read, env, ffi } = enginePermissions(engine);
  const { onnx, manifest } = modelPaths(model);
  const isBuilt = model !== DEMO || isCurrent(model);
  return {
    read: [...(isBuilt ? [onnx, manifest] : [MODELS_DIR]), ...CODE_READ, ...read],
    write: isBuilt ? [] : [MODELS_DIR],
    env,
    ffi,
  };
}

/** Name of the model with the weights that Keras publishes. */
export const IMAGENET = "imagenet";
/** Name of the model that is bundled. */
export const DEMO = "demo";

/** Where the files of a model are, by its name or by the path of its ONNX file. */
export function modelPaths(model: string): { onnx: string; manifest: string } {
  const stem = isAbsolute(model) ? model.replace(/\.onnx$/, "") : join(MODELS_DIR, model);
  return { onnx: `${stem}.onnx`, manifest: `${stem}.json` };
}

/** Changes whenever the bundled weights give another ONNX file. */
export const BUILD = 2;

/** Whether the model is there, whole, and as this version builds it. */
export function isCurrent(name: string): boolean {
  const { onnx, manifest } = modelPaths(name);
  try {
    const { build, bytes } = JSON.parse(readFileSync(manifest, "utf8"));
    return build === BUILD && bytes === statSync(onnx).size;
  } catch {
    return false; // missing or not JSON: it is built again
  }
}
