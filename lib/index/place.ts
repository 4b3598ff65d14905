/** Where an index is: the options that say so, and what reaching it takes. */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import process from "node:process";
import { path, webUrl } from "../shared/args.ts";
import { pathOption } from "../shared/options.ts";
import { hostAndPort } from "../shared/urls.ts";

/** Index that is taken where none is named. */
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

/**
 * Adds the options that say where the index is and how to sign in to a server; {@linkcode placeOptions}
 * reads them.
 *
 * @param indexDir description of `--index-dir`
 */
export function withPlace<C extends { addOption(option: Option): unknown }>(
  command: C,
  indexDir: string,
): C {
  const options = [
    pathOption("--index-dir <dir>", indexDir, "./index"),
    new Option("--url <urls>", "Elasticsearch or OpenSearch; nodes separated by commas")
      .argParser(urls),
    new Option("--user <name>", "user of the server").env("ES_USER"),
    new Option("--password <text>", "better given by its variable, or when asked")
      .env("ES_PASSWORD"),
    new Option("--api-key <text>", "in place of a user; better given by its variable")
      .env("ES_API_KEY"),
    new Option("--ca <file>", "certificate of the authority that is trusted").argParser(path),
  ];
  for (const option of options) command.addOption(option as Option);
  return command;
}

/** What a command that {@linkcode withPlace} made was given about the place. */
export function placeOptions(command: ParsedCommand & { opts(): unknown }): PlaceOptions {
  return command.opts() as PlaceOptions;
}

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
