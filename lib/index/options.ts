/** Options of `deno task ingest`. */
import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import {
  type CommonOptions,
  integer,
  needed,
  parseCommand,
  path,
  pathOption,
  plainName,
  toolCommand,
} from "../shared/args.ts";
import { UsageError } from "../shared/errors.ts";
import type { Permissions } from "../shared/permissions.ts";
import { formatOption, suffixOption } from "../vectors/options.ts";
import type { VectorFormat } from "../vectors/vector_store.ts";

/** Index that is meant where none is named. */
export const DEFAULT_INDEX = "images.knn";

/** What an ingest run is to do. */
export interface IngestOptions extends CommonOptions {
  /** Absolute path of the folder of embedded indexes. */
  readonly indexDir: string;
  /** Name of the index. */
  readonly index: string;
  /** What the index was named by: its name, or a file. */
  readonly mapping: string;
  /** Absolute path of the records' folder. */
  readonly recordsDir: string;
  /** Absolute path of the vectors' folder. */
  readonly vectorsDir: string;
  readonly format: VectorFormat;
  readonly suffix: string;
  /** Documents that are written at a time. */
  readonly bulkSize: number;
  /** Begin the index anew. */
  readonly recreateIndex: boolean;
  /** Records of the sorted order to pass over. */
  readonly skip: number;
}

function command() {
  return toolCommand("ingest", "Load records and their vectors into a similar-image index.", [
    "ingest --records-dir ./records --vectors-dir ./vectors",
    "ingest --records-dir ./records --vectors-dir ./vectors --index-dir ./index --mapping images.knn",
  ])
    .option("--records-dir <dir>", "folder of the records (needed)", path)
    .option("--vectors-dir <dir>", "folder of the vectors (needed)", path)
    .addOption(pathOption("--index-dir <dir>", "folder of the index", "./index"))
    .option(
      "--mapping <name>",
      "name of the index; of a file, its name less the extension",
      DEFAULT_INDEX,
    )
    .addOption(formatOption())
    .addOption(suffixOption())
    .option("--bulk-size <number>", "documents that are written at a time", integer(1, 10_000), 500)
    .option("--recreate-index", "begin the index anew", false)
    .option("--skip <number>", "pass over this many of the sorted records", integer(0), 0);
}

/**
 * Arguments of `deno task ingest` as options.
 *
 * @throws {UsageError} in one line for whatever does not fit
 */
export function parseIngestOptions(argv: readonly string[]): IngestOptions {
  const parsed = parseCommand(command(), argv);
  const { recordsDir, vectorsDir, mapping, ...o } = parsed.opts();
  return {
    indexDir: o.indexDir,
    index: parsed.getOptionValueSource("mapping") === "cli" ? indexName(mapping) : mapping,
    mapping,
    recordsDir: needed(recordsDir, "The records' folder", "ingest"),
    vectorsDir: needed(vectorsDir, "The vectors' folder", "ingest"),
    format: o.format,
    suffix: o.suffix,
    bulkSize: o.bulkSize,
    recreateIndex: o.recreateIndex,
    skip: o.skip,
    json: o.json,
  };
}

/** A mapping file's base name less its last extension, else the string itself. */
function indexName(mapping: string): string {
  const isFile = statSync(mapping, { throwIfNoEntry: false })?.isFile() ?? false;
  const name = isFile ? basename(mapping).replace(/(.)\.[^.]*$/, "$1") : mapping;
  try {
    return plainName(name);
  } catch {
    throw new UsageError(`Cannot use "${mapping}": it is neither a file nor the name of an index`);
  }
}

/** What an ingest run may touch: what it reads, and the index's folder. */
export function ingestPermissions(options: IngestOptions): Permissions {
  return {
    read: [options.recordsDir, options.vectorsDir, options.indexDir, resolve(options.mapping)],
    write: [options.indexDir],
  };
}
