/** Options of `deno task ingest`. */
import { Option } from "@commander-js/extra-typings";
import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { retryFailedOption, shardOption } from "../catalog/selection_options.ts";
import type { Shard } from "../catalog/shard.ts";
import {
  choice,
  type CommonOptions,
  fileSuffix,
  integer,
  needed,
  optionOr,
  parseCommand,
  path,
  plainName,
  toolCommand,
  webUrl,
  yesNo,
} from "../shared/args.ts";
import { UsageError } from "../shared/errors.ts";
import {
  DEFAULT_INDEX,
  type IndexPlace,
  placeOf,
  placeOptions,
  placePermissions,
  withPlace,
} from "../index/place.ts";
import { retriesOption, timeoutOption } from "../shared/options.ts";
import { joinPermissions, type Permissions } from "../shared/permissions.ts";
import { withoutCredentials } from "../shared/urls.ts";
import { suffixOption } from "../vectors/options.ts";
import { VECTOR_FORMATS } from "../vectors/vector_store.ts";

/** Formats that are ingested: vectors beside records, or documents with their vector. */
export const INGEST_FORMATS = [...VECTOR_FORMATS, "json"] as const;
/** One of {@linkcode INGEST_FORMATS}. */
export type IngestFormat = typeof INGEST_FORMATS[number];

/** What an ingest run is to do. */
export interface IngestOptions extends CommonOptions {
  readonly place: IndexPlace;
  /** Absolute path of the folder of embedded indexes, and of this tool's own state. */
  readonly indexDir: string;
  /** Name of the index. */
  readonly index: string;
  /** What the index was named by: its name, or a file. */
  readonly mapping: string;
  /** Absolute path of the mapping file, if one was named. */
  readonly mappingFile: string | undefined;
  /** Absolute path of the records' folder; with `json`, of those that are asked where a file is wrong. */
  readonly recordsDir: string;
  /** Absolute path of the vectors' folder. */
  readonly vectorsDir: string;
  readonly format: IngestFormat;
  readonly suffix: string;
  /** Documents that are written at a time. */
  readonly bulkSize: number;
  /** Begin the index anew. */
  readonly recreateIndex: boolean;
  /** Add the fields to a server's index that its mapping lacks. */
  readonly updateMapping: boolean;
  /** Records of the sorted order to pass over. */
  readonly skip: number;
  /** Most requests to a server at a time. */
  readonly concurrency: number;
  readonly retries: number;
  readonly timeoutSeconds: number;
  /** The part of the records that this run takes; undefined for all. */
  readonly shard: Shard | undefined;
  /** Take only the records that failed in the last run. */
  readonly retryFailed: boolean;
  /** Go on where an interrupted run of the same command stopped. */
  readonly resume: boolean;
  /** Leave refresh and replicas as they are while loading. */
  readonly tuning: boolean;
  /** Load what the cluster has too little memory for. */
  readonly force: boolean;
  readonly warmup: boolean;
  /** Indexes that are only loaded into the server's memory; none if records are to be loaded. */
  readonly warmupOnly: readonly string[];
  readonly forcemerge: boolean;
  readonly dryRun: boolean;
}

/** The command, before it has parsed anything. */
export function ingestCommand() {
  const named = toolCommand(
    "ingest",
    "Load records and their vectors into a similar-image index.",
    [
      "ingest --records-dir ./records --vectors-dir ./vectors",
      'ingest localhost 9200 elastic "" ./mappings/elasticsearch/images.knn.mapping ./records ./vectors',
      "ingest --url https://node1:9200,https://node2:9200 --user elastic --ca ./ca.crt" +
      " --mapping images.knn --records-dir ./records --vectors-dir ./vectors",
    ],
  )
    .argument("[SERVER]", "host of a server, or its URL, as --url")
    .argument("[PORT]", "its port", integer(1, 65_535))
    .argument("[USER]", "as --user; empty for none")
    .argument("[PASSWORD]", "as --password")
    .argument("[MAPPING_FILE]", "as --mapping")
    .argument("[RECORDS_DIR]", "as --records-dir", path)
    .argument("[VECTORS_DIR]", "as --vectors-dir", path)
    .argument("[FORMAT]", "as --format", choice(INGEST_FORMATS))
    .argument("[SUFFIX]", "as --suffix", fileSuffix)
    .argument("[BULK_SIZE]", "as --bulk-size", bulkSize)
    .argument("[RECREATE_INDEX]", "true or false, as --recreate-index", yesNo)
    .argument("[SKIP]", "as --skip", integer(0))
    .option("--records-dir <dir>", "folder of the records (required, but with json)", path)
    .option("--vectors-dir <dir>", "folder of the vectors (required)", path);
  return withPlace(named, "folder of the index; with --url, of the list of failures")
    .option(
      "--mapping <name>",
      "mapping file, whose name less the extension is the index; or name of an index",
      DEFAULT_INDEX,
    )
    .addOption(
      new Option(
        "--format <format>",
        "npy, vct, txt, or json: a document with its vector in each file",
      )
        .default("npy" as IngestFormat).argParser(choice(INGEST_FORMATS)),
    )
    .addOption(suffixOption())
    .option("--bulk-size <number>", "documents that are written at a time", bulkSize, 500)
    .option("--recreate-index", "begin the index anew", false)
    .option("--update-mapping", "add the fields to a server's index that its mapping lacks", false)
    .option("--skip <number>", "pass over this many of the sorted records", integer(0), 0)
    .option("--concurrency <number>", "requests to the server at a time", integer(1, 64), 4)
    .addOption(timeoutOption(120))
    .addOption(retriesOption(10))
    .addOption(shardOption())
    .addOption(retryFailedOption())
    .option("--no-resume", "start from the beginning, not where the same command was interrupted")
    .option("--no-tuning", "leave refresh and replicas as they are while loading")
    .option("--force", "load even what the cluster has too little memory for", false)
    .option("--warmup", "load the index into the server's memory at the end", false)
    .option("--warmup-only <names>", "do only that, for the indexes of these names: a,b", names)
    .option("--forcemerge", "merge the index's segments at the end", false)
    .option("--dry-run", "say what there is to do, and end", false);
}

