/** The kernel, compiled. In JavaScript because TypeScript does not know this import yet. */
import source kernel from "./kernel.wasm";

/** @type {WebAssembly.Module} */
const module = kernel;
export default module;
