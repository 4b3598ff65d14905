/** Options of `deno task pipeline`: its own, and those of the tools that it runs. */
import { Help, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { join } from "node:path";
import {
  downloadCommand,
  type DownloadOptions,
  downloadPermissions,
  parseDownloadOptions,
} from "../catalog/options.ts";
import { DEFAULT_INDEX, type IndexPlace, SIGN_IN_ENV } from "../index/place.ts";
import { MAPPINGS_DIR } from "../index/server/standard_mapping.ts";
import {
  ingestCommand,
  type IngestOptions,
  ingestPermissions,
  parseIngestOptions,
} from "../ingest/options.ts";
import {
  choice,
  type CommonOptions,
  needed,
  parseCommand,
  path,
  plainName,
  toolCommand,
} from "../shared/args.ts";
import { UsageError } from "../shared/errors.ts";
import { joinPermissions, type Permissions } from "../shared/permissions.ts";
import {
  parseVectorizeOptions,
  vectorizeCommand,
  type VectorizeOptions,
  vectorizePermissions,
} from "../vectorize/options.ts";
import { embeddingPermissions } from "../inference/native.ts";
import { SAMPLES_DIR } from "./samples.ts";
import { isDay, type Period, PERIODS } from "./windows.ts";

/** What is harvested. */
export const KINDS = ["images"] as const;

/** What a pipeline run is to do. */
export interface PipelineOptions extends CommonOptions {
  /** Absolute path of the folder of all windows. */
  readonly data: string;
  readonly kind: typeof KINDS[number];
  /** How long a window is; undefined for one window of all records. */
  readonly period: Period | undefined;
  /** First day, as YYYYMMDD; undefined for the day after the last window that is finished. */
  readonly from: string | undefined;
  /** Last day; undefined for today. */
  readonly to: string | undefined;
  /** Access of the records that are indexed, lower case; undefined for all. */
  readonly groups: readonly string[] | undefined;
  /** Ask for windows that are finished, too. */
  readonly isAgain: boolean;
  /** Only say what there is to do. */
  readonly plan: boolean;
  /** Where the index is. */
  readonly place: IndexPlace;
  /** Of each window, but for its folder and its days. */
  readonly download: DownloadOptions;
  /** Of each window, but for its folders. */
  readonly vectorize: VectorizeOptions;
  /** Of each window, but for its folders. */
  readonly ingest: IngestOptions;
}

/** Options of the tools that a pipeline sets itself, or has no use for. */
const KEPT_BACK = new Set([
  ...["json", "print-permissions", "help", "version", "dry-run"],
  ...["output-folder", "page", "log"],
  ...["records-dir", "records-glob", "vectors-dir", "objects-dir", "batch", "step", "shard"],
  ...["download-images", "no-inference", "warmup-only", "recreate-index", "skip"],
]);

/** What options of tools are called here, where that differs. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  "--index-dir":
    "folder of the index; with --url, of the list of failures (default: index/ of the data)",
  "--mapping": "mapping file that makes the index, in place of the one that comes with Maken",
};

/** The options of the tools that are passed on to them. */
function passedOn() {
  const options = (command: { options: readonly Option[] }) =>
    command.options.filter(({ long }) => !KEPT_BACK.has(long?.replace(/^--/, "") ?? ""));
  return {
    download: options(downloadCommand()),
    vectorize: options(vectorizeCommand()),
    ingest: options(ingestCommand()),
  };
}

function pipelineCommand(passed: ReturnType<typeof passedOn>) {
  const own = toolCommand(
    "pipeline",
    "Harvest, embed and index the records of one window of days after the other, as one stream.",
    [
      "pipeline -f mediatype:bilder -f contentClasses:JP2 --every week --data ./data",
      "pipeline -f mediatype:bilder --from 20240101 --to 20240131 --every day --data ./data --jobs -1",
      "pipeline -f mediatype:bilder --every week --data ./data --url http://localhost:9200" +
      " --groups everywhere,nb,library",
    ],
  )
    .option("--data <dir>", "folder of all that is made (required)", path)
    .option("--index <name>", "name of the index", plainName, DEFAULT_INDEX)
    .option(
      "--every <period>",
      `windows of ${PERIODS.join(", ")}; whole weeks begin on Monday`,
      choice(PERIODS),
    )
    .option(
      "--from <day>",
      "first day, YYYYMMDD (default: the day after the last finished window, at first 20151101)",
      day,
    )
    .option("--to <day>", "last day (default: today)", day)
    .option("--groups <list>", "index only records of this access: everywhere,nb,library", groups)
    .option("--kind <kind>", "what is harvested", choice(KINDS), KINDS[0])
    .option("--plan", "say what it would take, and end", false);
  const help = new Help();
  const options = Object.entries(passed).flatMap(([name, options]) =>
    options.map((option) => ({ name, option }))
  );
  for (const [long, found] of Map.groupBy(options, ({ option }) => option.long)) {
    const [first] = found;
    const tools = found.map(({ name }) => name).join(", ");
    if (long === undefined) continue;
    const plain = found.length === 1
      ? help.optionDescription(first!.option).replace(" (default: false)", "")
      : first!.option.description;
    const text = OTHER_WORDS[long] ?? plain;
    own.addOption(new Option(first!.option.flags, text).helpGroup(`Passed on to ${tools}:`));
  }
  return own;
}

function day(text: string): string {
  if (!isDay(text)) throw new InvalidArgumentError("It must be a day as YYYYMMDD.");
  return text;
}

function groups(text: string): string[] {
  const list = text.split(",").map((part) => part.trim().toLowerCase()).filter(Boolean);
  if (list.length === 0) throw new InvalidArgumentError("It must name a kind of access.");
  return list;
}

/** A command that has parsed its arguments. */
interface Parsed {
  getOptionValueSource(key: string): string | undefined;
  getOptionValue(key: string): unknown;
}

/** The arguments of a tool among those of the pipeline. */
function argsOf(parsed: Parsed, options: readonly Option[]): string[] {
  return options.flatMap((option) => {
    const key = option.attributeName();
    if (parsed.getOptionValueSource(key) !== "cli") return [];
    const value = parsed.getOptionValue(key);
    if (typeof value === "boolean") return [option.long!];
    return [value].flat().map((text) => `${option.long}=${text}`);
  });
}

/**
 * Arguments of `deno task pipeline` as options.
 *
 * @throws {UsageError} in one line for whatever does not fit
 */
export function parsePipelineOptions(argv: readonly string[]): PipelineOptions {
  const passed = passedOn();
  const parsed = parseCommand(pipelineCommand(passed), argv);
  const o = parsed.opts();
  const data = needed(o.data, "The folder of the data (--data)", "pipeline");
  const folders = ["--records-dir", data, "--vectors-dir", data];
  const isNamed = parsed.getOptionValueSource("indexDir") === "cli";
  const indexDir = isNamed ? [] : ["--index-dir", join(data, "index")];
  const download = parseDownloadOptions([
    ...argsOf(parsed, passed.download),
    ...["--output-folder", data],
  ]);
  const ingest = parseIngestOptions([
    ...argsOf(parsed, passed.ingest),
    ...folders,
    ...indexDir,
  ]);
  const vectorize = parseVectorizeOptions([
    ...argsOf(parsed, passed.vectorize),
    ...folders,
    "--download-images",
  ]);
  const hasWindows = o.every !== undefined || o.from !== undefined || o.to !== undefined;
  if (
    hasWindows && download.filters.some((filter) => filter.startsWith("firstDigitalContentTime:"))
  ) {
    throw new UsageError(
      "Cannot take a filter of firstDigitalContentTime with --from, --to or --every: these make it",
    );
  }
  if (o.from !== undefined && o.to !== undefined && o.from > o.to) {
    throw new UsageError(
      `Cannot harvest from ${o.from} to ${o.to}: the last day comes before the first`,
    );
  }
  return {
    data,
    kind: o.kind,
    period: hasWindows ? o.every ?? "week" : undefined,
    from: o.from,
    to: o.to,
    groups: o.groups,
    isAgain: !download.resume || download.overwrite || ingest.retryFailed,
    plan: o.plan,
    place: ingest.place,
    download,
    vectorize,
    ingest: parsed.getOptionValueSource("index") === "cli" || ingest.mappingFile === undefined
      ? { ...ingest, index: o.index }
      : ingest,
    json: o.json,
  };
}

/** What a pipeline run may touch: all that its tools may. */
export function pipelinePermissions(options: PipelineOptions): Permissions {
  const { download, vectorize, ingest, data, plan } = options;
  if (plan) {
    const { net = [], env = [] } = downloadPermissions(download);
    const { engine, model, modelsDir } = vectorize;
    const own = { net, env: [...env, ...SIGN_IN_ENV], read: [data, SAMPLES_DIR] };
    return joinPermissions(own, embeddingPermissions(engine, model, modelsDir));
  }
  const mappings = options.place.kind === "server" ? [MAPPINGS_DIR] : [];
  return joinPermissions(
    downloadPermissions(download),
    vectorizePermissions(vectorize),
    ingestPermissions(ingest),
    { read: [data, ...mappings], write: [data] },
  );
}
