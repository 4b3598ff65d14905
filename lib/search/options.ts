/** Options of `deno task search`. */
import { Option } from "@commander-js/extra-typings";
import {
  type CommonOptions,
  integer,
  parseCommand,
  path,
  plainName,
  toolCommand,
} from "../shared/args.ts";
import { errorMessage, UsageError } from "../shared/errors.ts";
import { joinPermissions, type Permissions } from "../shared/permissions.ts";
import {
  DEFAULT_INDEX,
  type IndexPlace,
  placeOf,
  placeOptions,
  placePermissions,
  withPlace,
} from "../index/place.ts";
import { FILTER_FIELDS, type Filters } from "../index/types.ts";
import type { EngineName } from "../inference/engines/engine.ts";
import { DEMO, embeddingPermissions, IMAGENET, modelFolders } from "../inference/native.ts";
import { engineOption, modelName, modelsDirOption } from "../inference/options.ts";
import { parseFilters } from "./filters.ts";
import { commandLine } from "../shared/program.ts";

/** What the documents are compared with, or the words they must have. */
export type SearchQuery =
  | { readonly kind: "id"; readonly id: string }
  | { readonly kind: "image"; readonly path: string }
  | { readonly kind: "vector"; readonly path: string }
  | { readonly kind: "text"; readonly words: string };

/** What a search is to do. */
export interface SearchOptions extends CommonOptions {
  readonly query: SearchQuery;
  /** Name of the index. */
  readonly index: string;
  readonly place: IndexPlace;
  /** Most hits. */
  readonly k: number;
  /** Values that the documents must have. */
  readonly filters: Filters;
  /** Model that makes the vector of an image; undefined for the one that made the index's. */
  readonly model: string | undefined;
  /** Absolute path of the folder that was chosen for models. */
  readonly modelsDir: string | undefined;
  readonly engine: EngineName;
}

const HELP = commandLine("search --help");

function command() {
  const named = toolCommand(
    "search",
    "Find the nearest images of an id, an image file or a vector file, or images by their words.",
    [
      "search --id 42ef89cb50684bc302a35833f9746c26",
      "search --image ./picture.jpg -k 10",
      "search --vector ./vectors/everywhere/42ef89cb50684bc302a35833f9746c26.npy --json",
      'search --text "ski oslo" --filter access=everywhere --url http://localhost:9200',
    ],
  )
    .option("--id <id>", "an item of the index; it is left out of its own answer")
    .option("--image <file>", "an image file", path)
    .option("--vector <file>", "a vector file, .npy, .vct or .txt", path)
    .option("--text <words>", "words of title, creators or subject, or how they begin")
    .option("--index <name>", "name of the index", plainName, DEFAULT_INDEX);
  return withPlace(named, "folder of the index")
    .option("-k <number>", "most hits, 1 to 1000", integer(1, 1000), 20)
    .option(
      "--filter <field=value>",
      `only images with that value of ${FILTER_FIELDS.join(", ")}; repeatable`,
      (text: string, earlier: string[]) => [...earlier, text],
      [] as string[],
    )
    .addOption(
      new Option(
        "--model <name>",
        "model that makes an image's vector, or an ONNX file with its manifest (default: the one " +
          `that the index remembers, else "${IMAGENET}")`,
      ).argParser(modelName),
    )
    .addOption(modelsDirOption())
    .addOption(engineOption());
}

/**
 * Arguments of `deno task search` as options.
 *
 * @throws {UsageError} in one line for whatever does not fit
 */
export function parseSearchOptions(argv: readonly string[]): SearchOptions {
  const parsed = parseCommand(command(), argv);
  const o = parsed.opts();
  const queries: SearchQuery[] = [];
  if (o.id !== undefined) queries.push({ kind: "id", id: o.id });
  if (o.image !== undefined) queries.push({ kind: "image", path: o.image });
  if (o.vector !== undefined) queries.push({ kind: "vector", path: o.vector });
  if (o.text !== undefined) queries.push({ kind: "text", words: o.text });
  const [query] = queries;
  if (query === undefined || queries.length > 1) {
    throw new UsageError(
      `Give one of --id, --image, --vector and --text to search by; see "${HELP}"`,
    );
  }
  const { index, k, model, modelsDir, engine, json } = o;
  const place = placeOf(parsed, placeOptions(parsed));
  return {
    query,
    index,
    place,
    k,
    filters: filters(o.filter),
    model,
    modelsDir,
    engine,
    json,
  };
}

function filters(texts: readonly string[]): Filters {
  try {
    return parseFilters(texts);
  } catch (error) {
    throw new UsageError(`${errorMessage(error)}; see "${HELP}"`);
  }
}

/** What a search may touch: the index, the given file, and native code only for an image. */
export function searchPermissions(options: SearchOptions): Permissions {
  const { query, place } = options;
  const file = "path" in query ? [query.path] : [];
  const embedding = query.kind === "image" ? modelPermissions(options) : {};
  return joinPermissions(placePermissions(place), { read: file }, embedding);
}

/** Without a model's name, which of them it is shows when the index is open. */
function modelPermissions({ engine, model, modelsDir }: SearchOptions): Permissions {
  if (model !== undefined) return embeddingPermissions(engine, model, modelsDir);
  const anyModel = { read: modelFolders(modelsDir) };
  return joinPermissions(embeddingPermissions(engine, DEMO, modelsDir), anyModel);
}
