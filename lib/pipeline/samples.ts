/** Where pictures are by which a machine's pace is measured. */
import { join } from "node:path";
import { PROGRAM_DIR } from "../shared/program.ts";

/** Folder of the demo's pictures. */
export const SAMPLES_DIR: string = join(PROGRAM_DIR, "demo/pictures");
