import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { decode } from "../../../lib/images/decode.ts";
import { manageModels } from "../../../lib/inference/models/manage_models.ts";
import { openModel } from "../../../lib/inference/models/model.ts";
import { parseModelOptions } from "../../../lib/inference/models/model_options.ts";
import type { EngineName } from "../../../lib/inference/engines/engine.ts";
import { loadEngine as loadOnnx } from "../../../lib/inference/engines/onnx_engine.ts";
import { loadEngine as loadWasm } from "../../../lib/inference/engines/wasm_engine.ts";
import { Embedder } from "../../../lib/inference/workers/embed.ts";
import { Stage } from "../../../lib/shared/run.ts";
import { setupError, symlink } from "../../helpers/files.ts";
import { ROOT } from "../../helpers/run_task.ts";
import { tempDir } from "../../helpers/temp_dir.ts";
import { walkFiles } from "../../helpers/walk_files.ts";
import { untar } from "../../helpers/untar.ts";

// Models as people export them, and what ONNX Runtime in Python makes of two photos: make_models.py.
const FIXTURES = join(ROOT, "tests/fixtures");
const MODELS = await untar(new URL("../../fixtures/onnx/models.tar.gz", import.meta.url));
const TABLE: {
  readonly photos: readonly string[];
  readonly cases: readonly {
    readonly model: string;
    readonly args: readonly string[];
    readonly vectors: readonly (readonly number[])[];
  }[];
} = JSON.parse(await Deno.readTextFile(join(FIXTURES, "onnx/vectors.json")));

const ENGINES = { onnx: loadOnnx, wasm: loadWasm } as const satisfies Partial<
  Record<EngineName, unknown>
>;

