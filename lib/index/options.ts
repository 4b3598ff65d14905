/** Options of `deno task ingest`, and those that every tool with an index shares. */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import process from "node:process";
import { shardOption } from "../catalog/options.ts";
import type { Shard } from "../catalog/shard.ts";
import {
  choice,
  type CommonOptions,
  decimal,
  fileSuffix,
  integer,
  needed,
  optionOr,
  parseCommand,
  path,
  pathOption,
  plainName,
  toolCommand,
  webUrl,
  yesNo,
} from "../shared/args.ts";
import { UsageError } from "../shared/errors.ts";
import type { Permissions } from "../shared/permissions.ts";
import { hostAndPort, withoutCredentials } from "../shared/urls.ts";
import { formatOption, suffixOption } from "../vectors/options.ts";
import { VECTOR_FORMATS, type VectorFormat } from "../vectors/vector_store.ts";

/** Index that is meant where none is named. */
export const DEFAULT_INDEX = "images.knn";

/** Where an index is. */
export type IndexPlace =
  | {
    readonly kind: "embedded";
    /** Absolute path of the folder of embedded indexes. */
    readonly dir: string;
  }
  | ({ readonly kind: "server" } & ServerPlace);

/** Nodes of one Elasticsearch or OpenSearch cluster, and how to sign in. */
export interface ServerPlace {
  readonly urls: readonly URL[];
  /** No user means no password. */
  readonly user: string | undefined;
  /** Undefined if none was given; one that was may be empty. */
  readonly password: string | undefined;
  readonly apiKey: string | undefined;
  /** Absolute path of the certificate of the authority that is trusted. */
  readonly ca: string | undefined;
}

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
  readonly forcemerge: boolean;
  readonly dryRun: boolean;
}

/** The option `--url`. */
export function urlOption() {
  return new Option("--url <urls>", "Elasticsearch or OpenSearch; nodes separated by commas")
    .argParser(urls);
}

/** The option `--index-dir`. */
export function indexDirOption(description: string) {
  return pathOption("--index-dir <dir>", description, "./index");
}

/** The options that say how to sign in to a server. */
export const signIn = {
  user: () => new Option("--user <name>", "user of the server").env("ES_USER"),
  password: () =>
    new Option("--password <text>", "better given by its variable, or when asked")
      .env("ES_PASSWORD"),
  apiKey: () =>
    new Option("--api-key <text>", "in place of a user; better given by its variable")
      .env("ES_API_KEY"),
  ca: () =>
    new Option("--ca <file>", "certificate of the authority that is trusted").argParser(path),
};

/** Names of the environment variables that sign in. */
export const SIGN_IN_ENV: readonly string[] = ["ES_USER", "ES_PASSWORD", "ES_API_KEY"];

function urls(text: string): URL[] {
  const list = text.split(",").map((part) => part.trim()).filter((part) => part !== "").map(webUrl);
  if (list.length === 0) throw new InvalidArgumentError("It must be at least one URL.");
  const odd = list.find(({ pathname, search, hash }) => pathname !== "/" || search + hash !== "");
  if (odd !== undefined) throw new InvalidArgumentError("It must be a URL without a path.");
  return list;
}

/** A command whose options can be asked where they came from. */
interface ParsedCommand {
  getOptionValueSource(key: string): string | undefined;
}

/** What the options say about where the index is. */
export interface PlaceOptions {
  readonly url?: URL[] | undefined;
  readonly indexDir: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly ca?: string | undefined;
}

/**
 * Where the index is: on a server if there is a URL, else in the folder.
 *
 * @param command that parsed the options
 * @param password that was given as an argument
 */
export function placeOf(
  command: ParsedCommand,
  { url, indexDir, user, ca, ...secrets }: PlaceOptions,
  password?: string,
): IndexPlace {
  if (url === undefined) return { kind: "embedded", dir: indexDir };
  const given = (text: string | undefined) => text === "" ? undefined : text;
  const secret = (key: "password" | "apiKey", variable: string, argument?: string) =>
    secretOf(command, { key, value: secrets[key], variable }, argument);
  return {
    kind: "server",
    urls: url,
    user: given(user),
    password: given(user) === undefined ? undefined : secret("password", "ES_PASSWORD", password),
    apiKey: given(secret("apiKey", "ES_API_KEY")),
    ca,
  };
}

/**
 * A password or key: by its option, else by its argument, else by its variable. An empty text gives
 * way to what comes after it, so that arguments can follow a password that the variable holds.
 */
function secretOf(
  command: ParsedCommand,
  option: { readonly key: string; readonly value: string | undefined; readonly variable: string },
  argument?: string,
): string | undefined {
  const { key, value, variable } = option;
  const given = [command.getOptionValueSource(key) === "cli" ? value : undefined, argument];
  return [...given, process.env[variable]].find((text) => text) ??
    given.find((text) => text !== undefined);
}

