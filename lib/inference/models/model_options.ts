/** Options of `deno task model`. */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { dirname } from "node:path";
import {
  choice,
  type CommonOptions,
  decimal,
  integer,
  needed,
  parseCommand,
  path,
  plainName,
  toolCommand,
  webUrl,
} from "../../shared/args.ts";
import { UsageError } from "../../shared/errors.ts";
import { hostsWithPorts } from "../../shared/hosts.ts";
import { retriesOption, timeoutOption } from "../../shared/options.ts";
import type { Permissions } from "../../shared/permissions.ts";
import { hostAndPort } from "../../shared/urls.ts";
import { CHANNELS, FITS, type ModelInput } from "./manifest.ts";
import { CODE_READ, DEMO, enginePermissions, IMAGENET, modelPaths, MODELS_DIR } from "../native.ts";
import { modelName } from "../options.ts";

/** What there is to do with models. */
export const ACTIONS = ["list", "check", "fetch", "import", "convert"] as const;

/** Where Keras publishes the weights of InceptionV3 without its classifier. */
const WEIGHTS_URL = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/" +
  "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5";
const WEIGHTS_MD5 = "bcbd6486424b2319ff4ef7d526e38f63";

/** How pictures are to be prepared for an imported ONNX model. */
export interface EncoderOptions {
  /** Height and width of the input, where the model leaves it open. */
  readonly size: number | undefined;
  readonly preprocess: ModelInput["preprocess"];
  readonly channels: ModelInput["channels"];
  readonly fit: ModelInput["fit"];
  /** Name of the output that is the vector; the first where it is left out. */
  readonly output: string | undefined;
}

/** What a model run is to do. */
export type ModelOptions = CommonOptions & ModelAction;

/** One thing to do with models. */
export type ModelAction =
  | { readonly action: "list" }
  | { readonly action: "check"; readonly name: string }
  | {
    readonly action: "fetch";
    readonly name: string;
    readonly url: URL;
    /** md5 of the file in hex. */
    readonly md5: string;
    /** Longest time without a byte. */
    readonly timeoutSeconds: number;
    readonly retries: number;
    /** Hosts with port that it may be redirected to. */
    readonly allowHosts: readonly string[];
  }
  | ({
    readonly action: "import" | "convert";
    /** Absolute path of the file. */
    readonly file: string;
    readonly name: string;
    /** Absolute path of the folder that the model is written to. */
    readonly dir: string;
    readonly licence: string;
  } & EncoderOptions);

function command() {
  return toolCommand("model", "List, check, fetch and convert the models that make vectors.", [
    "model list",
    "model fetch imagenet",
    "model import inception_v3_weights_tf_dim_ordering_tf_kernels.h5 --name imagenet",
    "model import clip_image.onnx --name clip --size 224 --fit crop" +
    " --mean 0.48145466,0.4578275,0.40821073 --std 0.26862954,0.26130258,0.27577711",
    "model convert weights.h5 ./elsewhere/mine.onnx",
  ])
    .argument("<action>", ACTIONS.join(", "), choice(ACTIONS))
    .argument("[what]", "name of a model to check or fetch; file to import or convert")
    .argument("[onnx_file]", "file that convert writes, with its manifest (.json) beside it", path)
    .option("--name <name>", "name of an imported model", plainName)
    .addOption(
      new Option("--url <url>", "where fetch gets InceptionV3 weights of Keras (legacy HDF5)")
        .default(webUrl(WEIGHTS_URL), "Keras' own").argParser(webUrl),
    )
    .addOption(
      new Option("--md5 <hex>", "checksum of the file that fetch gets")
        .default(WEIGHTS_MD5, "the one that Keras publishes").argParser(md5),
    )
    .option("--allow-hosts <hosts>", "hosts that fetch may be redirected to, besides its own")
    .addOption(timeoutOption(60, undefined, "longest time that the host of fetch may be silent"))
    .addOption(retriesOption(10))
    .option("--licence <text>", "licence of an imported model", "not known")
    .option("--size <pixels>", "of ONNX: height and width of the input", integer(1, 4096))
    .addOption(
      new Option("--mean <r,g,b>", "of ONNX: taken from values 0 to 1")
        .default([0, 0, 0] as Three, "0,0,0").argParser(three),
    )
    .addOption(
      new Option("--std <r,g,b>", "of ONNX: what they are divided by then")
        .default([1, 1, 1] as Three, "1,1,1").argParser(threeNotZero),
    )
    .addOption(
      new Option("--channels <order>", "of ONNX: rgb or bgr")
        .default("rgb" as ModelInput["channels"]).argParser(choice(CHANNELS)),
    )
    .addOption(
      new Option("--fit <how>", "of ONNX: stretch to a square, or crop its middle")
        .default("stretch" as ModelInput["fit"]).argParser(choice(FITS)),
    )
    .option("--output <name>", "of ONNX: the output that is the vector, if not the first");
}