const bulkSize = integer(1, 10_000);

/** Parses the names of indexes, separated by commas. */
function names(text: string): string[] {
  return text.split(",").map((name) => plainName(name.trim()));
}

/**
 * Arguments of `deno task ingest` as options.
 *
 * @throws {UsageError} in one line for whatever does not fit
 */
export function parseIngestOptions(argv: readonly string[]): IngestOptions {
  const parsed = parseCommand(ingestCommand(), argv);
  const o = { ...parsed.opts(), ...placeOptions(parsed) };
  const [server, port, user, password, mappingFile, recordsDir, vectorsDir, ...rest] =
    parsed.processedArgs;
  const [format, suffix, bulkSize, recreateIndex, skip] = rest;
  const or = <T, A extends T>(key: string, option: T, argument: A | undefined) =>
    optionOr(parsed, key, option, argument);
  const url = or("url", o.url, server === undefined ? undefined : serverUrl(server, port));
  const mapping = or("mapping", o.mapping, mappingFile);
  const warmupOnly = o.warmupOnly ?? [];
  const folder = (value: string | undefined, what: string) =>
    warmupOnly.length > 0 ? value ?? "" : needed(value, what, "ingest");
  const isNamed = mappingFile !== undefined || parsed.getOptionValueSource("mapping") === "cli";
  const chosenFormat = or("format", o.format, format);
  const chosenVectors = folder(or("vectorsDir", o.vectorsDir, vectorsDir), "The vectors' folder");
  return {
    place: placeOf(parsed, { ...o, url, user: or("user", o.user, user) }, password),
    indexDir: o.indexDir,
    mapping,
    ...isNamed ? indexOf(mapping) : { index: mapping, mappingFile: undefined },
    recordsDir: chosenFormat === "json"
      ? or("recordsDir", o.recordsDir, recordsDir) ?? chosenVectors
      : folder(or("recordsDir", o.recordsDir, recordsDir), "The records' folder"),
    vectorsDir: chosenVectors,
    format: chosenFormat,
    suffix: or("suffix", o.suffix, suffix),
    bulkSize: or("bulkSize", o.bulkSize, bulkSize),
    recreateIndex: or("recreateIndex", o.recreateIndex, recreateIndex),
    updateMapping: o.updateMapping,
    skip: or("skip", o.skip, skip),
    concurrency: o.concurrency,
    retries: o.retries,
    timeoutSeconds: o.timeout,
    shard: o.shard,
    retryFailed: o.retryFailed,
    resume: o.resume,
    tuning: o.tuning,
    force: o.force,
    warmup: o.warmup,
    warmupOnly,
    forcemerge: o.forcemerge,
    dryRun: o.dryRun,
    json: o.json,
  };
}

/** `host` and `port`, or a URL in place of the host. */
function serverUrl(server: string, port: number | undefined): URL[] {
  try {
    const url = webUrl(/^https?:\/\//.test(server) ? server : `http://${server}`);
    if (port !== undefined) url.port = String(port);
    return [url];
  } catch {
    throw new UsageError(`Cannot use server "${withoutCredentials(server)}": it is not a host`);
  }
}

/** A mapping file and its base name less the last extension, else the name of an index. */
function indexOf(mapping: string): { index: string; mappingFile: string | undefined } {
  const isFile = statSync(mapping, { throwIfNoEntry: false })?.isFile() ?? false;
  if (!isFile && /[/\\]|\.mapping$/.test(mapping)) {
    throw new UsageError(`Cannot read mapping file "${mapping}": no such file`);
  }
  const name = isFile ? basename(mapping).replace(/(.)\.[^.]*$/, "$1") : mapping;
  try {
    return { index: plainName(name), mappingFile: isFile ? path(mapping) : undefined };
  } catch {
    throw new UsageError(`Cannot use "${mapping}": it is neither a file nor the name of an index`);
  }
}

/** What an ingest run may touch: what it reads, the index, and its own state. */
export function ingestPermissions(options: IngestOptions): Permissions {
  const { recordsDir, vectorsDir, indexDir, mapping } = options;
  if (options.warmupOnly.length > 0) return placePermissions(options.place);
  return joinPermissions(placePermissions(options.place), {
    read: [recordsDir, vectorsDir, indexDir, resolve(mapping)],
    write: options.dryRun ? [] : [indexDir],
  });
}
