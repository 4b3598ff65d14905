/** FLOW: pages of the catalogue -> records -> `<group>/<id>.json`. */
import type { Report, Stage } from "../shared/run.ts";
import { FileError, HttpError, RecordError, SetupError } from "../shared/errors.ts";
import { type OutputFolder } from "../shared/output_folder.ts";
import { bytesProof } from "../shared/failure.ts";
import { count } from "../shared/progress.ts";
import { hashOf } from "../shared/proof.ts";
import { ahead } from "../shared/streams.ts";
import { CatalogClient } from "./client.ts";
import { estimate } from "./estimate.ts";
import { harvest } from "./harvest/harvest.ts";
import type { HarvestPosition, Step } from "./harvest/step.ts";
import { IdMemory } from "./ids/id_memory.ts";
import { Journal } from "./journal.ts";
import type { DownloadOptions } from "./options.ts";
import type { RecordFile } from "./record_files.ts";
import { RecordStore } from "./record_store.ts";

/** Stores every record of the query that is not there yet. */
export async function download(options: DownloadOptions, run: Stage): Promise<Report | void> {
  const client = catalogClient(options, run);
  try {
    if (options.dryRun) return await estimate(options, client);
    const output = await run.openOutput(options.outputFolder);
    await using ids = await idMemory(output, options, run);
    for await (const page of downloadRecords({ client, output, ids }, options, run)) page.note();
  } catch (error) {
    if (error instanceof HttpError) throw explained(error);
    throw error;
  }
}

/** What asks for the pages of one query, and counts the tries. */
export function catalogClient(options: DownloadOptions, stage: Stage): CatalogClient {
  return new CatalogClient(options, {
    signal: stage.signal,
    onRetry: (error, waitMs) => {
      stage.stats.retried++;
      stage.warn(`${error.message}; trying again in ${(waitMs / 1000).toFixed(1)} s`);
    },
  });
}

/** What is remembered of where the records of a folder lie. */
export function idMemory(
  output: OutputFolder,
  { groupBy }: DownloadOptions,
  stage: Stage,
): Promise<IdMemory> {
  return IdMemory.open(output, groupBy.length, (text) => stage.warn(text), stage.signal);
}

/** What a download works with. */
export interface DownloadParts {
  readonly client: CatalogClient;
  /** Takes the records. */
  readonly output: OutputFolder;
  /** Remembers where they lie. */
  readonly ids: IdMemory;
}

/** Records that came together. */
export interface DownloadedPage {
  readonly records: readonly RecordFile[];
  /** Has the next run of the same query go on after this page, if this one is interrupted. */
  readonly note: () => void;
}

/**
 * Stores the records of the query that are not there yet; hands on those of each page, stored now or
 * earlier. What fails is counted by the stage. The one who takes a page notes it when nothing is left
 * to be done with its records.
 *
 * @throws {HttpError} if the service does not answer, or refuses the query
 */
export function downloadRecords(
  parts: DownloadParts,
  options: DownloadOptions,
  stage: Stage,
): AsyncGenerator<DownloadedPage> {
  return new Download(options, stage, parts).pages();
}

