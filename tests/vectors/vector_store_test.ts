import assert from "node:assert/strict";
import { checkVector } from "../../lib/vectors/vector_store.ts";

Deno.test("checkVector() takes only vectors that have a direction", () => {
  checkVector(new Float32Array([0, 1e-17]), 2);
  checkVector(new Float32Array([1e-45, -1e17]), 2);
  const bad: [number[], string][] = [
    [[1], "vector_size"],
    [[0, -0], "vector_values"],
    [[1, NaN], "vector_values"],
    [[Infinity, 1], "vector_values"],
    [[1e19, 1], "vector_values"],
    [[0, -1e-19], "vector_values"],
  ];
  for (const [values, code] of bad) {
    assert.throws(() => checkVector(new Float32Array(values), 2), { code });
  }
});
