/** Options of `deno task download`. */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import {
  type CommonOptions,
  decimal,
  integer,
  parseCommand,
  toolCommand,
  webUrl,
} from "../shared/args.ts";
import { errorMessage, UsageError } from "../shared/errors.ts";
import { baseUrlOption, pathOption, retriesOption, timeoutOption } from "../shared/options.ts";
import type { Permissions } from "../shared/permissions.ts";
import { hostAndPort } from "../shared/urls.ts";
import { type GroupKey, parseGroupBy } from "./group_by.ts";

/** What a download is to do. */
export interface DownloadOptions extends CommonOptions {
  /** Absolute path of the folder for records. */
  readonly outputFolder: string;
  /** Address of the search endpoint, without parameters of this query. */
  readonly url: URL;
  /** Filters in the catalogue's syntax, such as `mediatype:bilder`. */
  readonly filters: readonly string[];
  readonly scroll: boolean;
  readonly profile: string;
  /** First page, from 0. */
  readonly page: number;
  /** Records a page, 1 to 100. */
  readonly size: number;
  readonly groupBy: readonly GroupKey[];
  readonly delaySeconds: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  readonly overwrite: boolean;
  /** Write `page_<num>.log` for each page that failed. */
  readonly log: boolean;
  /** Most records to take; Infinity for all. */
  readonly max: number;
  /** Go on where an earlier run of the same query stopped. */
  readonly resume: boolean;
  /** Only say what there is to do. */
  readonly dryRun: boolean;
  /** Names who takes the records, where each is to have all; undefined for nobody in particular. */
  readonly taker?: string;
  /** Who harvests, for the service's log; empty for nobody in particular. */
  readonly contact: string;
}

/** The command, before it has parsed anything. */
export function downloadCommand() {
  return toolCommand(
    "download",
    "Store the catalogue's records as <id>.json, in folders by a key.",
    [
      "download -f mediatype:bilder -f contentClasses:JP2 --size 15",
      "download -f mediatype:bilder contentClasses:JP2 --size 100 --scroll --delay 0.0 -o ./records/images",
      "download -f 'firstDigitalContentTime:[20210922 TO 20310101]' --groupby metadata.originInfo.issued:DATE",
    ],
  )
    .addOption(pathOption("-o, --output-folder <dir>", "folder for the records", "./out"))
    .option(
      "-e, --endpoint <path>",
      "endpoint below the base URL, or a whole URL",
      "catalog/v1/items",
    )
    .option("-f, --filter <filter...>", "filter such as mediatype:bilder; several, or given again")
    .option("--scroll", "let the service scroll, for results of more than 10,000 records", false)
    .option("--profile <name>", "search profile of the service", "wwwnbno")
    .option("-p, --page <number>", "first page, from 0", integer(0), 0)
    .option("-s, --size <number>", "records a page, 1 to 100", integer(1, 100), 25)
    .option(
      "--groupby <keys>",
      "sub-folders: keys separated by commas, each dotted.key or dotted.key:regex; DATE and TIME " +
        "are short forms; of a list the first value counts; no value gives the folder unknown",
      "accessInfo.accessAllowedFrom",
    )
    .option("-d, --delay <seconds>", "time between the starts of two requests", decimal(0, 3600), 1)
    .addOption(timeoutOption(300, "-t"))
    .addOption(retriesOption(10, "-r"))
    .option("--overwrite", "store records again that have changed", false)
    .option("-l, --log", "write page_<num>.log for each page that failed", false)
    .addOption(baseUrlOption("address of the service"))
    .option("--max <number>", "end after this many records", integer(1))
    .option("--no-resume", "start from the beginning, not where the same query stopped")
    .option("--contact <text>", "mail or web address that is sent to the service", headerText, "")
    .option("--dry-run", "say how many records, pages and requests there are, and end", false);
}

/**
 * Arguments of `deno task download` as options.
 *
 * @throws {UsageError} in one line for whatever does not fit
 */
export function parseDownloadOptions(argv: readonly string[]): DownloadOptions {
  const o = parseCommand(downloadCommand(), argv).opts();
  return {
    outputFolder: o.outputFolder,
    url: endpointUrl(o.endpoint, o.baseUrl),
    filters: o.filter ?? [],
    scroll: o.scroll,
    profile: o.profile,
    page: o.page,
    size: o.size,
    groupBy: parseGroupBy(o.groupby),
    delaySeconds: o.delay,
    timeoutSeconds: o.timeout,
    retries: o.retries,
    overwrite: o.overwrite,
    log: o.log,
    max: o.max ?? Infinity,
    resume: o.resume,
    dryRun: o.dryRun,
    contact: o.contact,
    json: o.json,
  };
}

/** Parses what may stand in a header's comment (RFC 9110, 5.6.5). */
function headerText(text: string): string {
  if (!/^[\x20-\x7e]{0,200}$/.test(text) || /[()\\]/.test(text)) {
    throw new InvalidArgumentError("It must be plain ASCII without brackets.");
  }
  return text;
}

function endpointUrl(endpoint: string, baseUrl: URL): URL {
  if (/^https?:\/\//i.test(endpoint)) {
    try {
      return webUrl(endpoint);
    } catch (error) {
      throw new UsageError(`Cannot use the endpoint: ${errorMessage(error)}`);
    }
  }
  const base = baseUrl.href.replace(/\/*$/, "/");
  const url = URL.parse(endpoint.replace(/^\/+/, ""), base);
  if (url === null || url.host !== baseUrl.host) {
    throw new UsageError(`Cannot use endpoint "${endpoint}": it is not a path or a URL`);
  }
  return url;
}

/** What a download may touch: the API's host and the output folder. */
export function downloadPermissions(options: DownloadOptions): Permissions {
  const folders = options.dryRun ? [] : [options.outputFolder];
  return { net: [hostAndPort(options.url)], read: folders, write: folders, env: ["BASE_URL"] };
}
