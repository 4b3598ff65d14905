import assert from "node:assert/strict";
import { countVct, decodeVct, encodeVct } from "../../lib/vectors/vct.ts";
import { fixture, ramp } from "../helpers/vector_fixtures.ts";

Deno.test("encodeVct() writes the text of numpy.savetxt, and decodeVct() reads it", async () => {
  const text = new TextDecoder().decode(await fixture("ramp.vct"));
  assert.equal(encodeVct(ramp), text);
  assert.deepEqual(decodeVct(text), ramp);
  assert.throws(() => decodeVct("1.0\nabc\n"), { code: "vector_file", message: /line 2 is "abc"/ });
  assert.throws(() => decodeVct(""), { code: "vector_file" });
});

Deno.test("decodeVct() reads what numpy.loadtxt reads, and no number that is cut off", () => {
  const wanted = new Float32Array([1.5, -0.25, NaN, Infinity]);
  for (
    const text of [
      "1.5\n-.25\nnan\ninf",
      "1.5 -0.25\tNaN Inf\n",
      "1.5, -2.5e-1,nan,+Infinity\n",
      "# made by hand\n1.5 # one\n-0.25\r\n\r\nnan\ninf\n",
      "\ufeff1.5\n-0.25\nnan\ninf\n",
    ]
  ) assert.deepEqual(decodeVct(text), wanted, text);
  const text = encodeVct(ramp.slice(0, 8));
  assert.deepEqual(decodeVct(text.trimEnd()), ramp.slice(0, 8));
  for (const cut of [2, 5, 12, 20]) {
    assert.throws(() => decodeVct(text.slice(0, -cut)), {
      code: "vector_file",
      message: /cut off/,
    });
    assert.equal(countVct(text.slice(0, -cut)), 0);
  }
});
