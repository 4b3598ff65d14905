/** Waiting for what has to happen. */
import { setTimeout as sleep } from "node:timers/promises";

/** Between two looks, in milliseconds. */
const PAUSE_MS = 10;

/** What counts as not happened yet. */
type Falsy = undefined | null | false | 0 | "";

/**
 * Looks again and again until `condition` gives something truthy, and gives that.
 *
 * @param what names what has to happen, for the message of a failure
 * @param limit in seconds: far more than it takes, also on a machine that is busy
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  limit = 60,
): Promise<Exclude<T, Falsy>> {
  const end = Promise.withResolvers<never>();
  const late = () => end.reject(new Error(`${what} did not happen within ${limit} s`));
  const timer = setTimeout(late, 1000 * limit);
  try {
    for (;;) {
      // The end first: a look that never ends, or finds nothing at once, is late too.
      const value = await Promise.race([end.promise, condition()]);
      if (value) return value as Exclude<T, Falsy>;
      await sleep(PAUSE_MS);
    }
  } finally {
    clearTimeout(timer);
  }
}
