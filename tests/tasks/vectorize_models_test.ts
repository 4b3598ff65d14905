import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { decodeNpy } from "../../lib/vectors/npy.ts";
import { writeRecord } from "../helpers/picture_records.ts";
import { ROOT, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { untar } from "../helpers/untar.ts";

const FIXTURES = join(ROOT, "tests/fixtures");
const PHOTO = "ski_rocket";

/** Writes a model and its manifest by hand, as earlier versions wrote it. */
async function writeModel(
  dir: string,
  name: string,
  onnx: Uint8Array,
  input: Record<string, unknown>,
  output: Record<string, unknown>,
): Promise<string> {
  const sha256 = createHash("sha256").update(onnx).digest("hex");
  const origin = { name, source: `${name}.onnx`, licence: "not known" };
  const manifest = { ...origin, input, output, bytes: onnx.length, sha256 };
  await Deno.writeTextFile(join(dir, `${name}.json`), JSON.stringify(manifest));
  await Deno.writeFile(join(dir, `${name}.onnx`), onnx);
  return join(dir, `${name}.onnx`);
}

/** Has a model make the vector of one photo; undefined if there is none then. */
async function vectorize(dir: string, model: string, args: readonly string[] = []) {
  const [records, vectors] = [join(dir, "r"), await Deno.makeTempDir({ dir })];
  await writeRecord(records, PHOTO);
  const photo = await Deno.readFile(join(FIXTURES, `photos/${PHOTO}.jpg`));
  await Deno.writeFile(join(vectors, `${PHOTO}.jpg`), photo);
  const result = await runTask(["vectorize", records, "*", vectors, "--model", model, ...args]);
  const npy = await Deno.readFile(join(vectors, `${PHOTO}.npy`)).catch(() => undefined);
  return { ...result, vector: npy && decodeNpy(npy) };
}

Deno.test("a manifest of an earlier version gives the same vectors as ever", async () => {
  await using dir = await tempDir();
  const preprocess = {
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
  };
  const model = await writeModel(
    dir.path,
    "earlier",
    await Deno.readFile(join(FIXTURES, "models/encoder.onnx")),
    { name: "pixel_values", layout: "nchw", size: 32, channels: "rgb", fit: "crop", preprocess },
    { name: "image_embeds", size: 12 },
  );
  const wanted = decodeNpy(await Deno.readFile(join(FIXTURES, `models/${PHOTO}.jpg.npy`)));
  for (const engine of ["onnx", "wasm"]) {
    const { code, stderr, vector } = await vectorize(dir.path, model, ["--engine", engine]);
    assert.equal(code, 0, stderr);
    vector!.forEach((x, i) => assert.ok(Math.abs(x - wanted[i]!) < 1e-5, `${engine}: ${x}`));
  }
});

Deno.test("a model that does not fit its manifest is refused in plain words", async () => {
  await using dir = await tempDir();
  const models = await untar(new URL("../fixtures/onnx/models.tar.gz", import.meta.url));
  const input = { name: "pixel_values", size: 48, preprocess: "tf" };
  const output = { name: "image_embeds", size: 8 };
  const cases: [name: string, onnx: Uint8Array, reason: RegExp][] = [
    ["positions", models.get("positions.onnx")!, /cannot run it on a picture of 48 × 48 pixels/],
    ["page", new TextEncoder().encode("<html></html>"), /cut short or damaged/],
    ["later", models.get("opset_new.onnx")!, /operator set 99/],
  ];
  for (const [name, onnx, reason] of cases) {
    const model = await writeModel(dir.path, name, onnx, input, output);
    for (const engine of ["onnx", "wasm"]) {
      const { code, stderr } = await vectorize(dir.path, model, ["--engine", engine]);
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`^vectorize: Cannot load model ".*${name}\\.onnx": .*\n$`));
      assert.match(stderr, reason);
      assert.doesNotMatch(stderr, /\.(h|cc):\d/);
    }
  }
});

Deno.test("a model that gives no real vectors is refused when it is first used", async () => {
  await using dir = await tempDir();
  const models = await untar(new URL("../fixtures/onnx/models.tar.gz", import.meta.url));
  const cases = { nan: /NaN/, infinite: /infinite/, zeros: /all 0/, constant: /same vector/ };
  for (const [name, reason] of Object.entries(cases)) {
    const model = await writeModel(
      dir.path,
      name,
      models.get(`${name}.onnx`)!,
      { name: "pixel_values", size: 32, preprocess: "tf" },
      { name: "image_embeds", size: 8 },
    );
    const { code, stderr, vector } = await vectorize(dir.path, model);
    assert.deepEqual([code, vector], [2, undefined], stderr);
    assert.match(
      stderr,
      new RegExp(`^vectorize: Cannot load model ".*${name}\\.onnx": it gives .*\n$`),
    );
    assert.match(stderr, reason);
  }
});
