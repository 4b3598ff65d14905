/** Reads whole files, in the way that suits their disk. */
import { setImmediate } from "node:timers/promises";

/** Mean milliseconds of a read from which on several at a time are worth it. */
const SLOW_READ_MS = 2;
/** Of so many reads the mean is taken; and so many go out together before it is taken again. */
const SPAN = 64;
/** How long signals and answers may have to wait for reads. */
const TURN_MS = 5;

let meanMs = 0;
let reads = 0;
let turn = 0;

/**
 * A file's bytes. Where that is quick, as from memory or a disk of the machine, they are read at
 * once: to have another thread do it takes more CPU than the read. Once it turns out slow, as from
 * a disk in the network, many reads wait at the same time.
 */
export async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  if (meanMs > SLOW_READ_MS && ++reads % SPAN > 0) return await Deno.readFile(path);
  if (performance.now() - turn > TURN_MS) {
    await setImmediate();
    turn = performance.now();
  }
  return readTimed(path);
}

function readTimed(path: string): Uint8Array<ArrayBuffer> {
  const start = performance.now();
  try {
    return Deno.readFileSync(path);
  } finally {
    meanMs += (performance.now() - start - meanMs) / SPAN;
  }
}
