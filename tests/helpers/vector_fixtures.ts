/** Vectors that numpy.save and numpy.savetxt wrote: tests/fixtures/regenerate.py. */
import { decodeNpy } from "../../lib/vectors/npy.ts";

/** The bytes of a file. */
export const fixture = (name: string): Promise<Uint8Array<ArrayBuffer>> =>
  Deno.readFile(new URL(`../fixtures/vectors/${name}`, import.meta.url));

/** Numbers of all sizes, `float32[2048]`. */
export const ramp: Float32Array = decodeNpy(await fixture("ramp.npy"));