/** One harvest into one folder. */
class Download {
  readonly #journal: Journal;
  readonly #told: { least: number; most: number; last: number } = {
    least: Infinity,
    most: 0,
    last: 0,
  };
  #pages = 0;
  /** The whole query was harvested: there is nothing to go on with. */
  #hasEnded = false;
  /** Records that failed because they never came. */
  #lost = 0;

  constructor(
    private readonly options: DownloadOptions,
    private readonly stage: Stage,
    private readonly parts: DownloadParts,
  ) {
    this.#journal = new Journal(parts.output, options);
  }

  async *pages(): AsyncGenerator<DownloadedPage> {
    const { options, stage, parts: { client, output, ids } } = this;
    const start = await this.#start();
    const store = new RecordStore(output, ids, options.groupBy, options.overwrite);
    const steps = atMost(options.max - stage.stats.done, harvest(options, client, start));
    for await (const step of ahead(steps)) {
      stage.signal.throwIfAborted();
      const records = this.#take(step, store);
      ids.keep();
      yield { records, note: this.#noteOf(step.after) };
    }
    stage.signal.throwIfAborted();
    this.#hasEnded = true;
    this.#journal.end();
    this.#settle();
    this.#compareWithTotal();
    if (store.moved > 0) {
      stage.warn(`${recordsText(store.moved)} moved to another folder, as --groupby has it now`);
    }
  }

  /** Where the harvest begins, or goes on with the counts that it had. */
  async #start(): Promise<HarvestPosition> {
    const { options, stage } = this;
    const entry = options.resume ? await this.#journal.read() : undefined;
    if (entry === undefined) {
      return { mode: options.scroll ? "scroll" : "pages", page: options.page };
    }
    this.#pages = entry.pages;
    this.#lost = entry.lost;
    stage.stats.total = entry.total;
    stage.stats.skipped = entry.done;
    stage.stats.failedBefore = entry.failedBefore ?? 0;
    if (entry.began !== undefined) this.parts.output.failures.goOnFrom(entry.began);
    for (const [code, n] of Object.entries(entry.errors)) stage.stats.addFailed(code, n);
    stage.warn(`going on after ${count(entry.pages)} pages, ${count(stage.stats.done)} records`);
    return entry.position;
  }

  /** All was asked for again: what has not failed once more no longer stands. */
  #settle(): void {
    const { failures } = this.parts.output;
    const isOwn = (about: string | undefined) =>
      (about ?? this.#journal.query) === this.#journal.query;
    failures.settleAll(({ about, last }) => isOwn(about) && last < failures.began);
  }

  /** Notes how far the harvest has come now, whenever it is called. */
  #noteOf(position: HarvestPosition | undefined): () => void {
    if (position === undefined) return () => {};
    const { stats } = this.stage;
    const entry = {
      position,
      pages: this.#pages,
      done: stats.stored + stats.skipped,
      errors: Object.fromEntries(stats.errors),
      lost: this.#lost,
      failedBefore: stats.failedBefore,
      began: this.parts.output.failures.began,
      total: stats.total ?? 0,
    };
    return () => {
      if (!this.#hasEnded) this.#journal.write(entry);
    };
  }

  /** Stores the records of a page, or counts them as lost; gives those that are there. */
  #take(step: Step, store: RecordStore): RecordFile[] {
    const { options, stage } = this;
    const taken = new Map<string, RecordFile>(); // one that comes twice may have moved
    this.#expect(step.total);
    if (step.page === undefined) this.#lose(step);
    else {
      const left = step.repeated ? Infinity : options.max - stage.stats.done;
      for (const json of step.page.items.slice(0, left)) {
        const record = this.#put(json, step, store);
        if (record !== undefined) taken.set(record.stem, record);
      }
    }
    if (!step.repeated) this.#pages++;
    if (step.notice !== undefined) stage.warn(step.notice);
    stage.stats.total = Math.max(stage.stats.total ?? 0, stage.stats.done);
    return [...taken.values()];
  }

  /** Stores a record; undefined if that failed, or if it is there and was handed on before. */
  #put(json: unknown, { url, repeated }: Step, store: RecordStore): RecordFile | undefined {
    try {
      const { record, result } = store.put(json);
      if (repeated && result !== "stored") return undefined;
      this.stage.stats[result]++;
      return record;
    } catch (error) {
      const isRecords = error instanceof RecordError;
      if (!repeated || !(isRecords || error instanceof FileError)) {
        const item = { file: url, stage: "store", about: this.#journal.query };
        this.stage.fail({ ...item, ...isRecords ? recordName(json) : {} }, error);
      }
      return undefined;
    }
  }

  #lose({ url, error, doubt, records }: Step): void {
    const { total = this.stage.stats.done, done } = this.stage.stats;
    const open = total - done;
    // How many are on a page, nobody knows where the total is wrong.
    const missing = records === Infinity ? open : Math.min(records, Math.max(1, open));
    if (missing <= 0) return;
    this.#lost += missing;
    const reason = error ?? mayBeMissing(missing, total, url, doubt ?? "");
    const item = { file: url, stage: "fetch", about: this.#journal.query };
    this.stage.fail(item, reason, missing);
    if (!this.options.log || error === undefined) return;
    const { status, body } = error.info;
    const text = [url, status ?? error.code, error.message, body ?? ""].join("\n");
    this.parts.output.write(`page_${this.options.page + this.#pages}.log`, `${text}\n`);
  }

  #expect(totalElements: number | undefined): void {
    const { options, stage: { stats } } = this;
    if (totalElements !== undefined) {
      const told = Math.max(0, totalElements - options.page * options.size);
      const { least, most } = this.#told;
      Object.assign(this.#told, {
        least: Math.min(least, told),
        most: Math.max(most, told),
        last: told,
      });
      stats.total = Math.max(stats.done, Math.min(options.max, told));
    }
    const pages = Math.max(this.#pages + 1, Math.ceil((stats.total ?? 0) / options.size));
    stats.detail = `page ${count(this.#pages + 1)} of ${count(pages)}`;
  }

  /** Every record has ended one way or another, so that there are as many as came or were lost. */
  #compareWithTotal(): void {
    const { options, stage } = this;
    const { done } = stage.stats;
    const { least, most, last } = this.#told;
    stage.stats.total = done;
    const isTold = Math.min(last, options.max) === done && (!options.scroll || least === most);
    if (isTold || least > most) return;
    const said = least === most ? count(most) : `from ${count(least)} to ${count(most)}`;
    const what = options.scroll || least === most ? "was wrong" : "changed";
    const came = count(done - this.#lost);
    stage.warn(`the service's total ${what}: it said ${said} records, ${came} came`);
  }
}

/** Names a record that cannot be stored by what is in it. */
function recordName(json: unknown) {
  const proof = bytesProof(hashOf(JSON.stringify(json)));
  return { key: proof, proof };
}

function recordsText(n: number): string {
  return n === 1 ? "1 record" : `${count(n)} records`;
}

function mayBeMissing(records: number, total: number, url: string, doubt: string): HttpError {
  const message = `Cannot find ${count(records)} of ${count(total)} records of ${url}: ${doubt}`;
  return new HttpError(message, { code: "may_be_missing", url });
}

/** The steps until `max` records were seen. */
async function* atMost(max: number, steps: AsyncIterable<Step>): AsyncGenerator<Step> {
  for await (const step of steps) {
    yield step;
    if (!step.repeated) max -= step.records;
    if (max <= 0) return;
  }
}

/** The error of a catalogue, with what to do. */
export function explained(error: HttpError): SetupError {
  const refused = error.info.status === undefined ? "" : ", --endpoint and the filters";
  const hint = `check --base-url${refused}, or run the same command again to go on`;
  return new SetupError(`${error.message}; ${hint}`, { cause: error });
}
