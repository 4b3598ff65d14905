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

Deno.test("decodeVct() finds the cut among numbers of other lengths", () => {
  const written = Array.from(encodeVct(ramp.slice(4, 40)).trimEnd().split("\n"));
  const odd = (number: string) =>
    [...written.slice(0, 10), number, ...written.slice(11)].join("\n");
  for (const number of ["0", "1.0e-100", "123.4567", "-1.000000000000000000e+100"]) {
    assert.equal(decodeVct(odd(number)).length, written.length, number);
    for (const cut of [1, 2, 3, 4, 5, 12, 21, 22]) {
      const text = odd(number).slice(0, -cut);
      assert.throws(() => decodeVct(text), { message: /cut off/ }, `${number}, less ${cut}`);
    }
  }
  const fixed = Array.from(ramp.slice(60, 100), (n) => (n % 1).toFixed(6));
  const text = [...fixed.slice(0, 5), "123.450000", ...fixed.slice(6)].join(" ");
  assert.equal(decodeVct(text).length, fixed.length);
  for (const cut of [1, 3, 6, 7]) {
    assert.throws(() => decodeVct(text.slice(0, -cut)), { message: /cut off/ }, `less ${cut}`);
  }
});

Deno.test("decodeVct() takes a short last number as whole where numbers are of many lengths", () => {
  const shortest = Array.from(ramp.slice(40, 140), (n) => String(n / 7));
  for (const last of ["0.5", "1", "2.5e-7", "0", "1.", "nan", "-7"]) {
    assert.equal(decodeVct([...shortest, last].join("\n")).length, 101, last);
  }
  const written = encodeVct(ramp.slice(0, 8));
  assert.equal(decodeVct(`${written.trimEnd()} # 8 numbers`).length, 8);
  assert.equal(decodeVct(written.replaceAll("\n", " ")).length, 8);
  assert.equal(decodeVct("1\n-12\n123\n0\n4").length, 5);
});

Deno.test("decodeVct() refuses what numpy.loadtxt refuses or reads as more than one vector", () => {
  for (
    const [text, message] of [
      ["0,123\n0,456\n-0,5\n", /3 lines of 2 numbers each, with a comma .*: decimals need a point/],
      ["1 2 3\n4 5 6\n", /2 lines of 3 numbers each$/],
      ["0 1.5\n1 2.5\n2 3.5\n", /3 lines of 2 numbers each$/],
      ["1 2\n3\n", /line 2 has not as many numbers as line 1/],
      ["1,,2\n", /line 1 is "1,,2"/],
      ["1.5 2,5\n", /line 1 is "1.5 2,5"/],
      ["1.5;2.5\n", /line 1 is "1.5;2.5"/],
    ] as const
  ) {
    assert.throws(() => decodeVct(text), { code: "vector_file", message }, text);
    if (/[ ,]/.test(text)) assert.equal(countVct(text), 0, text);
  }
  assert.deepEqual(decodeVct("# shape (2,)\n1.5 2.5\n"), new Float32Array([1.5, 2.5]));
});
