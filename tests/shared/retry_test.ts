import assert from "node:assert/strict";
import { get } from "node:http";
import { connectionFault } from "../../lib/shared/connection_faults.ts";
import { HttpError } from "../../lib/shared/errors.ts";
import { retryAfterMs, type RetryPolicy, withRetries } from "../../lib/shared/retry.ts";
import { closedPort } from "../helpers/closed_port.ts";
import { failure, serve } from "../helpers/http_server.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { until } from "../helpers/until.ts";

/** A policy, the waits that it was told of, and what ends it. */
function policyOf(options: Partial<RetryPolicy> = {}) {
  const abort = new AbortController();
  const waits: number[] = [];
  const policy: RetryPolicy = {
    retries: 3,
    firstWaitMs: 1,
    maxWaitMs: 4,
    signal: abort.signal,
    onRetry: (_error, waitMs) => void waits.push(waitMs),
    ...options,
  };
  return { policy, waits, abort };
}

/** The status of an answer to Node's own client, or an error as a client of Maken throws it. */
function statusOf(url: string, signal?: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (error: unknown) => {
      const { code, reason, passes } = connectionFault(error, { url: new URL(url), timeoutMs: 0 });
      reject(new HttpError(`Cannot get ${url}: ${reason}`, { code, url, retry: passes }));
    };
    get(url, { agent: false, ...(signal && { signal }) }, (answer) => {
      const status = answer.statusCode!;
      answer.resume().on("end", () => {
        if (status === 200) return resolve(status);
        const retry = status === 503;
        const asked = retryAfterMs(answer.headers["retry-after"] ?? null);
        const info = { code: `http_${status}`, url, status, retry, retryAfterMs: asked };
        reject(new HttpError(`Cannot get ${url}: status ${status}`, info));
      });
    }).on("error", refuse);
  });
}

Deno.test("withRetries() tries until it works, and numbers the tries", async () => {
  let asked = 0;
  await using server = await rawServer((socket) => {
    if (++asked <= 2) socket.resetAndDestroy();
    else socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });
  const { policy, waits } = policyOf();
  const attempts: number[] = [];
  const status = await withRetries(policy, (attempt) => {
    attempts.push(attempt);
    return statusOf(server.url);
  });
  assert.deepEqual([status, attempts, waits.length], [200, [0, 1, 2], 2]);
});

Deno.test("withRetries() ends with the error of the last try", async () => {
  for (const retries of [0, 2]) {
    await using server = serve((_, n) =>
      new Response(null, { status: 503 + (n > retries ? 1 : 0) })
    );
    const { policy, waits } = policyOf({ retries });
    const tryOnce = async () => {
      const { status } = await fetch(server.url);
      const info = { code: `http_${status}`, url: server.url, status, retry: true };
      throw new HttpError("Cannot get it", info);
    };
    const error = await failure(withRetries(policy, tryOnce));
    assert.equal(error.code, "http_504");
    assert.deepEqual([server.requests.length, waits.length], [retries + 1, retries]);
  }
});

Deno.test("withRetries() counts a try that came further than all before it as the first", async () => {
  const steps = [3, 3, 5, 4, 5, 9]; // three tries without getting past 5, then none is left
  let reached = 0;
  let tried = 0;
  const { policy, waits } = policyOf({ retries: 2, reached: () => reached });
  const error = await failure(withRetries(policy, () => {
    reached = steps[tried++]!;
    throw new HttpError("Cannot get it", { code: "body", url: "", retry: true });
  }));
  assert.deepEqual([error.code, tried, waits.length], ["body", 5, 4]);
});

Deno.test("withRetries() ends at once where another try cannot help", async () => {
  await using server = serve(() => new Response(null, { status: 404 }));
  const { policy, waits } = policyOf();
  const error = await failure(withRetries(policy, () => statusOf(server.url)));
  assert.deepEqual([error.code, server.requests.length], ["http_404", 1]);
  const url = `http://127.0.0.1:${closedPort()}/`;
  const refused = await failure(withRetries(policy, () => statusOf(url)));
  assert.equal(refused.message, `Cannot get ${url}: connection refused`);
  const mistake = new TypeError("a mistake in the program");
  await assert.rejects(withRetries(policy, () => Promise.reject(mistake)), mistake);
  assert.deepEqual(waits, []);
});

Deno.test("withRetries() waits twice as long each time, less up to a half, up to a limit", async () => {
  await using server = await rawServer((socket) => socket.destroy());
  const { policy, waits } = policyOf({ retries: 6, firstWaitMs: 2, maxWaitMs: 16 });
  await failure(withRetries(policy, () => statusOf(server.url)));
  const longest = [2, 4, 8, 16, 16, 16];
  assert.equal(waits.length, longest.length);
  longest.forEach((ms, i) => assert.ok(waits[i]! >= ms / 2 && waits[i]! <= ms, `${waits}`));
  assert.equal(new Set(waits).size, waits.length, "no two clients fall into step");
});

Deno.test("withRetries() waits as long as it is asked to, a minute at the most", async () => {
  for (const [header, expected] of [["0", 0], ["59", 59_000], ["3600", 60_000]] as const) {
    await using server = serve((_, n) =>
      n > 1
        ? new Response()
        : new Response(null, { status: 503, headers: { "retry-after": header } })
    );
    const abort = new AbortController();
    const waits: number[] = [];
    const { policy } = policyOf({
      signal: abort.signal,
      onRetry(_error, waitMs) {
        waits.push(waitMs);
        if (waitMs > 0) abort.abort(); // not worth the time of a test
      },
    });
    const result = withRetries(policy, () => statusOf(server.url));
    if (expected === 0) assert.equal(await result, 200);
    else await assert.rejects(result, { name: "AbortError" });
    assert.deepEqual(waits, [expected]);
  }
});

Deno.test("withRetries() ends when it is interrupted, within a wait or a try", async () => {
  const reason = new DOMException("interrupted", "AbortError");
  await using server = serve(() =>
    new Response(null, { status: 503, headers: { "retry-after": "60" } })
  );
  const waiting = policyOf();
  const inWait = withRetries(waiting.policy, () => statusOf(server.url));
  const ended = assert.rejects(inWait, reason);
  await until(() => waiting.waits.length > 0, "The wait after the first try");
  waiting.abort.abort(reason);
  await ended;
  assert.equal(server.requests.length, 1);

  const trying = policyOf();
  await using silent = await rawServer(() => trying.abort.abort(reason));
  const inTry = withRetries(trying.policy, () => statusOf(silent.url, trying.policy.signal));
  await assert.rejects(inTry, reason);
  assert.deepEqual(trying.waits, []);
  // Nothing is tried after it.
  await assert.rejects(withRetries(trying.policy, () => statusOf(server.url)), reason);
  assert.equal(server.requests.length, 1);
});

Deno.test("retryAfterMs() takes seconds and dates, and nothing else", () => {
  const now = Date.UTC(2026, 0, 1);
  const cases: [string | null, number | undefined][] = [
    ["120", 120_000],
    [" 7 ", 7000],
    ["Thu, 01 Jan 2026 00:01:00 GMT", 60_000],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    [null, undefined],
    ["", undefined],
    ["soon", undefined],
  ];
  for (const [header, ms] of cases) assert.equal(retryAfterMs(header, now), ms, `${header}`);
});

Deno.test("retryAfterMs() never reads a malformed number of seconds as a date long past", () => {
  for (const header of ["1.5", "-5", "5;"]) {
    assert.notEqual(retryAfterMs(header), 0, `${header} would ask again without a wait`);
  }
});
