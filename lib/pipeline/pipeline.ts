/** FLOW: windows of days -> pages -> records -> pictures -> vectors -> documents, as one stream. */
import { catalogClient, explained } from "../catalog/download.ts";
import { identityOf } from "../inference/models/identity.ts";
import { openModel } from "../inference/models/model.ts";
import { modelFolders } from "../inference/native.ts";
import { LazyPool } from "../inference/workers/lazy_pool.ts";
import type { VectorIndex } from "../index/types.ts";
import { checkModelStayed } from "../ingest/folder_model.ts";
import { ingestDocuments, sentFile } from "../ingest/ingest.ts";
import { openTarget } from "../ingest/target.ts";
import { HttpError } from "../shared/errors.ts";
import { Limiter } from "../shared/limiter.ts";
import { count } from "../shared/progress.ts";
import type { Report, Run, Stage } from "../shared/run.ts";
import { merged, unlessEmpty } from "../shared/streams.ts";
import { imageClient } from "../vectorize/pictures.ts";
import { OpenWindow, type Shared, type WindowGroup } from "./open_window.ts";
import type { PipelineOptions } from "./options.ts";
import { planPipeline } from "./plan.ts";
import { Refresher } from "./refresher.ts";
import { ReadFolder, WindowLog } from "./window_log.ts";
import type { Window } from "./windows.ts";

/** Windows that are worked on at a time. */
const MAX_OPEN = 3;

/** Brings an index up to date with the catalogue. */
export async function pipeline(options: PipelineOptions, run: Run): Promise<Report> {
  if (options.plan) {
    const due = new WindowLog(new ReadFolder(options.data), options).due();
    return await planPipeline(due, options, run);
  }
  const download = run.stage("download");
  const vectorize = run.stage("vectorize");
  const ingest = run.stage("ingest");
  const log = new WindowLog(await run.openOutput(options.data), options);
  const { engine, jobs: size, model: name, modelsDir } = options.vectorize;
  const model = await openModel(name, modelFolders(modelsDir));
  await using pool = new LazyPool({ engine, model, size, signal: run.signal });
  const indexOutput = await ingest.openOutput(options.ingest.indexDir, {
    retry: options.ingest.retryFailed,
  });
  await using windows = new Windows(log.due(), log, options, {
    catalog: catalogClient(options.download, download.part()),
    images: imageClient(options.vectorize, vectorize.part()),
    fetches: new Limiter(options.vectorize.concurrency),
    ...{ model, pool, download, vectorize, ingest, indexOutput },
  });
  let documents: number | undefined;
  try {
    await using groups = await unlessEmpty(windows.groups());
    if (groups !== undefined) {
      const { first: { items: first } } = groups;
      const total = () => Promise.resolve(download.stats.total ?? first.length);
      using sent = sentFile(indexOutput, options.ingest);
      const load = {
        first,
        model: identityOf(model),
        isRest: false,
        standardDims: model.output.size,
        total,
        check: (generation: string | undefined) => log.requireHeld(generation),
        sent,
      };
      await using index = await openTarget(load, options.ingest, ingest);
      await windows.load(groups, index);
      checkModelStayed(index, identityOf(model));
      if (options.ingest.forcemerge) await index.forcemerge();
      if (options.ingest.warmup) await index.warmup();
      documents = await index.count();
      if (documents === 0) await index.removeIfUnused();
    }
  } catch (error) {
    if (error instanceof HttpError) throw explained(error);
    throw error;
  }
  run.signal.throwIfAborted();
  warnOfGroups(options, ingest);
  return { json: { index: options.ingest.index, documents, windows: windows.report } };
}

/** Says that not one record was chosen, as names of groups are easily misspelt. */
function warnOfGroups({ groups }: PipelineOptions, ingest: Stage): void {
  const { stored, failed, skipped, kinds } = ingest.stats;
  const isNone = stored === 0 && failed === 0 && (kinds.get("unchanged") ?? 0) === 0;
  if (groups === undefined || skipped === 0 || !isNone) return;
  ingest.warn(`not one of ${count(skipped)} documents is of --groups ${groups.join(",")}`);
}

/** The windows of a run. */
class Windows implements AsyncDisposable {
  readonly #open = new Set<OpenWindow>();
  readonly #ended: { readonly name: string; readonly finished: boolean }[] = [];

  constructor(
    private readonly due: readonly Window[],
    private readonly log: WindowLog,
    private readonly options: PipelineOptions,
    private readonly shared: Shared,
  ) {}

  /** What became of each that has ended. */
  get report() {
    return this.#ended.toSorted((a, b) => a.name < b.name ? -1 : 1);
  }

  /** What all windows have for the index; before the first of it, windows that have none come to their end. */
  async *groups(): AsyncGenerator<WindowGroup> {
    const isLimited = this.options.download.max < Infinity;
    let isNeeded = false;
    for await (const group of merged(this.#streams(), isLimited ? 1 : MAX_OPEN)) {
      isNeeded ||= group.items.length > 0 || group.gone.length > 0;
      if (isNeeded) yield group;
      else await this.#passed(group);
    }
  }

  /** Puts the documents into the index, and has them found soon. */
  async load(groups: AsyncIterable<WindowGroup>, index: VectorIndex): Promise<void> {
    const { options, shared: { ingest } } = this;
    const byItems = new Map<unknown, WindowGroup>();
    async function* items() {
      for await (const group of groups) {
        byItems.set(group.items, group);
        yield group.items;
      }
    }
    await using refresher = new Refresher(index);
    for await (const loaded of ingestDocuments(items(), index, options.ingest, ingest)) {
      const group = byItems.get(loaded.items)!;
      byItems.delete(loaded.items);
      if (group.gone.length > 0) await index.delete(group.gone);
      if (group.items.length > 0) refresher.changed();
      await this.#passed(group, loaded.generation);
    }
  }

  async *#streams(): AsyncGenerator<AsyncIterable<WindowGroup>> {
    const { shared, options, log } = this;
    for (const window of this.due) {
      shared.ingest.signal.throwIfAborted();
      const max = options.download.max - shared.download.stats.done;
      if (max <= 0) return;
      log.begin(window);
      const download = { ...options.download, max, taker: log.query };
      const open = await OpenWindow.open(window, shared, { ...options, download });
      this.#open.add(open);
      yield open.groups();
    }
  }

  /** Nothing is left to be done with these documents. */
  async #passed(group: WindowGroup, generation?: string): Promise<void> {
    const { window } = group;
    if (group.last !== undefined) {
      if (generation !== undefined) this.log.hold(window.window, generation);
      return window.passed(group.last);
    }
    window.explain();
    if (window.isFinished) this.log.finish(window.window, generation);
    this.#ended.push({ name: window.window.name, finished: window.isFinished });
    this.#open.delete(window);
    await window[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const window of this.#open) await window[Symbol.asyncDispose]();
  }
}
