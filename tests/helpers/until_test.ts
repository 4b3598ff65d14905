import assert from "node:assert/strict";
import { until } from "./until.ts";

Deno.test("until() gives what the condition gives at last", async () => {
  let looks = 0;
  assert.equal(await until(() => ++looks > 3 && `${looks} looks`, "the fourth look"), "4 looks");
  assert.equal(await until(() => Promise.resolve(looks), "a look that takes a while"), 4);
});

Deno.test("until() says what did not happen, though a look never ends", async () => {
  const message = "The moon's fall did not happen within 0.05 s";
  await assert.rejects(until(() => false, "The moon's fall", 0.05), { message });
  const never = () => new Promise<boolean>(() => {});
  await assert.rejects(until(never, "The moon's fall", 0.05), { message });
});

Deno.test("until() ends with the condition's own fault", async () => {
  const broken = () => {
    throw new TypeError("no such thing");
  };
  await assert.rejects(until(broken, "Anything"), { message: "no such thing" });
  await assert.rejects(until(() => Promise.reject(new Error("gone")), "Anything"), /gone/);
});
