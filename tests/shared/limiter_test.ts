import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { Limiter } from "../../lib/shared/limiter.ts";

Deno.test("Limiter runs no more at a time than its limit, less after an overload, then more", async () => {
  const limiter = new Limiter(8);
  let running = 0, most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await setImmediate();
    running--;
  };
  const burst = async (n: number) => {
    most = 0;
    await Promise.all(Array.from({ length: n }, () => limiter.run(work)));
    return most;
  };
  assert.equal(await burst(40), 8);
  limiter.slower();
  limiter.slower(); // tells of the same overload
  assert.equal(await burst(8), 4);
  await burst(400);
  assert.equal(limiter.limit, 8);
  assert.equal(await burst(40), 8);
});

Deno.test("Limiter goes on after work that failed", async () => {
  const limiter = new Limiter(1);
  const results = await Promise.allSettled([
    limiter.run(() => Promise.reject(new Error("no"))),
    limiter.run(() => Promise.resolve("yes")),
  ]);
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "fulfilled"]);
});