/**
 * Arguments of `deno task model` as options.
 *
 * @throws {UsageError} in one line for whatever does not fit
 */
export function parseModelOptions(argv: readonly string[]): ModelOptions {
  const parsed = parseCommand(command(), argv);
  const o = parsed.opts();
  const [action, what, onnxFile] = parsed.processedArgs;
  return { json: o.json, ...parseAction() };

  function parseAction(): ModelAction {
    if (action === "list") return { action };
    if (action === "check") {
      return { action, name: named(what, "The model to check", modelName) };
    }
    if (action === "fetch") {
      const name = o.name ?? named(what, "The model to fetch", plainName);
      const { url, md5 } = o;
      if (name === DEMO) throw new UsageError(`Cannot fetch "${name}": the name is taken`);
      const isKeras = url.href === WEIGHTS_URL;
      if (isKeras && what !== IMAGENET) {
        throw new UsageError(`Cannot fetch "${name}": only ${IMAGENET} is known; give --url`);
      }
      if (!isKeras && parsed.getOptionValueSource("md5") !== "cli") {
        throw new UsageError("Cannot check what --url gives: give its --md5, too");
      }
      const allowHosts = hostsWithPorts(o.allowHosts ?? "", "allowed host");
      return { action, name, url, md5, timeoutSeconds: o.timeout, retries: o.retries, allowHosts };
    }
    const file = path(needed(what, "The file", "model"));
    const { mean, std, channels, fit, size, output, licence } = o;
    const encoder = { size, preprocess: { mean, std }, channels, fit, output };
    if (action === "import") {
      const name = needed(o.name, "The model's name (--name)", "model");
      if (name === DEMO) throw new UsageError(`Cannot import "${name}": the name is taken`);
      return { action, file, name, dir: MODELS_DIR, licence, ...encoder };
    }
    const onnx = needed(onnxFile, "The ONNX file to write", "model");
    const [, name = ""] = /([^/\\]+)\.onnx$/.exec(onnx) ?? [];
    if (name === "") throw new UsageError(`Cannot write "${onnx}": its name does not end in .onnx`);
    if (onnx === modelPaths(DEMO).onnx) throw new UsageError(`Cannot write "${onnx}": it is taken`);
    return { action, file, name, dir: dirname(onnx), licence, ...encoder };
  }
}

function named(
  text: string | undefined,
  what: string,
  parse: (text: string) => string,
): string {
  try {
    return parse(needed(text, what, "model"));
  } catch (error) {
    if (error instanceof InvalidArgumentError) {
      throw new UsageError(`Cannot use the name "${text}": ${error.message.replace(/\.$/, "")}`);
    }
    throw error;
  }
}

type Three = [number, number, number];

function three(text: string): Three {
  const parts = text.split(",").map(decimal(-1000, 1000));
  const [a, b, c] = parts;
  if (parts.length === 3) return [a!, b!, c!];
  throw new InvalidArgumentError("It must be three numbers with commas between them.");
}

function threeNotZero(text: string): Three {
  const parts = three(text);
  if (parts.every((n) => n !== 0)) return parts;
  throw new InvalidArgumentError("None of it may be zero.");
}

function md5(text: string): string {
  if (/^[0-9a-f]{32}$/i.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError("It must be 32 hexadecimal digits.");
}

/** What a model run may touch: the models, the file, and native code only to try an ONNX model. */
export function modelPermissions(options: ModelOptions): Permissions {
  if (options.action === "list") return { read: [MODELS_DIR] };
  if (options.action === "check") return { read: Object.values(modelPaths(options.name)) };
  if (options.action === "fetch") {
    return {
      net: [hostAndPort(options.url), ...options.allowHosts],
      read: [MODELS_DIR, ...CODE_READ],
      write: [MODELS_DIR],
    };
  }
  const { file, dir } = options;
  const { read, env, ffi } = enginePermissions(isOnnx(file) ? "onnx" : "wasm");
  return { read: [dir, file, ...CODE_READ, ...read], write: [dir], env, ffi };
}

/** Whether the file is an ONNX model, by its name. */
export function isOnnx(file: string): boolean {
  return file.toLowerCase().endsWith(".onnx");
}
