/** Options of `deno task model`. */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { dirname } from "node:path";
import {
  choice,
  type CommonOptions,
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
import { joinPermissions, type Permissions } from "../../shared/permissions.ts";
import { hostAndPort } from "../../shared/urls.ts";
import {
  ENCODER,
  type EncoderOptions,
  encoderOptions,
  requireNoEncoder,
} from "./encoder_options.ts";
import {
  chosenModelsDir,
  CODE_READ,
  DEMO,
  enginePermissions,
  IMAGENET,
  modelFiles,
  modelFolders,
  MODELS_ENV,
} from "../native.ts";
import { modelName, modelsDirOption } from "../options.ts";
import type { Target } from "./target.ts";

/** What there is to do with models. */
export const ACTIONS = ["list", "check", "fetch", "import", "convert"] as const;

/** Where Keras publishes the weights of InceptionV3 without its classifier. */
const WEIGHTS_URL = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/" +
  "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5";
const WEIGHTS_MD5 = "bcbd6486424b2319ff4ef7d526e38f63";

/** What a model run is to do. */
export type ModelOptions = CommonOptions & ModelAction & {
  /** Absolute paths of the folders in which models are looked for, in this order. */
  readonly modelFolders: readonly string[];
};

/** One thing to do with models. */
export type ModelAction =
  | { readonly action: "list" }
  | { readonly action: "check"; readonly name: string }
  | Target & {
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
  | (Target & {
    readonly action: "import" | "convert";
    /** Absolute path of the file. */
    readonly file: string;
    readonly name: string;
    readonly licence: string;
  } & EncoderOptions);

function command() {
  return toolCommand("model", "List, check, fetch and convert the models that make vectors.", [
    "model list",
    "model fetch imagenet",
    "model import inception_v3_weights_tf_dim_ordering_tf_kernels.h5 --name imagenet",
    "model import clip_image.onnx --name clip --like clip --output image_embeds",
    "model import resnet.onnx --name resnet --like imagenet --resize 232",
    "model convert weights.h5 ./elsewhere/mine.onnx",
  ])
    .argument("<action>", ACTIONS.join(", "), choice(ACTIONS))
    .argument("[what]", "name of a model to check or fetch; file to import or convert")
    .argument("[onnx_file]", "file that convert writes, with its manifest (.json) beside it", path)
    .addOption(modelsDirOption())
    .option("--name <name>", "name of an imported model", newName)
    .option("--overwrite", "replace another model of the same name", false)
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
    .addOption(ENCODER.like)
    .addOption(ENCODER.size)
    .addOption(ENCODER.fit)
    .addOption(ENCODER.resize)
    .addOption(ENCODER.crop)
    .addOption(ENCODER.fill)
    .addOption(ENCODER.filter)
    .addOption(ENCODER.mean)
    .addOption(ENCODER.std)
    .addOption(ENCODER.channels)
    .addOption(ENCODER.output);
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
  const folders = modelFolders(o.modelsDir);
  const chosen = chosenModelsDir(o.modelsDir);
  const target = {
    targets: chosen === undefined ? folders : [chosen],
    overwrite: o.overwrite,
  };
  return { json: o.json, modelFolders: folders, ...parseAction() };

  function parseAction(): ModelAction {
    if (action === "list") return { action };
    if (action === "check") {
      return { action, name: named(what, "The model to check", modelName) };
    }
    if (action === "fetch") {
      const name = o.name ?? named(what, "The model to fetch", newName);
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
      const politeness = { timeoutSeconds: o.timeout, retries: o.retries };
      return { action, name, url, md5, ...politeness, allowHosts, ...target };
    }
    const file = path(needed(what, "The file", "model"));
    const { licence } = o;
    if (!isOnnx(file)) requireNoEncoder(o, what!);
    const encoder = encoderOptions(o);
    if (action === "import") {
      const name = needed(o.name, "The model's name (--name)", "model");
      if (name === DEMO) throw new UsageError(`Cannot import "${name}": the name is taken`);
      return { action, file, name, licence, ...encoder, ...target };
    }
    const onnx = needed(onnxFile, "The ONNX file to write", "model");
    const [, name = ""] = /([^/\\]+)\.onnx$/.exec(onnx) ?? [];
    if (name === "") throw new UsageError(`Cannot write "${onnx}": its name does not end in .onnx`);
    if (modelFiles(DEMO, folders).includes(onnx)) {
      throw new UsageError(`Cannot write "${onnx}": it is taken`);
    }
    return { action, file, name, licence, ...encoder, ...target, targets: [dirname(onnx)] };
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

/** A name that `--model` does not take for a file. */
function newName(text: string): string {
  if (!text.endsWith(".onnx")) return plainName(text);
  throw new InvalidArgumentError("It must not end in .onnx, as the names of files do.");
}

function md5(text: string): string {
  if (/^[0-9a-f]{32}$/i.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError("It must be 32 hexadecimal digits.");
}

/** What a model run may touch: the models, the file, and native code only to try an ONNX model. */
export function modelPermissions(options: ModelOptions): Permissions {
  const { action, modelFolders: folders } = options;
  if (action === "list") return { read: folders, env: MODELS_ENV };
  if (action === "check") return { read: modelFiles(options.name, folders), env: MODELS_ENV };
  const { targets } = options;
  const own = { read: [...targets, ...CODE_READ], write: targets, env: MODELS_ENV };
  if (action === "fetch") {
    return joinPermissions(own, { net: [hostAndPort(options.url), ...options.allowHosts] });
  }
  const { file } = options;
  const engine = enginePermissions(isOnnx(file) ? "onnx" : "wasm");
  // Weights of ONNX may be in other files beside it.
  const files = isOnnx(file) ? [file, dirname(file)] : [file];
  return joinPermissions(own, { read: files }, engine);
}

/** Whether the file is an ONNX model, by its name. */
export function isOnnx(file: string): boolean {
  return file.toLowerCase().endsWith(".onnx");
}
