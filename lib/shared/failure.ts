/** What is kept of a failed item from run to run, and when it is tried again. */
import { errorCode } from "./errors.ts";

/** A failed item, as one line of `failures.jsonl`. */
export interface Failure {
  readonly id: string | null;
  /** File or URL that the failure is about. */
  readonly file: string | null;
  /** Step that failed, such as `fetch`, `decode` or `embed`. */
  readonly stage: string;
  readonly code: string;
  readonly message: string;
  /** When it failed first, ISO 8601. */
  readonly time: string;
  /** Runs in which it failed. */
  readonly runs: number;
  /** When it failed last, ISO 8601. */
  readonly last: string;
  /** Task whose item it is. */
  readonly task: string;
  /** What names the item, where its file and id do not. */
  readonly key?: string | undefined;
  /** The index or query that it failed for, where others may take it. */
  readonly about?: string | undefined;
  /** What it failed with: names the bytes or the address. With another one it is tried again. */
  readonly proof?: string | undefined;
  /** Names what was fetched, and was damaged. */
  readonly fetched?: string | undefined;
  /** Runs in which it failed by its own fault, and not for a host that was away. */
  readonly faults?: number | undefined;
  /** The last of them, ISO 8601. */
  readonly faultTime?: string | undefined;
  /** Whether another try is taken to be of no use. */
  readonly isKnown?: boolean | undefined;
}

/** What names an item. */
export type ItemName = Pick<Failure, "id" | "file" | "key" | "about">;

/** A failure of a run, before it is known what earlier runs had. */
export type NewFailure = Omit<Failure, "runs" | "last" | "task" | "faults" | "faultTime">;

/** Runs that have to fail alike where another answer is possible. */
const RUNS = 3;
/** Then, and where an address may give something else some day, it is tried so often. */
const TRIED_EVERY_MS = 30 * 24 * 3600e3;

/** The same bytes fail in the same way each time. */
const FOR_GOOD: ReadonlySet<string> = new Set([
  ...["image_unreadable", "image_too_large", "record_json", "record_id", "no_link"],
  ...["vector_file", "vector_size", "vector_values", "index_rejected", "index_too_large"],
]);
/** The item's own answer, which may become another one. */
const ANSWERS = ["too_large", "redirect", "host_not_allowed", "robots", "image_type", "worker"];

function isAnswer(code: string): boolean {
  return ANSWERS.includes(code) || /^http_(?!40[78]|429)[45]\d\d$/.test(code);
}

/** A proof of what files hold. */
export function bytesProof(hash: string): string {
  return `bytes:${hash}`;
}

/** A proof of what another side was asked, which may answer otherwise some day. */
export function askedProof(hash: string): string {
  return `asked:${hash}`;
}

/** Whether something failed for a reason that says nothing of the item, such as a host that is away. */
export function isPassing(error: unknown): boolean {
  return error !== undefined && isPassingCode(errorCode(error));
}

/** Whether a failure of this code says nothing of the item. */
export function isPassingCode(code: string): boolean {
  return !FOR_GOOD.has(code) && !isAnswer(code);
}

/** Whether the failure comes again each time that the item is tried with the same. */
function isSameEachTime({ code, proof = "" }: NewFailure): boolean {
  if (code === "image_type") return proof.includes("bytes:");
  // What was fetched may be whole the next time.
  return FOR_GOOD.has(code) && !(code === "image_unreadable" && proof.includes("asked:"));
}

/** Whether the item need not be tried now, if this is what it would be tried with. */
export function isKnown(failure: Failure, proof: string | undefined, now = Date.now()): boolean {
  if (!failure.isKnown || failure.proof === undefined || failure.proof !== proof) return false;
  const isDue = now - Date.parse(failure.faultTime ?? failure.last) >= TRIED_EVERY_MS;
  return !(isDue && (proof.includes("asked:") || isAnswer(failure.code)));
}

/**
 * Whether the item had better be asked for again soon: it never came, a host was away, or a host or
 * a worker had a fault of its own, and no run knows yet that it stays so.
 */
export function isOpen({ task, stage, code, isKnown = false }: Failure): boolean {
  if (stage === "store") return false;
  if (task === "download") return true;
  return isPassingCode(code) || /^(http_5|worker$)/.test(code) && !isKnown;
}

/**
 * The failure as it is listed now.
 *
 * @param before what is listed of the item so far
 * @param began when the run began, ISO 8601
 */
export function carriedOver(
  failure: NewFailure,
  before: Failure | undefined,
  task: string,
  began: string,
): Failure {
  const { id, file, stage, code, message, time: now, ...more } = failure;
  const isForGood = isSameEachTime(failure);
  const isOwn = failure.proof !== undefined && (FOR_GOOD.has(code) || isAnswer(code));
  if (isOwn && before?.proof !== undefined && before.proof !== failure.proof) before = undefined;
  const isSameRun = before !== undefined && before.last >= began;
  const isSameFile = failure.fetched !== undefined && failure.fetched === before?.fetched;
  const faults = (before?.faults ?? 0) + (isOwn && !isSameRun ? 1 : 0);
  return {
    ...{ id, file, stage, code, message },
    time: before !== undefined && before.time < now ? before.time : now, // a clock may have been wrong
    runs: (before?.runs ?? 0) + (isSameRun ? 0 : 1),
    last: now,
    task,
    ...more,
    // A host that is away says nothing of the item.
    proof: isOwn ? failure.proof : before?.proof,
    ...faults > 0 ? { faults, faultTime: isOwn ? now : before?.faultTime } : {},
    isKnown: isOwn ? isForGood || isSameFile || faults >= RUNS : before?.isKnown,
  };
}

/** Whether an item that failed again had failed so for good in an earlier run. */
export function wasKnown(now: Failure, before: Failure | undefined, began: string): boolean {
  if (before?.proof === undefined || before.proof !== now.proof || before.time >= began) {
    return false;
  }
  const isFault = now.faultTime === now.last;
  const isSameFile = now.fetched !== undefined && now.fetched === before.fetched;
  return isFault && (before.isKnown === true || isSameFile);
}

/** A line of a list; those of older versions lack what was added since. */
export function parseFailure(line: string): Failure | undefined {
  try {
    const json = JSON.parse(line);
    if (typeof json !== "object" || json === null) return undefined;
    const { id = null, file = null, stage = "", code = "", message = "", time = "" } = json;
    const older = { runs: 1, last: time, task: taskOf(file, stage) };
    return { ...older, ...json, id, file, stage, code, message, time };
  } catch {
    return undefined; // cut short
  }
}

function taskOf(file: unknown, stage: string): string {
  if (typeof file !== "string" || !file.endsWith(".json")) {
    return stage === "list" ? "vectorize" : "download";
  }
  return ["read", "index"].includes(stage) ? "ingest" : "vectorize";
}