/** A folder with the models, and some more files. */
async function modelsDir(more: Record<string, string | Uint8Array> = {}) {
  const dir = await tempDir();
  for (const [name, content] of [...MODELS, ...Object.entries(more)]) {
    const path = join(dir.path, "in", name);
    await Deno.mkdir(dirname(path), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else await Deno.writeFile(path, content);
  }
  return { path: dir.path, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

/** `deno task model convert` of a file in the folder, to a folder of its own; the model's path. */
async function convert(dir: string, file: string, args: readonly string[]): Promise<string> {
  const onnx = join(dir, "out", crypto.randomUUID(), "made.onnx");
  const options = parseModelOptions(["convert", join(dir, "in", file), onnx, ...args]);
  await using stage = new Stage("model", new AbortController().signal);
  await manageModels(options, stage);
  return onnx;
}

for (const { model, args, vectors } of TABLE.cases) {
  Deno.test(`an imported ${[model, ...args].join(" ")} gives ONNX Runtime's vectors of Pillow's pixels`, async () => {
    await using dir = await modelsDir();
    const made = { ...await openModel(await convert(dir.path, `${model}.onnx`, args)), threads: 1 };
    assert.equal(made.resize, "pillow-9");
    for (const loadEngine of Object.values(ENGINES)) {
      const embedder = new Embedder(decode, await loadEngine(made), made);
      await embedder.tryOut();
      for (const [i, photo] of TABLE.photos.entries()) {
        const file = await Deno.readFile(join(FIXTURES, "photos", photo));
        const vector = await embedder.embed(await embedder.open(file));
        assert.equal(vector.length, vectors[i]!.length);
        vector.forEach((x, j) =>
          assert.ok(Math.abs(x - vectors[i]![j]!) < 1e-5, `${x}, number ${j}`)
        );
      }
    }
  });
}

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const encoder = MODELS.get("batch1.onnx")!;
const { zip, ...odd } = {
  "empty.onnx": new Uint8Array(),
  "text.onnx": "no model at all\n",
  "utf8.onnx": "ingen modell, bare blåbær og øl\n",
  "page.onnx": "\n<!DOCTYPE html>\n<html><body>404</body></html>",
  "lfs.onnx": "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 351530861\n",
  "pickle.onnx": bytes("\x80\x02}q\x00(X\x04\x00\x00\x00"),
  zip: "PK\x03\x04\x00\x00\x00\x00\x00\x00",
  "lite.onnx": bytes("\x1c\x00\x00\x00TFL3\x14\x00"),
  "tensors.onnx": bytes('\x50\x00\x00\x00\x00\x00\x00\x00{"__metadata__":{"format":"pt"}'),
  "hdf5.onnx": bytes("\x89HDF\r\n\x1a\n\x00\x00\x00\x00"),
  "gguf.onnx": bytes("GGUF\x03\x00\x00\x00"),
  "ort.onnx": bytes("\x20\x00\x00\x00ORTM\x00\x00"),
  "noise.onnx": Uint8Array.from({ length: 3000 }, (_, i) => i * 73 & 255),
  "cut.onnx": encoder.slice(0, encoder.length / 2),
  "cut_at_the_end.onnx": encoder.slice(0, -5),
  "saved_model.onnx": bytes("\x08\x01\x12\x03abc"),
} as const;

const REFUSED: readonly [file: string, args: readonly string[], reason: RegExp][] = [
  ["optimum.onnx", [], /any size.*--size/],
  ["optimum.onnx", ["--like", "clip", "--size", "336"], /336 pixels.*224 of --like.*--crop/],
  ["positions.onnx", ["--size", "48"], /picture of 48 × 48 pixels, as --size asks for/],
  ["batch1.onnx", ["--size", "48"], /32 × 32, not 48 × 48/],
  ["batch1.onnx", ["--resize", "31"], /32 pixels.*31 of --resize/],
  ["nhwc_uint8.onnx", ["--mean", "0,0,0"], /uint8.*--mean/],
  ["tokens.onnx", [], /many vectors.*pooler_output/],
  ["two_outputs.onnx", [], /"last_hidden_state".*"pooler_output".*--output/],
  ["two_outputs.onnx", ["--output", "last_hidden_state"], /take --output pooler_output/],
  ["two_outputs.onnx", ["--output", "none"], /no output "none".*"pooler_output"/],
  ["int64_out.onnx", [], /int64/],
  ["int64_in.onnx", [], /input "pixel_values" is of int64/],
  ["bfloat16.onnx", [], /bfloat16.*float32/],
  ["shapeless.onnx", [], /shape unknown/],
  ["ir_new.onnx", [], /version 99.*up to \d+.*save it/],
  ["opset_new.onnx", [], /operator set 99.*up to \d+.*export it/],
  ["oblong.onnx", [], /32 × 48.*squares/],
  ["three_axes.onnx", [], /3 × 32 × 32.*pictures/],
  ["gray.onnx", [], /gray/],
  ["alien.onnx", [], /operator .*Sharpen/],
  ["text_too.onnx", ["--output", "image_embeds"], /"input_ids", "attention_mask".*encoder without/],
  ["nan.onnx", [], /NaN/],
  ["infinite.onnx", [], /infinite/],
  ["zeros.onnx", [], /all 0/],
  ["constant.onnx", [], /same vector/],
  ["external_missing.onnx", [], /"none\.bin", which is not there/],
  ["external_outside.onnx", [], /"\.\.\/outside\.bin", which is outside/],
  ["external_absolute.onnx", [], /"\/etc\/hostname", which is outside/],
  ["external_short.onnx", [], /"short\.bin" has \d+ bytes.*cut short/],
  ["linked.onnx", [], /symbolic link/],
  ["large.onnx", [], /3\.0 GB.*up to 2 GB/],
  ["large.h5", [], /3\.0 GB/],
  ["empty.onnx", [], /empty/],
  ["text.onnx", [], /a text/],
  ["utf8.onnx", [], /a text/],
  ["page.onnx", [], /web page/],
  ["lfs.onnx", [], /Git LFS/],
  ["pickle.onnx", [], /PyTorch/],
  ["torch.onnx", [], /PyTorch/],
  ["keras.onnx", [], /Keras 3.*InceptionV3.*\.keras/],
  ["other.onnx", [], /ZIP/],
  ["lite.onnx", [], /TensorFlow Lite/],
  ["tensors.onnx", [], /safetensors/],
  ["hdf5.onnx", [], /HDF5.*\.h5/],
  ["gguf.onnx", [], /GGUF/],
  ["ort.onnx", [], /\.ort/],
  ["noise.onnx", [], /no ONNX model/],
  ["cut.onnx", [], /cut short/],
  ["cut_at_the_end.onnx", [], /cut short/],
  ["saved_model.onnx", [], /SavedModel/],
  ["none.onnx", [], /no such file/],
];

Deno.test("what is no image encoder is refused in one plain line, and nothing is stored", async () => {
  await using dir = await modelsDir({
    ...odd,
    "torch.onnx": bytes(`${zip}archive/data.pkl`),
    "keras.onnx": bytes(`${zip}metadata.json`),
    "other.onnx": bytes(`${zip}a.txt`),
    "sub/linked.onnx": MODELS.get("external.onnx")!,
  });
  await symlink("../../in/external.onnx.data", join(dir.path, "in/sub/external.onnx.data"));
  for (const name of ["large.onnx", "large.h5"]) {
    await Deno.writeFile(join(dir.path, "in", name), encoder);
    await Deno.truncate(join(dir.path, "in", name), 3 * 2 ** 30); // takes no space
  }
  for (const [file, args, reason] of REFUSED) {
    const place = file === "linked.onnx" ? join("sub", file) : file;
    const message = await setupError(convert(dir.path, place, args));
    assert.match(message, reason, file);
    assert.match(message, new RegExp(`^Cannot convert ".*${file}": `));
    assert.doesNotMatch(message, /onnxruntime_src|\.cc|protobuf/i);
  }
  const stored = await Array.fromAsync(walkFiles(join(dir.path, "out")));
  assert.deepEqual(stored.filter((name) => !name.includes(".maken/")), []);
});

Deno.test("options that contradict each other are refused in one line", () => {
  const cases: [args: string, reason: RegExp][] = [
    ["--fit stretch --resize 256", /--resize with --fit stretch/],
    ["--fit pad --crop 224", /--crop with --fit pad/],
    ["--like clip --fit pad --resize 256", /--resize with --fit pad/],
    ["--fill 1,2,3", /--fill with --fit stretch/],
    ["--fit pad --fill 1,2,300", /0 to 255/],
    ["--resize 200 --crop 224", /--crop 224 .*--resize 200/],
    ["--like imagenet --resize 200", /--like imagenet's --crop 224 .*--resize 200/],
    ["--like resnet", /clip, dinov2, imagenet/],
    ["--filter nearest", /bilinear, bicubic, lanczos/],
  ];
  for (const [args, reason] of cases) {
    const parse = () => parseModelOptions(["convert", "a.onnx", "b.onnx", ...args.split(" ")]);
    assert.throws(parse, { code: "usage", message: reason }, args);
  }
  const ofKeras = () => parseModelOptions(["convert", "a.h5", "b.onnx", "--like", "clip"]);
  assert.throws(ofKeras, { code: "usage", message: /--like with "a\.h5".*ONNX/ });
});
