/** The index that documents go into: opened only if they fit it. */
import { openIndex, type OpenOptions, readMappingOf } from "../index/open.ts";
import type { Mapping } from "../index/server/mapping.ts";
import type { SentMemory } from "../index/server/fingerprints.ts";
import type { IndexItem, VectorIndex } from "../index/types.ts";
import { SetupError } from "../shared/errors.ts";
import type { Stage } from "../shared/run.ts";
import type { ModelIdentity } from "../vectors/model_identity.ts";
import { commonLength } from "./documents.ts";
import { checkModel, noteModel } from "./folder_model.ts";
import type { IngestOptions } from "./options.ts";

/** What is known of the documents before they are loaded. */
export interface Load {
  readonly first: readonly IndexItem[];
  /** The model that made their vectors, where that is known. */
  readonly model: ModelIdentity | undefined;
  /** Others are in the index already: these are the rest of an earlier run. */
  readonly isRest: boolean;
  /** How many there may be in all. */
  readonly total: () => Promise<number>;
  /** Make the index by the mapping that comes with the program for vectors of this length, where there is neither. */
  readonly standardDims?: number;
  /** Throws if the index, see `VectorIndex.generation`, is not the one that earlier loads went into. */
  readonly check?: (generation: string | undefined) => void;
  /** Remembers what was sent to an index that cannot tell it itself. */
  readonly sent?: SentMemory | undefined;
}

/**
 * Opens the index for these documents; one that is to begin anew is emptied, as there is something to
 * take its place.
 *
 * @throws {SetupError} if their vectors do not fit it, another model made its own, or the cluster has
 *   too little memory for them
 */
export async function openTarget(
  { first, model, isRest, total, standardDims, check, sent }: Load,
  options: IngestOptions,
  stage: Stage,
): Promise<VectorIndex> {
  const recreate = options.recreateIndex && !isRest;
  // The rest of an earlier run may well be nothing but vectors of a wrong size.
  const vectors = isRest ? [] : first;
  const mapping = await readMappingOf(options);
  if (mapping !== undefined) {
    checkLength(vectors, mapping.dims, `the mapping "${mapping.path}" is for vectors of`, options);
  }
  const index = await openIndex(options.place, options.index, {
    ...openOptions(options, mapping, stage),
    recreate,
    sent,
    standardDims,
  });
  try {
    check?.(await index.generation());
    const isRemade = recreate && (mapping !== undefined || index.kind === "embedded");
    if (!isRemade) checkLength(vectors, index.dims, "its vectors have", options);
    if (!recreate) await checkModel(index, model, options, stage);
    await checkMemory(index, await total(), options, stage);
    stage.signal.throwIfAborted();
    if (recreate) await index.clear();
    await noteModel(index, model, options, stage);
    return index;
  } catch (error) {
    await index.removeIfUnused().catch(() => {}); // the first error says what to do
    await index[Symbol.asyncDispose]();
    throw error;
  }
}

/** How an index is opened to be written. */
export function openOptions(
  options: IngestOptions,
  mapping: Mapping | undefined,
  stage: Stage,
): OpenOptions {
  return {
    mode: "write",
    mapping,
    recreate: options.recreateIndex,
    updateMapping: options.updateMapping,
    concurrency: options.concurrency,
    timeoutMs: options.timeoutSeconds * 1000,
    retries: options.retries,
    signal: stage.signal,
    onNotice: (text) => warnOnce(stage, text),
    onRetry: () => stage.stats.retried++,
  };
}

/** What a stage was told of its index, which it may open more than once. */
const told = new WeakMap<Stage, Set<string>>();

function warnOnce(stage: Stage, text: string): void {
  const texts = told.get(stage) ?? new Set();
  if (texts.has(text)) return;
  told.set(stage, texts.add(text));
  stage.warn(text);
}

/** @param dims length that the index wants; undefined if it takes any */
function checkLength(
  vectors: readonly IndexItem[],
  dims: number | undefined,
  what: string,
  { index }: IngestOptions,
): void {
  const fits = vectors.length === 0 || vectors.some(({ vector }) => vector.length === dims);
  if (dims === undefined || fits) return;
  throw new SetupError(
    `Cannot load vectors of ${commonLength(vectors)} numbers into index "${index}": ${what} ` +
      `${dims} numbers`,
  );
}

async function checkMemory(
  index: VectorIndex,
  total: number,
  { force }: IngestOptions,
  stage: Stage,
): Promise<void> {
  const warning = await index.memoryWarning(total);
  if (warning === undefined) return;
  if (!force) throw new SetupError(`${warning}; --force loads them all the same`);
  stage.warn(warning);
}
