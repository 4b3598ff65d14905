import assert from "node:assert/strict";
import { JsonLinesWriter, writeNumbers } from "../../../../lib/index/server/wire/json_lines.ts";

Deno.test("writeNumbers() writes every float32 so that it reads back the same", () => {
  const bits = new Uint32Array(1000);
  const vector = new Float32Array(bits.buffer);
  const bytes = new Uint8Array(16 * vector.length);
  for (let round = 0; round < 200; round++) {
    // All exponents, both signs, any digits; in the first round the ends of each exponent's range.
    bits.forEach((_, i) => {
      const random = crypto.getRandomValues(new Uint32Array(1))[0]!;
      const edge = ((i >> 1) << 23) | (i & 1 ? 0x7fffff : 0);
      bits[i] = round === 0 ? edge : random;
      if (!Number.isFinite(vector[i])) bits[i] = 0x80000000; // minus zero
    });
    const text = new TextDecoder().decode(bytes.subarray(0, writeNumbers(vector, bytes, 0)));
    const read = Float32Array.from(JSON.parse(`[${text}]`));
    assert.deepEqual(new Uint32Array(read.buffer), bits);
  }
});

Deno.test("JsonLinesWriter writes lines of JSON with a vector at the end", () => {
  const writer = new JsonLinesWriter(1);
  const vector = new Float32Array([0.5, -3]);
  writer.line({ index: { _id: 'a"\n' } });
  writer.line({ title: "Bjørnen 😀" }, { name: "vector", vector });
  writer.line({}, { name: "vector", vector: new Float32Array(0) });
  const lines = new TextDecoder().decode(writer.bytes()).split("\n");
  assert.deepEqual(lines.slice(0, 3).map((line) => JSON.parse(line)), [
    { index: { _id: 'a"\n' } },
    { title: "Bjørnen 😀", vector: [0.5, -3] },
    { vector: [] },
  ]);
  assert.deepEqual(lines.slice(3), [""]);
});
