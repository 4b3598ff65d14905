/** The options that choose which stored records a run takes. */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { parseShard } from "./shard.ts";

/** The option `--shard`. */
export function shardOption() {
  return new Option("--shard <i/n>", "take the i-th of n parts of the records, by their ids")
    .argParser((text) => {
      const shard = parseShard(text);
      if (shard !== undefined) return shard;
      throw new InvalidArgumentError("It must be i/n, such as 1/4, with i from 1 to n.");
    });
}

/** The option `--retry-failed`. */
export function retryFailedOption() {
  return new Option("--retry-failed", "take only the records that failed, and all of them")
    .default(false);
}
