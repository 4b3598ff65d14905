/** Where the optional package of the tfjs engine is. Its worker reads this: it imports little. */
import { join } from "node:path";
import { PROGRAM_DIR } from "../../shared/program.ts";

/** The package, and the command by which the user installs it. */
export const TFJS_PACKAGE = "@tensorflow/tfjs-node";
export const TFJS_INSTALL = `npm install --prefix tfjs ${TFJS_PACKAGE}@4.22.0`;

/** Folder of the program that the command installs into. */
export const TFJS_DIR: string = join(PROGRAM_DIR, "tfjs");