/** What reaching the index takes: its folder, or its servers. */
export function placePermissions(
  place: IndexPlace,
): { net: string[]; read: string[]; env: readonly string[] } {
  if (place.kind === "embedded") return { net: [], read: [place.dir], env: SIGN_IN_ENV };
  const { urls, ca } = place;
  return { net: urls.map(hostAndPort), read: ca === undefined ? [] : [ca], env: SIGN_IN_ENV };
}

function command() {
  return toolCommand("ingest", "Load records and their vectors into a similar-image index.", [
    "ingest --records-dir ./records --vectors-dir ./vectors",
    "ingest localhost 9200 elastic secret ./mappings/elasticsearch/images.knn.mapping ./records ./vectors",
    "ingest --url https://node1:9200,https://node2:9200 --user elastic --ca ./ca.crt" +
    " --mapping images.knn --records-dir ./records --vectors-dir ./vectors",
  ])
    .argument("[SERVER]", "host of a server, or its URL, as --url")
    .argument("[PORT]", "its port", integer(1, 65_535))
    .argument("[USER]", "as --user; empty for none")
    .argument("[PASSWORD]", "as --password")
    .argument("[MAPPING_FILE]", "as --mapping")
    .argument("[RECORDS_DIR]", "as --records-dir", path)
    .argument("[VECTORS_DIR]", "as --vectors-dir", path)
    .argument("[FORMAT]", "as --format", choice(VECTOR_FORMATS))
    .argument("[SUFFIX]", "as --suffix", fileSuffix)
    .argument("[BULK_SIZE]", "as --bulk-size", bulkSize)
    .argument("[RECREATE_INDEX]", "true or false, as --recreate-index", yesNo)
    .argument("[SKIP]", "as --skip", integer(0))
    .option("--records-dir <dir>", "folder of the records (needed)", path)
    .option("--vectors-dir <dir>", "folder of the vectors (needed)", path)
    .addOption(indexDirOption("folder of the index; with --url, of the list of failures"))
    .addOption(urlOption())
    .addOption(signIn.user())
    .addOption(signIn.password())
    .addOption(signIn.apiKey())
    .addOption(signIn.ca())
    .option(
      "--mapping <name>",
      "mapping file, whose name less the extension is the index; or name of an index",
      DEFAULT_INDEX,
    )
    .addOption(formatOption())
    .addOption(suffixOption())
    .option("--bulk-size <number>", "documents that are written at a time", bulkSize, 500)
    .option("--recreate-index", "begin the index anew", false)
    .option("--skip <number>", "pass over this many of the sorted records", integer(0), 0)
    .option("--concurrency <number>", "requests to the server at a time", integer(1, 64), 4)
    .option("--timeout <seconds>", "time limit of a request", decimal(0.001, 86_400), 120)
    .option("--retries <number>", "tries after the first of a request", integer(0, 1000), 10)
    .addOption(shardOption())
    .option("--retry-failed", "take only the records that failed in the last run", false)
    .option("--no-resume", "begin anew, not where the same command was interrupted")
    .option("--no-tuning", "leave refresh and replicas as they are while loading")
    .option("--force", "load even what the cluster has too little memory for", false)
    .option("--warmup", "load the index into the server's memory at the end", false)
    .option("--forcemerge", "merge the index's segments at the end", false)
    .option("--dry-run", "say what there is to do, and end", false);
}

const bulkSize = integer(1, 10_000);

/**
 * Arguments of `deno task ingest` as options.
 *
 * @throws {UsageError} in one line for whatever does not fit
 */
export function parseIngestOptions(argv: readonly string[]): IngestOptions {
  const parsed = parseCommand(command(), argv);
  const o = parsed.opts();
  const [server, port, user, password, mappingFile, recordsDir, vectorsDir, ...rest] =
    parsed.processedArgs;
  const [format, suffix, bulkSize, recreateIndex, skip] = rest;
  const or = <T, A extends T>(key: string, option: T, argument: A | undefined) =>
    optionOr(parsed, key, option, argument);
  const url = or("url", o.url, server === undefined ? undefined : serverUrl(server, port));
  const mapping = or("mapping", o.mapping, mappingFile);
  const isNamed = mappingFile !== undefined || parsed.getOptionValueSource("mapping") === "cli";
  return {
    place: placeOf(parsed, { ...o, url, user: or("user", o.user, user) }, password),
    indexDir: o.indexDir,
    mapping,
    ...isNamed ? indexOf(mapping) : { index: mapping, mappingFile: undefined },
    recordsDir: needed(
      or("recordsDir", o.recordsDir, recordsDir),
      "The records' folder",
      "ingest",
    ),
    vectorsDir: needed(
      or("vectorsDir", o.vectorsDir, vectorsDir),
      "The vectors' folder",
      "ingest",
    ),
    format: or("format", o.format, format),
    suffix: or("suffix", o.suffix, suffix),
    bulkSize: or("bulkSize", o.bulkSize, bulkSize),
    recreateIndex: or("recreateIndex", o.recreateIndex, recreateIndex),
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
  const { net, read, env } = placePermissions(options.place);
  return {
    net,
    read: [recordsDir, vectorsDir, indexDir, resolve(mapping), ...read],
    write: options.dryRun ? [] : [indexDir],
    env,
  };
}
