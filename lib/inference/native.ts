/** Where native code and models are, and what a run that uses them must be allowed. */
import { readFileSync, statSync } from "node:fs";
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

/** Changes whenever the same weights give another ONNX file. */
export const BUILD = 1;

/** Whether the model is there, whole, and as this version builds it. */
export function isBuilt(name: string): boolean {
  const { onnx, manifest } = modelPaths(name);
  try {
    const { build, bytes } = JSON.parse(readFileSync(manifest, "utf8"));
    return build === BUILD && bytes === statSync(onnx).size;
  } catch {
    return false; // missing or not JSON: it is built again
  }
}

/** Paths that a run with the model reads, and those that it writes: none once the model is built. */
export function modelFiles(name: string): { read: string[]; write: string[] } {
  return { read: [MODELS_DIR], write: isBuilt(name) ? [] : [MODELS_DIR] };
}
