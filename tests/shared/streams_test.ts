import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { ahead } from "../../lib/shared/streams.ts";

/** Numbers from 1 to 9, made one after the other, with a gate that holds the making of one. */
function numbers(held = Infinity) {
  const made: number[] = [];
  const gate = Promise.withResolvers<void>();
  const state = { made, isClosed: false, open: gate.resolve, fail: gate.reject, items: make() };
  async function* make() {
    try {
      for (let n = 1; n <= 9; n++) {
        if (n === held) await gate.promise;
        made.push(n);
        yield n;
      }
    } finally {
      state.isClosed = true;
    }
  }
  return state;
}

Deno.test("ahead() has one item made while another is worked on, and gives all in order", async () => {
  const source = numbers();
  const seen: number[] = [];
  for await (const n of ahead(source.items)) {
    seen.push(n);
    await setImmediate();
    assert.equal(source.made.length, Math.min(n + 1, 9));
  }
  assert.deepEqual(seen, source.made);
  assert.ok(source.isClosed);
});

Deno.test("ahead() ends its source when it is left early", async () => {
  const source = numbers();
  for await (const n of ahead(source.items)) if (n === 3) break;
  assert.ok(source.isClosed);
  assert.deepEqual(source.made, [1, 2, 3, 4]);

  const other = numbers();
  const work = async () => {
    for await (const _ of ahead(other.items)) throw new Error("no more");
  };
  await assert.rejects(work, { message: "no more" });
  assert.ok(other.isClosed);
});

Deno.test("ahead() that is left while an item is made waits for it, and ends its source", async () => {
  const source = numbers(2);
  const items = ahead(source.items);
  assert.equal((await items.next()).value, 1);
  let isLeft = false;
  const leaving = items.return(undefined).then(() => isLeft = true);
  await setImmediate();
  assert.deepEqual([isLeft, source.isClosed], [false, false]);
  source.open();
  await leaving;
  assert.ok(source.isClosed);
  assert.deepEqual(source.made, [1, 2]);
});

Deno.test("ahead() tells the fault of an item in its turn", async () => {
  const source = numbers(2);
  const items = ahead(source.items);
  assert.equal((await items.next()).value, 1);
  source.fail(new Error("item 2"));
  await setImmediate(); // an error that nobody has taken up by now ends the process
  await assert.rejects(items.next(), { message: "item 2" });
  assert.ok(source.isClosed);
});

Deno.test("ahead() that is left does not tell the fault of an item that nobody asked for", async () => {
  const source = numbers(2);
  for await (const _ of ahead(source.items)) {
    source.fail(new Error("item 2"));
    await setImmediate();
    break;
  }
  assert.ok(source.isClosed);
});
