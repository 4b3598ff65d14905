/** One window on its way: its pages become records, its records vectors, and these documents. */
import { join, sep } from "node:path";
import type { CatalogClient } from "../catalog/client.ts";
import { type DownloadedPage, downloadRecords, idMemory } from "../catalog/download.ts";
import type { IdMemory } from "../catalog/ids/id_memory.ts";
import type { DownloadOptions } from "../catalog/options.ts";
import type { RecordFile } from "../catalog/record_files.ts";
import type { Model } from "../inference/models/model.ts";
import type { Embedder } from "../inference/workers/worker_pool.ts";
import { DocumentReader, type Loaded } from "../ingest/documents.ts";
import type { IngestOptions } from "../ingest/options.ts";
import { HttpError } from "../shared/errors.ts";
import { type Failure, isOpen } from "../shared/failure.ts";
import type { HttpClient } from "../shared/http.ts";
import type { Limiter } from "../shared/limiter.ts";
import type { OutputFolder } from "../shared/output_folder.ts";
import type { Stage } from "../shared/run.ts";
import { groupedInTime } from "../shared/streams.ts";
import { MoveAlong } from "../vectorize/move_along.ts";
import type { VectorizeOptions } from "../vectorize/options.ts";
import { PictureLoader } from "../vectorize/pictures.ts";
import { type Existing, existingOf, isDone } from "../vectorize/plan.ts";
import { checkNotes, guardModel, type ModelGuard } from "../vectorize/same_model.ts";
import { vectorizeRecords } from "../vectorize/vectorize.ts";
import type { PipelineOptions } from "./options.ts";
import { PageNotes } from "./page_notes.ts";
import { today, type Window } from "./windows.ts";

/** How long records wait for others, to be indexed together. */
const GROUP_MS = 2000;

/** What all windows of a run share. */
export interface Shared {
  readonly catalog: CatalogClient;
  readonly images: HttpClient;
  /** Pictures that are fetched at a time. */
  readonly fetches: Limiter;
  readonly model: Model;
  readonly pool: Embedder;
  /** The three stages, of which each window has a part. */
  readonly download: Stage;
  readonly vectorize: Stage;
  readonly ingest: Stage;
  /** Lists the documents that the index did not take. */
  readonly indexOutput: OutputFolder;
}

/** Documents of a window, and how far the window is when the index has them. */
export interface WindowGroup {
  readonly window: OpenWindow;
  readonly items: readonly Loaded[];
  /** Ids of documents that are not to be there: their records are of a group that is left out. */
  readonly gone: readonly string[];
  /** The last record that these groups have come to; undefined at the end of the window. */
  readonly last: RecordFile | undefined;
}

/** A window that is worked on. */
export class OpenWindow implements AsyncDisposable {
  readonly #notes = new PageNotes();
  /** The day when it was listed. */
  readonly #listed = today();

  private constructor(
    readonly window: Window,
    private readonly shared: Shared,
    private readonly options: PipelineOptions,
    private readonly parts: WindowParts,
    private readonly stack: AsyncDisposableStack,
  ) {}

  /**
   * Takes the window's folders.
   *
   * @throws {SetupError} if they cannot be written, or hold vectors of another model
   */
  static async open(
    window: Window,
    shared: Shared,
    options: PipelineOptions,
  ): Promise<OpenWindow> {
    await using stack = new AsyncDisposableStack();
    const parts = await openParts(window, shared, options, stack);
    return new OpenWindow(window, shared, options, parts, stack.move());
  }

  /** Its documents, as they are made; the last group tells that nothing more comes. */
  async *groups(): AsyncGenerator<WindowGroup> {
    const { shared, parts } = this;
    const { vectorize, pictures, existing, guard, moving, options, vectors: output } = parts;
    const makers = {
      ...{ pictures, pool: shared.pool, vectors: existing.vectors, output },
      begin: () => guard.begin(),
      isDone: (record: RecordFile) => isDone(record, existing, options.vectorize),
    };
    const records = this.#records(moving);
    const made = vectorizeRecords(records, makers, options.vectorize, vectorize);
    for await (const group of groupedInTime(made, options.ingest.bulkSize, GROUP_MS)) {
      const sources = group.map(({ record, vector }) => vector ? { record, vector } : { record });
      const loaded = await parts.reader.read(sources);
      yield { window: this, ...this.#chosen(loaded), last: group.at(-1)!.record };
    }
    vectorize.signal.throwIfAborted();
    await guard.end();
    yield { window: this, items: [], gone: [], last: undefined };
  }

  /** The index has this record, and all before it. */
  passed(last: RecordFile): void {
    this.#notes.passed(last);
  }

  /** Whether nothing of the window is left to be done, today or on another day. */
  get isFinished(): boolean {
    const { days } = this.window;
    const isOver = days !== undefined && days.to < this.#listed;
    return isOver && !this.#isCut && !this.#hasOpenFailures();
  }

  /** Whether the listing may have ended before the last record, as of `--max`. */
  get #isCut(): boolean {
    const { options, download } = this.parts;
    return download.stats.done >= options.download.max;
  }

