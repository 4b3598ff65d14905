/** Where this program is. */
import { resolve } from "node:path";

/** The folder of this program: the one that holds deno.json. */
export const PROGRAM_DIR: string = resolve(import.meta.dirname ?? ".", "../..");
