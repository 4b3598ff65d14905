/** An instance of the kernel, with a memory of its own that goes when nothing holds it any more. */
import kernel from "./module.js";

/** What `kernel.ts` exports; numbers are addresses unless they are counts. */
export interface Kernel {
  readonly memory: WebAssembly.Memory;
  /** From here on the memory is the caller's. */
  readonly freeMemory: WebAssembly.Global;
  transform(x: number, signs: number, bytes: number): void;
  positives(x: number, bytes: number, code: number): void;
  hammingDistances(
    codes: number,
    bytes: number,
    query: number,
    rows: number,
    count: number,
    distances: number,
  ): void;
  sumsByByte(numbers: number, bytes: number, table: number): void;
  sumsOfCodes(
    codes: number,
    bytes: number,
    table: number,
    rows: number,
    count: number,
    sums: number,
  ): void;
  dot(a: number, b: number, bytes: number): number;
}

/** Makes an instance whose memory has at least so many bytes beside what it needs itself. */
export function startKernel(bytes: number): Kernel {
  const instance = new WebAssembly.Instance(kernel).exports as unknown as Kernel;
  const missing = Number(instance.freeMemory.value) + bytes - instance.memory.buffer.byteLength;
  if (missing > 0) instance.memory.grow(Math.ceil(missing / 65536));
  return instance;
}

/** The next address that 16 divides. */
export function aligned(address: number): number {
  return Math.ceil(address / 16) * 16;
}