  /** Whether something failed since the listing began, in this run or one that it goes on with, and is open. */
  #hasOpenFailures(): boolean {
    const { parts: { records, vectors }, shared: { indexOutput } } = this;
    const { began } = records.failures;
    const isOfNow = (failure: Failure) => failure.last >= began && isOpen(failure);
    const isOfWindow = ({ file }: Failure) => file?.startsWith(join(records.path, sep));
    return records.failures.standing().some(isOfNow) ||
      vectors.failures.standing().some(isOfNow) ||
      indexOutput.failures.standing().filter(isOfNow).some(isOfWindow);
  }

  /** Says what is to be said at its end. */
  explain(): void {
    this.parts.pictures.explain();
    this.parts.reader.explain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }

  /** The records, when what earlier runs made of them lies where they lie. */
  async *#records(moving: MoveAlong): AsyncGenerator<RecordFile> {
    const { download, records: output, ids, options } = this.parts;
    const client = this.shared.catalog;
    const pages = download.through(
      downloadRecords({ client, output, ids }, options.download, download),
    );
    for await (const page of this.#unlessLost(pages)) {
      this.#notes.add(page);
      for (const record of page.records) {
        moving.move(record);
        yield record;
      }
    }
  }

  /** The pages; where the service has an error for this window alone, it fails, and the others go on. */
  async *#unlessLost(pages: AsyncIterable<DownloadedPage>): AsyncGenerator<DownloadedPage> {
    try {
      yield* pages;
    } catch (error) {
      const isAnswer = error instanceof HttpError && error.info.status !== undefined;
      const hasOthers = this.shared.download.stats.total !== undefined;
      if (!isAnswer || !hasOthers) throw error;
      this.parts.download.fail({ file: error.info.url, stage: "fetch" }, error);
    }
  }

  /** The documents that are to be indexed; the others are counted. */
  #chosen(loaded: readonly Loaded[]): Pick<WindowGroup, "items" | "gone"> {
    const { groups } = this.options;
    if (groups === undefined) return { items: loaded, gone: [] };
    const isChosen = ({ document }: Loaded) => groups.includes(document.access);
    const others = loaded.filter((item) => !isChosen(item));
    this.shared.ingest.stats.skipped += others.length;
    return { items: loaded.filter(isChosen), gone: others.map(({ document }) => document.id) };
  }
}

/** What a window works with. */
interface WindowParts {
  readonly options: WindowOptions;
  readonly download: Stage;
  readonly vectorize: Stage;
  readonly records: OutputFolder;
  readonly vectors: OutputFolder;
  readonly ids: IdMemory;
  readonly existing: Existing;
  readonly pictures: PictureLoader;
  readonly moving: MoveAlong;
  readonly guard: ModelGuard;
  readonly reader: DocumentReader;
}

async function openParts(
  window: Window,
  shared: Shared,
  all: PipelineOptions,
  stack: AsyncDisposableStack,
): Promise<WindowParts> {
  const { model, pool, fetches, images: http, ingest } = shared;
  const options = optionsOf(window, all);
  const download = stack.use(shared.download.part());
  const vectorize = stack.use(shared.vectorize.part());
  const records = await download.openOutput(options.download.outputFolder);
  const { vectorsDir, retryFailed: retry } = options.vectorize;
  await checkNotes(model, options.vectorize);
  const vectors = await vectorize.openOutput(vectorsDir, { retry });
  const ids = stack.use(await idMemory(records, options.download, download));
  const existing = existingOf(options.vectorize, model.output.size, ids);
  const inTurn = <T>(work: () => Promise<T>) => fetches.run(work);
  const parts = { images: existing.images, http, inTurn, output: vectors };
  const moves = { places: ids, existing, output: vectors, imageOutput: vectors };
  return {
    ...{ options, download, vectorize, records, vectors, ids, existing },
    pictures: new PictureLoader(parts, options.vectorize, vectorize),
    moving: new MoveAlong(moves, options.vectorize),
    guard: await guardModel(
      model,
      { pool, existing, output: vectors },
      options.vectorize,
      vectorize,
    ),
    reader: new DocumentReader(options.ingest, ingest, ids),
  };
}

/** The options of the tools for one window. */
export interface WindowOptions {
  readonly download: DownloadOptions;
  readonly vectorize: VectorizeOptions;
  readonly ingest: IngestOptions;
}

/** Folders and days of a window, in the options of the tools. */
export function optionsOf({ name, days }: Window, options: PipelineOptions): WindowOptions {
  const dir = join(options.data, name, options.kind);
  const folders = { recordsDir: join(dir, "records"), vectorsDir: join(dir, "vectors") };
  const filters = days === undefined
    ? []
    : [`firstDigitalContentTime:[${days.from} TO ${days.to}]`];
  const { download } = options;
  return {
    download: {
      ...download,
      outputFolder: folders.recordsDir,
      filters: [...download.filters, ...filters],
    },
    vectorize: { ...options.vectorize, ...folders },
    ingest: { ...options.ingest, ...folders },
  };
}
