/** Options of `deno task vectorize`. */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { availableParallelism } from "node:os";
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
  toolCommand,
  yesNo,
} from "../shared/args.ts";
import { rglobPattern } from "../catalog/rglob.ts";
import { retryFailedOption, shardOption } from "../catalog/selection_options.ts";
import type { Shard } from "../catalog/shard.ts";
import { errorMessage, UsageError } from "../shared/errors.ts";
import { baseUrlOption, retriesOption, timeoutOption } from "../shared/options.ts";
import { joinPermissions, type Permissions } from "../shared/permissions.ts";
import { formatOption, suffixOption } from "../vectors/options.ts";
import { VECTOR_FORMATS, type VectorFormat } from "../vectors/vector_store.ts";
import { IMAGE_HOSTS, imageHosts } from "../images/hosts.ts";
import type { EngineName } from "../inference/engines/engine.ts";
import { embeddingPermissions, lookingPermissions } from "../inference/native.ts";
import { engineOption, modelOption, modelsDirOption } from "../inference/options.ts";

/** What a vectorize run is to do. */
export interface VectorizeOptions extends CommonOptions {
  /** Absolute path of the records' folder. */
  readonly recordsDir: string;
  /** As in Python's `Path(recordsDir).rglob(recordsGlob)`. */
  readonly recordsGlob: string;
  /** Absolute path of the folder for vectors and images. */
  readonly vectorsDir: string;
  /** Absolute path of the folder of the images where they are apart from the vectors. */
  readonly objectsDir: string | undefined;
  readonly format: VectorFormat;
  readonly suffix: string;
  readonly overwrite: boolean;
  /** Fetch pictures that are not on disk. */
  readonly downloadImages: boolean;
  /** Workers with one model each. */
  readonly jobs: number;
  /** Pictures of a batch, of which `step` counts. */
  readonly batch: number;
  /** Batches of the sorted records to pass over. */
  readonly step: number;
  /** Name of a model, or absolute path of an ONNX file. */
  readonly model: string;
  /** Absolute path of the folder that was chosen for models. */
  readonly modelsDir: string | undefined;
  readonly engine: EngineName;
  /** The part of the records that this run takes; undefined for all. */
  readonly shard: Shard | undefined;
  /** Take only the records that failed in the last run. */
  readonly retryFailed: boolean;
  /** Make vectors, not only fetch pictures. */
  readonly inference: boolean;
  /** Say what there is to do, and end. */
  readonly dryRun: boolean;
  /** Use pictures even where their host asks not to use them for AI. */
  readonly ignoreRobots: boolean;
  /** What links without a host of their own belong to. */
  readonly baseUrl: URL;
  /** Hosts with port that pictures may come from. */
  readonly imageHosts: readonly string[];
  readonly delaySeconds: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  /** Pictures that are fetched at a time. */
  readonly concurrency: number;
}

/** The command, before it has parsed anything. */
export function vectorizeCommand() {
  return toolCommand("vectorize", "Turn the records' pictures into vectors of 2048 numbers.", [
    'vectorize ./records "*" ./vectors vct "_inception" false true -1 100 0',
    "vectorize --records-dir ./records --vectors-dir ./vectors --download-images --jobs -1",
  ])
    .argument("[RECORDS_DIR]", "as --records-dir", path)
    .argument("[RECORDS_GLOB]", "as --records-glob")
    .argument("[VECTORS_DIR]", "as --vectors-dir", path)
    .argument("[FORMAT]", "as --format", choice(VECTOR_FORMATS))
    .argument("[SUFFIX]", "as --suffix", fileSuffix)
    .argument("[OVERWRITE]", "true or false, as --overwrite", yesNo)
    .argument("[DOWNLOAD_IMAGES]", "true or false, as --download-images", yesNo)
    .argument("[JOBS]", "as --jobs", jobs)
    .argument("[BATCH]", "as --batch", integer(1))
    .argument("[STEP]", "as --step", integer(0))
    .option("--records-dir <dir>", "folder of the records (required)", path)
    .option("--records-glob <glob>", "which of them, as Python's rglob", "**/*")
    .option("--vectors-dir <dir>", "folder for the vectors and images (required)", path)
    .option(
      "--objects-dir <dir>",
      "folder of the images, where they are apart from the vectors",
      path,
    )
    .addOption(formatOption())
    .addOption(suffixOption())
    .option("--overwrite", "compute vectors again that are there already", false)
    .option("--download-images", "fetch pictures that are not on disk and store them", false)
    .option("--jobs <number>", "workers, -1 for one a core", jobs, 1)
    .option("--batch <number>", "pictures of a batch, of which --step counts", integer(1), 1)
    .option("--step <number>", "pass over this many batches of the sorted records", integer(0), 0)
    .addOption(modelOption("model that makes the vectors, or an ONNX file with its manifest"))
    .addOption(modelsDirOption())
    .addOption(engineOption())
    .addOption(shardOption())
    .addOption(retryFailedOption())
    .option("--no-inference", "only fetch the pictures, with --download-images")
    .option("--dry-run", "say what there is to do, and end", false)
    .addOption(baseUrlOption("address of the service; its host may be asked for pictures"))
    .option("--image-hosts <hosts>", "hosts that may be asked for pictures", IMAGE_HOSTS)
    .option(
      "--delay <seconds>",
      "time between the starts of two requests to a host",
      decimal(0, 3600),
      0.1,
    )
    .addOption(timeoutOption(60))
    .addOption(retriesOption(5))
    .option("--concurrency <number>", "pictures fetched at a time", integer(1, 64), 4)
    .option("--ignore-robots", "use pictures whose host asks not to (X-Robots-Tag: noai)", false);
}

