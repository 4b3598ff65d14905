/** Bounded work over async iterables. */
import { pMapIterable } from "p-map";

/**
 * Maps with at most `concurrency` calls under way or results waiting; keeps the order. One who ends
 * early, or fails, goes on when the calls that are under way have ended.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const doubled = mapConcurrent(2, [1, 2, 3], (n) => Promise.resolve(2 * n));
 * assert.deepEqual(await Array.fromAsync(doubled), [2, 4, 6]);
 * ```
 */
export async function* mapConcurrent<T, R>(
  concurrency: number,
  items: AsyncIterable<T> | Iterable<T>,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const underWay = new Set<Promise<unknown>>();
  const begin = (item: T) => {
    const result = work(item);
    const ended = result.catch(() => {}).finally(() => underWay.delete(ended));
    underWay.add(ended);
    return result;
  };
  const mapped = pMapIterable<T, R>(items, begin, { concurrency, backpressure: concurrency });
  try {
    yield* mapped as AsyncIterable<R>;
  } finally {
    await Promise.all(underWay);
  }
}

/** Has the next item made while one is worked on, and no other. */
export async function* ahead<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (let next = iterator.next();;) {
      const { value, done } = await next;
      if (done) return;
      next = iterator.next();
      next.catch(() => {}); // told when its turn comes
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

/**
 * The items of all lists in order, in groups of `size`; the last group holds what is left.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const groups = regrouped([[1], [], [2, 3]], 2);
 * assert.deepEqual(await Array.fromAsync(groups), [[1, 2], [3]]);
 * ```
 */
export async function* regrouped<T>(
  lists: AsyncIterable<readonly T[]> | Iterable<readonly T[]>,
  size: number,
): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const list of lists) {
    for (const item of list) {
      group.push(item);
      if (group.length < size) continue;
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

/**
 * The items in groups of `size`, or fewer if `ms` have passed since the first of a group came.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Readable } from "node:stream";
 * const groups = groupedInTime(Readable.from([1, 2, 3]), 2, 1000);
 * assert.deepEqual(await Array.fromAsync(groups), [[1, 2], [3]]);
 * ```
 */
export async function* groupedInTime<T>(
  items: AsyncIterable<T>,
  size: number,
  ms: number,
): AsyncGenerator<T[]> {
  const iterator = items[Symbol.asyncIterator]();
  const ask = () => {
    const next = iterator.next();
    next.catch(() => {}); // told when its turn comes
    return next;
  };
  try {
    for (let next = ask(), isLast = false; !isLast;) {
      const first = await next;
      if (first.done) return;
      const group = [first.value];
      next = ask();
      using limit = timeLimit(ms);
      while (group.length < size) {
        const result = await Promise.race([next, limit.late]);
        isLast = result?.done === true;
        if (result === undefined || result.done) break;
        group.push(result.value);
        next = ask();
      }
      yield group;
    }
  } finally {
    await iterator.return?.();
  }
}

function timeLimit(ms: number): { readonly late: Promise<undefined> } & Disposable {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, ms);
  return { late, [Symbol.dispose]: () => clearTimeout(timer) };
}

/**
 * The items of several streams as they come; each stream keeps its order.
 *
 * @param open streams that are asked at a time
 */
export async function* merged<T>(
  streams: AsyncIterable<AsyncIterable<T>>,
  open: number,
): AsyncGenerator<T> {
  const source = streams[Symbol.asyncIterator]();
  const asked = new Map<AsyncIterator<T>, Promise<[AsyncIterator<T>, IteratorResult<T>]>>();
  const ask = (iterator: AsyncIterator<T>) => {
    const answer = iterator.next().then((result) =>
      [iterator, result] as [typeof iterator, typeof result]
    );
    answer.catch(() => {}); // told when its turn comes
    asked.set(iterator, answer);
  };
  try {
    for (let isLast = false;;) {
      while (!isLast && asked.size < open) {
        const { value, done } = await source.next();
        if (done) isLast = true;
        else ask(value[Symbol.asyncIterator]());
      }
      if (asked.size === 0) return;
      const [iterator, result] = await Promise.race(asked.values());
      if (result.done) asked.delete(iterator);
      else {
        ask(iterator);
        yield result.value;
      }
    }
  } finally {
    await Promise.allSettled([...asked.keys(), source].map((iterator) => iterator.return?.()));
  }
}

/** The items that are there: drops what earlier work gave up, and counted itself. */
export async function* kept<T>(items: AsyncIterable<T | undefined>): AsyncGenerator<T> {
  for await (const item of items) if (item !== undefined) yield item;
}

/** The items as they come, once the first of them is there; undefined if there is none. */
export async function unlessEmpty<T>(
  items: AsyncIterable<T>,
): Promise<AsyncIterable<T> & AsyncDisposable & { readonly first: T } | undefined> {
  const iterator = items[Symbol.asyncIterator]();
  let next: IteratorResult<T> | undefined = await iterator.next();
  if (next.done) return undefined;
  return {
    first: next.value,
    [Symbol.asyncDispose]: async () => void await iterator.return?.(),
    [Symbol.asyncIterator]: () => ({
      next: () => {
        if (next === undefined) return iterator.next();
        const first = next;
        next = undefined;
        return Promise.resolve(first);
      },
      return: async () => await iterator.return?.() ?? { done: true, value: undefined },
    }),
  };
}

/** Parts of a file or body as one. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
