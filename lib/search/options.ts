/** Options of `deno task search`. */
import {
  type CommonOptions,
  integer,
  parseCommand,
  path,
  pathOption,
  plainName,
  toolCommand,
} from "../shared/args.ts";
import { UsageError } from "../shared/errors.ts";
import type { Permissions } from "../shared/permissions.ts";
import { DEFAULT_INDEX } from "../index/options.ts";
import type { EngineName } from "../inference/engine.ts";
import { embeddingPermissions } from "../inference/native.ts";
import { engineOption, modelOption } from "../inference/options.ts";

/** What is looked for. */
export type Question =
  | { readonly kind: "id"; readonly id: string }
  | { readonly kind: "image"; readonly path: string }
  | { readonly kind: "vector"; readonly path: string };

/** What a search is to do. */
export interface SearchOptions extends CommonOptions {
  readonly question: Question;
  /** Name of the index. */
  readonly index: string;
  /** Absolute path of the folder of embedded indexes. */
  readonly indexDir: string;
  /** Most hits. */
  readonly k: number;
  /** Model that makes the vector of an image. */
  readonly model: string;
  readonly engine: EngineName;
}

function command() {
  return toolCommand(
    "search",
    "Find the nearest images of an id, an image file or a vector file.",
    [
      "search --id 42ef89cb50684bc302a35833f9746c26",
      "search --image ./picture.jpg -k 10",
      "search --vector ./vectors/everywhere/42ef89cb50684bc302a35833f9746c26.npy --json",
    ],
  )
    .option("--id <id>", "an item of the index; it is left out of its own answer")
    .option("--image <file>", "an image file", path)
    .option("--vector <file>", "a vector file, .npy or .vct", path)
    .option("--index <name>", "name of the index", plainName, DEFAULT_INDEX)
    .addOption(pathOption("--index-dir <dir>", "folder of the index", "./index"))
    .option("-k <number>", "most hits, 1 to 1000", integer(1, 1000), 20)
    .addOption(modelOption("model that makes an image's vector, or an ONNX file with its manifest"))
    .addOption(engineOption());
}

/**
 * Arguments of `deno task search` as options.
 *
 * @throws {UsageError} in one line for whatever does not fit
 */
export function parseSearchOptions(argv: readonly string[]): SearchOptions {
  const o = parseCommand(command(), argv).opts();
  const questions: Question[] = [];
  if (o.id !== undefined) questions.push({ kind: "id", id: o.id });
  if (o.image !== undefined) questions.push({ kind: "image", path: o.image });
  if (o.vector !== undefined) questions.push({ kind: "vector", path: o.vector });
  const [question] = questions;
  if (question === undefined || questions.length > 1) {
    throw new UsageError(
      'Give one of --id, --image and --vector to search by; see "deno task search --help"',
    );
  }
  const { index, indexDir, k, model, engine, json } = o;
  return { question, index, indexDir, k, model, engine, json };
}

/** What a search may touch: the index, the given file, and native code only for an image. */
export function searchPermissions(options: SearchOptions): Permissions {
  const { question, indexDir } = options;
  if (question.kind === "id") return { read: [indexDir] };
  if (question.kind === "vector") return { read: [indexDir, question.path] };
  const { read, write, env, ffi } = embeddingPermissions(options.engine, options.model);
  return { read: [indexDir, question.path, ...read], write, env, ffi };
}
