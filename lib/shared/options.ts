/** Options that several tools have, each made in one place. */
import { Option } from "@commander-js/extra-typings";
import { decimal, integer, path, webUrl } from "./args.ts";

/** An option for a path, shown with its default as it is written, not as it is resolved. */
export function pathOption<const F extends string>(flags: F, description: string, value: string) {
  return new Option(flags, description).default(path(value), value).argParser(path);
}

/** The option `--base-url`, which the environment variable BASE_URL gives too. */
export function baseUrlOption(description: string) {
  const standard = "https://api.nb.no";
  return new Option("--base-url <url>", description).env("BASE_URL")
    .default(webUrl(standard), standard)
    .argParser((text) => webUrl(text === "" ? standard : text));
}

/** The option `--timeout`, in seconds; `short` is its letter. */
export function timeoutOption(
  seconds: number,
  short?: "-t",
  description = "time limit of a request",
) {
  return new Option(flags("--timeout <seconds>", short), description)
    .default(seconds).argParser(decimal(0.001, 86_400));
}

/** The option `--retries`; `short` is its letter. */
export function retriesOption(tries: number, short?: "-r") {
  return new Option(flags("--retries <number>", short), "tries after the first of a request")
    .default(tries).argParser(integer(0, 1000));
}

function flags<const F extends string>(long: F, short: string | undefined): F {
  return (short === undefined ? long : `${short}, ${long}`) as F; // its letter names no option
}
