/** What a download would take; `--dry-run` says it. */
import { count, durationText } from "../shared/progress.ts";
import type { Report } from "../shared/run.ts";
import { type CatalogClient, pageUrl } from "./client.ts";
import { RESULT_WINDOW } from "./harvest/split.ts";
import type { DownloadOptions } from "./options.ts";

/** What a harvest would ask for, from its first page. */
export async function estimate(options: DownloadOptions, client: CatalogClient): Promise<Report> {
  const { totalElements } = await client.page(pageUrl(options, options.page));
  const { page, size, max, scroll, delaySeconds } = options;
  const records = Math.min(max, Math.max(0, totalElements - page * size));
  const pages = Math.ceil(records / size);
  // A split asks for the first page of each span that turns out to be too large.
  const splits = scroll || records <= RESULT_WINDOW ? 0 : 2 * Math.ceil(records / RESULT_WINDOW);
  const requests = pages + splits;
  const seconds = requests * delaySeconds;
  return {
    json: { dryRun: { records, pages, requests, seconds } },
    text: `${count(records)} records on ${count(pages)} pages, ${count(requests)} requests: ` +
      `at least ${durationText(seconds)} at a delay of ${delaySeconds} s`,
    summary: "nothing was stored",
  };
}
