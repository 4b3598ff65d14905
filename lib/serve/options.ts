/** Options of `deno task serve`. */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import {
  type CommonOptions,
  decimal,
  integer,
  parseCommand,
  path,
  toolCommand,
} from "../shared/args.ts";
import { joinPermissions, type Permissions } from "../shared/permissions.ts";
import { HOST_NAME } from "../shared/urls.ts";
import {
  type IndexPlace,
  placeOf,
  placeOptions,
  placePermissions,
  withPlace,
} from "../index/place.ts";
import type { EngineName } from "../inference/engines/engine.ts";
import {
  DEMO,
  embeddingPermissions,
  findModel,
  lookingPermissions,
  modelFolders,
} from "../inference/native.ts";
import { IMAGE_HOSTS } from "../images/hosts.ts";
import { engineOption, modelOption, modelsDirOption } from "../inference/options.ts";

/** How a server is run. */
export interface ServeOptions extends CommonOptions {
  readonly port: number;
  /** Name or address that is listened on; IPv6 without brackets. */
  readonly host: string;
  readonly place: IndexPlace;
  /** Absolute path of the folder of pictures. */
  readonly imagesDir: string | undefined;
  /** Origins of hosts whose pictures may be shown. */
  readonly imageOrigins: readonly string[];
  /** Model that makes the vector of an uploaded picture. */
  readonly model: string;
  /** Absolute path of the folder that was chosen for models. */
  readonly modelsDir: string | undefined;
  readonly engine: EngineName;
  /** Take pictures to search by. */
  readonly uploads: boolean;
  /** Time limit of a request. */
  readonly timeoutSeconds: number;
  /** Write no line for each request. */
  readonly quiet: boolean;
}

function command() {
  const named = toolCommand("serve", "Offer similarity search as a web API, with a web page.", [
    "serve --images ./vectors",
    "serve --index-dir ./data/demo/index --images ./data/demo/vectors --model demo",
    "serve --url https://node1:9200 --user elastic --ca ./ca.crt --host 0.0.0.0 --port 80",
  ])
    .option("--port <number>", "port; 0 for any that is free", integer(0, 65_535), 8000)
    .option("--host <name>", "name or address to listen on; 0.0.0.0 for all", host, "127.0.0.1");
  return withPlace(named, "folder of the indexes")
    .option("--images <dir>", "folder of the pictures: the vectors' folder of vectorize", path)
    .addOption(
      new Option("--image-hosts <hosts>", "hosts whose pictures the page may show")
        .argParser(imageOrigins)
        .default(imageOrigins(IMAGE_HOSTS), `"${IMAGE_HOSTS}"`),
    )
    .addOption(modelOption("model for uploaded pictures: the one that made the index's vectors"))
    .addOption(modelsDirOption())
    .addOption(engineOption())
    .option("--no-uploads", "take no pictures, and load no model")
    .option("--timeout <seconds>", "time limit of a request", decimal(0.1, 3600), 30)
    .option("--quiet", "write no line for each request", false);
}

/** A name or address, without the brackets of IPv6. */
function host(text: string): string {
  const name = text.toLowerCase();
  const bare = name.replace(/^\[(.*)\]$/, "$1");
  if (HOST_NAME.test(bare.includes(":") ? `[${bare}]` : bare)) return bare;
  throw new InvalidArgumentError("It must be a host name or an address.");
}

/** Origins of hosts: with https; where a port is named, with http too. */
function imageOrigins(text: string): string[] {
  const hosts = text.split(",").map((name) => name.trim().toLowerCase()).filter((n) => n !== "");
  return hosts.flatMap((name) => {
    const hasPort = /:\d{1,5}$/.test(name);
    if (!HOST_NAME.test(name.replace(/:\d{1,5}$/, ""))) {
      throw new InvalidArgumentError(`"${name}" is not a host or host:port.`);
    }
    return hasPort ? [`https://${name}`, `http://${name}`] : [`https://${name}`];
  });
}

/**
 * Arguments of `deno task serve` as options.
 *
 * @throws {UsageError} in one line for whatever does not fit
 */
export function parseServeOptions(argv: readonly string[]): ServeOptions {
  const parsed = parseCommand(command(), argv);
  const o = parsed.opts();
  const { port, host, model, modelsDir, engine, uploads, quiet, json } = o;
  return {
    port,
    host,
    place: placeOf(parsed, placeOptions(parsed)),
    imagesDir: o.images,
    imageOrigins: o.imageHosts,
    model,
    modelsDir,
    engine,
    uploads,
    timeoutSeconds: o.timeout,
    quiet,
    json,
  };
}

/** A host as it is written in a URL. */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Whether there is a model to load. */
export function hasModel({ uploads, model, modelsDir }: ServeOptions): boolean {
  return uploads && (model === DEMO || findModel(model, modelFolders(modelsDir)) !== undefined);
}

/** What a server may touch: its port, the indexes, the pictures, and a model if there is one. */
export function servePermissions(options: ServeOptions): Permissions {
  const { port, host, place, imagesDir, engine, model, modelsDir, uploads } = options;
  const embedding = hasModel(options) ? embeddingPermissions(engine, model, modelsDir) : uploads // to see what is missing
    ? lookingPermissions(model, modelsDir)
    : {};
  const listening = { net: [`${urlHost(host)}:${port}`] };
  const pictures = { read: imagesDir === undefined ? [] : [imagesDir] };
  return joinPermissions(listening, placePermissions(place), pictures, embedding);
}
