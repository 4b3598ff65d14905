/** FLOW: pages of the catalogue -> records -> `<group>/<id>.json`. */
import { VERSION } from "../shared/args.ts";
import type { Report, Run } from "../shared/cli.ts";
import { HttpError, SetupError } from "../shared/errors.ts";
import type { OutputFolder } from "../shared/files.ts";
import { HttpClient } from "../shared/http.ts";
import { hostAndPort } from "../shared/urls.ts";
import { type LostPage, type Page, pages, pageUrl } from "./client.ts";
import type { DownloadOptions } from "./options.ts";
import { RecordStore } from "./record_store.ts";

/** Stores every record of the query that is not there yet. */
export async function download(options: DownloadOptions, run: Run): Promise<Report | void> {
  const output = await run.openOutput(options.outputFolder);
  const store = new RecordStore(output, options.groupBy, options.overwrite);
  const http = catalogueClient(options, run);
  try {
    for await (const page of pages(options, http)) {
      if ("error" in page) await recordLostPage(page, output, options, run);
      else await storePage(page, store, options, run);
      if (run.stats.done >= options.max) break;
    }
  } catch (error) {
    if (error instanceof HttpError) throw unreachable(error);
    throw error;
  }
  compareWithTotal(run);
}

async function storePage(
  page: Page,
  store: RecordStore,
  options: DownloadOptions,
  run: Run,
): Promise<void> {
  const { stats } = run;
  const skippedPages = options.page * options.size;
  stats.total = Math.min(options.max, Math.max(0, page.totalElements - skippedPages));
  stats.detail = `page ${page.number + 1} of ${page.totalPages}`;
  for (const record of page.items) {
    if (stats.done >= options.max) return;
    run.signal.throwIfAborted();
    try {
      stats[await store.put(record)]++;
    } catch (error) {
      await run.fail({ file: pageUrl(options, page.number), stage: "store" }, error);
    }
  }
}

async function recordLostPage(
  page: LostPage,
  output: OutputFolder,
  options: DownloadOptions,
  run: Run,
): Promise<void> {
  await run.fail({ file: page.url, stage: "fetch" }, page.error, page.records);
  if (!options.log) return;
  const { status, body } = page.error.info;
  const text = [page.url, status ?? page.error.code, page.error.message, body ?? ""].join("\n");
  await output.write(`page_${page.number}.log`, `${text}\n`);
}

function catalogueClient(options: DownloadOptions, run: Run): HttpClient {
  return new HttpClient({
    signal: run.signal,
    timeoutMs: options.timeoutSeconds * 1000,
    retries: options.retries,
    delayMs: options.delaySeconds * 1000,
    hosts: [hostAndPort(options.url)],
    maxBytes: 100e6,
    userAgent: `maken/${VERSION}`,
    onRetry: (error, waitMs) => {
      run.stats.retried++;
      run.warn(`${error.message}; trying again in ${(waitMs / 1000).toFixed(1)} s`);
    },
  });
}

function unreachable(error: HttpError): SetupError {
  const hint = "check --base-url, --endpoint and the filters";
  return new SetupError(`${error.message}; ${hint}`, { cause: error });
}

function compareWithTotal(run: Run): void {
  const { total, done } = run.stats;
  if (total === undefined || done === total) return;
  run.warn(`the service told of ${total} records, but gave ${done}`);
}
