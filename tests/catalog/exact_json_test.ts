import assert from "node:assert/strict";
import { parseExact } from "../../lib/catalog/exact_json.ts";

Deno.test("parseExact() keeps numbers as they are written", () => {
  const numbers = ["0", "-1", "0.5", "1.0", "-0", "-0.0", "0.10", "100", "1e400", "-1e400", "1E5"];
  numbers.push("1e+2", "1e-7", "12345678901234567890", "9007199254740993", "0.1234567890123456789");
  for (const number of numbers) {
    for (const text of [`[${number}]`, `{"n":${number}}`, `{"n":[{"m":${number}},"s"]}`]) {
      assert.equal(JSON.stringify(parseExact(text)), text);
    }
  }
});

for (const number of ["0.0000001", "123456789.12345678901", "9007199254.7409931"]) {
  Deno.test(`parseExact() keeps ${number}`, () => {
    assert.equal(JSON.stringify(parseExact(`[${number}]`)), `[${number}]`);
  });
}

Deno.test("parseExact() leaves all but numbers as JSON.parse gives it", () => {
  const texts = [
    "1.0",
    "1e400",
    "-0",
    "12345678901234567890",
    "[1.0,2]",
    '{"n":1.0}',
    "\u2028 -0}",
  ];
  for (const text of texts) {
    const json = JSON.stringify({ [text]: text, list: [text, null, true], empty: {} });
    assert.deepEqual(parseExact(json), JSON.parse(json));
    const beside = `{"n":1.0,${json.slice(1)}`; // makes the slower way needed
    assert.equal(JSON.stringify(parseExact(beside)), beside);
  }
  assert.deepEqual(parseExact('{"a":[1,2.5,"x"],"b":1}'), { a: [1, 2.5, "x"], b: 1 });
  const own = parseExact('{"__proto__":{"n":1.0}}') as object;
  assert.ok(Object.hasOwn(own, "__proto__"));
});

Deno.test("parseExact() refuses what is not JSON", () => {
  for (
    const text of [
      "",
      "{",
      '{"n":1.0',
      "[01]",
      "[1.]",
      "[.5]",
      "NaN",
      "<html>1.0 </html>",
      "[1.0,]",
    ]
  ) {
    assert.throws(() => parseExact(text), SyntaxError, text);
  }
});