/**
 * Arguments of `deno task vectorize` as options.
 *
 * @throws {UsageError} in one line for whatever does not fit
 */
export function parseVectorizeOptions(argv: readonly string[]): VectorizeOptions {
  const parsed = parseCommand(vectorizeCommand(), argv);
  const o = parsed.opts();
  const [recordsDir, glob, vectorsDir, format, suffix, overwrite, download, jobs, batch, step] =
    parsed.processedArgs;
  const or = <T, A extends T>(key: string, option: T, argument: A | undefined) =>
    optionOr(parsed, key, option, argument);
  const recordsGlob = or("recordsGlob", o.recordsGlob, glob);
  try {
    rglobPattern(recordsGlob);
  } catch (error) {
    throw new UsageError(`Cannot use the glob "${recordsGlob}": ${errorMessage(error)}`);
  }
  const passOver = or("step", o.step, step);
  if (o.retryFailed && passOver > 0) {
    throw new UsageError("Cannot take --step and --retry-failed together");
  }
  const downloadImages = or("downloadImages", o.downloadImages, download);
  if (!o.inference && !downloadImages) {
    throw new UsageError("Nothing is left to do with --no-inference: add --download-images");
  }
  const chosenVectors = needed(
    or("vectorsDir", o.vectorsDir, vectorsDir),
    "The vectors' folder",
    "vectorize",
  );
  return {
    recordsDir: needed(
      or("recordsDir", o.recordsDir, recordsDir),
      "The records' folder",
      "vectorize",
    ),
    recordsGlob,
    vectorsDir: chosenVectors,
    objectsDir: o.objectsDir === chosenVectors ? undefined : o.objectsDir,
    format: or("format", o.format, format),
    suffix: or("suffix", o.suffix, suffix),
    overwrite: or("overwrite", o.overwrite, overwrite),
    downloadImages,
    jobs: or("jobs", o.jobs, jobs),
    batch: or("batch", o.batch, batch),
    step: passOver,
    model: o.model,
    modelsDir: o.modelsDir,
    engine: o.engine,
    shard: o.shard,
    retryFailed: o.retryFailed,
    inference: o.inference,
    dryRun: o.dryRun,
    ignoreRobots: o.ignoreRobots,
    baseUrl: o.baseUrl,
    imageHosts: imageHosts(o.imageHosts, o.baseUrl),
    delaySeconds: o.delay,
    timeoutSeconds: o.timeout,
    retries: o.retries,
    concurrency: o.concurrency,
    json: o.json,
  };
}

/** Workers beyond the number of cores would only take memory. */
function jobs(text: string): number {
  const number = integer(-1)(text);
  if (number === 0) throw new InvalidArgumentError("It must be at least 1, or -1 for all cores.");
  const cores = availableParallelism();
  return number === -1 ? cores : Math.min(number, cores);
}

/** What a vectorize run may touch: its folders, the engine and model, and the image hosts. */
export function vectorizePermissions(options: VectorizeOptions): Permissions {
  const { recordsDir, vectorsDir, inference, dryRun, engine, model, modelsDir } = options;
  const objects = options.objectsDir === undefined ? [] : [options.objectsDir];
  const own = { read: [recordsDir, vectorsDir, ...objects], env: ["BASE_URL"] };
  if (dryRun) return joinPermissions(own, inference ? lookingPermissions(model, modelsDir) : {});
  const net = options.downloadImages ? options.imageHosts : [];
  const embedding = inference ? embeddingPermissions(engine, model, modelsDir) : {};
  return joinPermissions(own, {
    net,
    write: [vectorsDir, ...options.downloadImages ? objects : []],
  }, embedding);
}
