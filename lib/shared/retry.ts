/** Tries again what failed for a reason that may pass, after longer and longer waits. */
import { setTimeout } from "node:timers/promises";
import { HttpError, type MakenError } from "./errors.ts";

/** How often something is tried, and how long the waits in between are. */
export interface RetryPolicy {
  /** Tries after the first one. */
  readonly retries: number;
  /** Wait before the second try, in milliseconds; it doubles from try to try. */
  readonly firstWaitMs: number;
  /** Longest wait that this grows to, in milliseconds. */
  readonly maxWaitMs: number;
  /** Ends the waits, and has no other try begin. */
  readonly signal: AbortSignal;
  /**
   * How far the tries have come, where each goes on from the one before: one that has come further
   * than all before it counts as the first.
   */
  readonly reached?: () => number;
  /** Called before each wait. */
  readonly onRetry?: ((error: MakenError, waitMs: number) => void) | undefined;
}

/** Longest wait that the other side may ask for, in milliseconds. */
const MAX_ASKED_WAIT_MS = 60_000;

/**
 * Calls `tryOnce` until it succeeds, throws what another try cannot help, or has been called as
 * often as the policy says. An {@linkcode HttpError} tells whether another try may help (`retry`),
 * how many tries are worth it (`tries`) and how long the other side asks to wait (`retryAfterMs`).
 *
 * @param tryOnce is given the number of the try, from 0
 * @throws what the last try has thrown
 * @throws {DOMException} AbortError when the signal was aborted
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { HttpError } from "./errors.ts";
 * const { signal } = new AbortController();
 * const policy = { retries: 2, firstWaitMs: 1, maxWaitMs: 1000, signal };
 * const busy = new HttpError("Cannot ask", { code: "http_503", url: "", retry: true });
 * const number = await withRetries(policy, (attempt) => {
 *   if (attempt === 0) throw busy;
 *   return Promise.resolve(attempt);
 * });
 * assert.equal(number, 1);
 * ```
 */
export async function withRetries<T>(
  policy: RetryPolicy,
  tryOnce: (attempt: number) => Promise<T>,
): Promise<T> {
  const { retries, signal, reached = () => 0 } = policy;
  for (let attempt = 0, furthest = reached();; attempt++) {
    signal.throwIfAborted();
    try {
      return await tryOnce(attempt);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof HttpError) || error.info.retry !== true) throw error;
      if (reached() > furthest) {
        furthest = reached();
        attempt = 0;
      }
      if (attempt + 1 >= Math.min(retries + 1, error.info.tries ?? Infinity)) throw error;
      await waitAfter(attempt, error, policy);
    }
  }
}

/**
 * Waits between try `attempt` and the next one: as long as the other side asks, a minute at the
 * most, or else twice as long as the last time.
 *
 * @throws {DOMException} AbortError when the signal was aborted
 */
export async function waitAfter(
  attempt: number,
  error: MakenError,
  { firstWaitMs, maxWaitMs, signal, onRetry }: RetryPolicy,
): Promise<void> {
  const askedMs = error instanceof HttpError ? error.info.retryAfterMs : undefined;
  const backoffMs = Math.min(maxWaitMs, firstWaitMs * 2 ** attempt);
  // Less by chance, so that clients do not fall into step.
  const waitMs = Math.min(MAX_ASKED_WAIT_MS, askedMs ?? backoffMs * (0.5 + Math.random() / 2));
  onRetry?.(error, waitMs);
  await sleep(waitMs, signal);
}

/** Waits, in milliseconds; an aborted signal ends it at once, with the signal's reason. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/**
 * Milliseconds that a Retry-After header asks for, in seconds or as a date (RFC 9110, 10.2.3).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(retryAfterMs("2"), 2000);
 * assert.equal(retryAfterMs("Sun, 22 Nov 2026 12:00:05 GMT", Date.UTC(2026, 10, 22, 12)), 5000);
 * assert.equal(retryAfterMs(null), undefined);
 * ```
 */
export function retryAfterMs(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null || header.trim() === "") return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const ms = /GMT\s*$/.test(header) ? Date.parse(header) - now : NaN;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
