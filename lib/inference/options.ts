/** The options that say which model makes vectors, and what runs it. */
import { Option } from "@commander-js/extra-typings";
import { choice, path, plainName } from "../shared/args.ts";
import { type EngineName, ENGINES } from "./engines/engine.ts";
import { IMAGENET } from "./native.ts";

/** The option `--models-dir`; see `chosenModelsDir` for the environment variable. */
export function modelsDirOption() {
  return new Option(
    "--models-dir <dir>",
    "folder of the models (default: models/ of the program if you can write to it, else " +
      "maken/models/ in your data folder, such as ~/.local/share; env: MAKEN_MODELS)",
  ).argParser(path);
}

/** The option `--model`. */
export function modelOption(description: string) {
  return new Option("--model <name>", description).default(IMAGENET).argParser(modelName);
}

/** Parses a model's name, or the path of an ONNX file. */
export function modelName(text: string): string {
  return /[/\\]|\.onnx$/.test(text) ? path(text) : plainName(text);
}

/** The option `--engine`. */
export function engineOption() {
  return new Option("--engine <name>", `what runs the model: ${ENGINES.join(", ")}`)
    .default("onnx" as EngineName).argParser(choice(ENGINES));
}
