/** The options that say which vector files are meant. */
import { Option } from "@commander-js/extra-typings";
import { choice, fileSuffix } from "../shared/args.ts";
import { VECTOR_FORMATS, type VectorFormat } from "./vector_store.ts";

/** The option `--format`. */
export function formatOption() {
  return new Option(
    "--format <format>",
    "npy (NumPy), vct (text, a number a line), or txt (the same)",
  )
    .default("npy" as VectorFormat).argParser(choice(VECTOR_FORMATS));
}

/** The option `--suffix`. */
export function suffixOption() {
  return new Option("--suffix <text>", "follows the id in a vector's file name")
    .default("").argParser(fileSuffix);
}
