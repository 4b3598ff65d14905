/** Where native code and models are, and what a run that uses them must be allowed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PROGRAM_DIR } from "../shared/args.ts";

/** Folder of the npm packages, with their native libraries. */
export const PACKAGES_DIR: string = join(PROGRAM_DIR, "node_modules");

/** Folder of the models. */
export const MODELS_DIR: string = join(PROGRAM_DIR, "models");

/** What a worker reads besides the model: its own code, and what sharp and onnxruntime-node need. */
export const NATIVE_READ: readonly string[] = [
  join(PROGRAM_DIR, "lib"),
  PACKAGES_DIR,
  "/usr/bin/ldd",
];

/** What sharp asks of the environment. */
export const NATIVE_ENV: readonly string[] = ["npm_package_config_libvips", "MALLOC_ARENA_MAX"];

/** Where a model's files are. */
export function modelPaths(name: string): { onnx: string; manifest: string } {
  return { onnx: join(MODELS_DIR, `${name}.onnx`), manifest: join(MODELS_DIR, `${name}.json`) };
}

/** Paths that a run with the model reads, and those that it writes: none once the model is built. */
export function modelFiles(name: string): { read: string[]; write: string[] } {
  const { onnx, manifest } = modelPaths(name);
  const built = existsSync(onnx) && existsSync(manifest);
  return { read: [MODELS_DIR], write: built ? [] : [MODELS_DIR] };
}
