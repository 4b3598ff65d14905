import assert from "node:assert/strict";
import { NodeRing } from "../../../lib/index/server/node_ring.ts";

/** A ring of the nodes a, b and c, and the names of its next nodes. */
function ringOf() {
  const ring = new NodeRing(["a", "b", "c"].map((host) => new URL(`http://${host}:9200`)));
  const names = (n: number) => Array.from({ length: n }, () => ring.next().url.hostname).join("");
  const [a, b, c] = [ring.next(), ring.next(), ring.next()];
  return { ring, names, a, b, c };
}

Deno.test("NodeRing gives its nodes in turn", () => {
  const { ring, names } = ringOf();
  assert.equal(names(7), "abcabca");
  assert.deepEqual([ring.hasUp(), ring.hasAnswered()], [true, false]);
});

Deno.test("NodeRing passes over nodes that are down, and the others keep their order", () => {
  const { ring, names, a, b } = ringOf();
  b.down = true;
  assert.equal(names(6), "acacac");
  a.down = true;
  assert.equal(names(4), "cccc");
  assert.ok(ring.hasUp());
  b.down = false;
  assert.equal(names(4), "bcbc");
});

Deno.test("NodeRing gives a node that is down now and then, as it may be back", () => {
  const { names, b } = ringOf();
  b.down = true;
  // Of 50 of its turns one is used, and two nodes come between two turns.
  const turns = names(1000);
  const times = [...turns.matchAll(/b/g)].map(({ index }) => index);
  assert.deepEqual(times, Array.from({ length: 9 }, (_, i) => 99 + 101 * i));
  assert.equal(turns.replaceAll("b", ""), "ac".repeat(496).slice(0, 991));
  b.down = false;
  assert.match(names(6), /^(abcabc|bcabca|cabcab)$/, "it is back");
});

Deno.test("NodeRing gives each node in turn while all are down", () => {
  const { ring, names, a, b, c } = ringOf();
  for (const node of [a, b, c]) node.down = true;
  assert.equal(ring.hasUp(), false);
  for (const name of "abc") assert.ok(names(12).split(name).length - 1 >= 3, name);
  ring.retryAll();
  assert.ok(ring.hasUp());
  assert.match(names(6), /^(abcabc|bcabca|cabcab)$/);
});

Deno.test("NodeRing remembers whether any node ever answered", () => {
  const { ring, c } = ringOf();
  c.answered = true;
  c.down = true;
  assert.ok(ring.hasAnswered());
  ring.retryAll();
  assert.ok(ring.hasAnswered());
});
