/** Small image encoders, for tests that are about records and pictures, not about InceptionV3. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT, runTask } from "./run_task.ts";

const FIXTURES = join(ROOT, "tests/fixtures/models");
const SOURCE = join(FIXTURES, "encoder.onnx");

/** How CLIP's pictures are prepared. */
const CLIP = ["--size", "32", "--fit", "crop", "--output", "image_embeds"]
  .concat("--mean", "0.48145466,0.4578275,0.40821073")
  .concat("--std", "0.26862954,0.26130258,0.27577711");

/** Imports tests/fixtures/models/encoder.onnx as CLIP's would be; gives the path for `--model`. */
export function importEncoder(dir: string): Promise<string> {
  return convert(SOURCE, join(dir, "encoder.onnx"), CLIP);
}

/** Imports an encoder of the same name, size and length of vectors, which makes other vectors. */
export async function importOtherEncoder(dir: string): Promise<string> {
  const file = await Deno.readFile(SOURCE);
  const floats = 16 * 12;
  const head = new TextEncoder().encode("matrix\x4a"); // and its length, in two bytes
  const at = file.findLastIndex((_, i) => head.every((byte, j) => file[i + j] === byte));
  const start = at + head.length + 2;
  const matrix = file.subarray(start, start + 4 * floats);
  for (let i = 0; i < floats; i += 2) {
    // Numbers change places by twos, so that the file keeps its size.
    const pair = matrix.slice(4 * i, 4 * i + 8);
    matrix.set(pair.subarray(4), 4 * i);
    matrix.set(pair.subarray(0, 4), 4 * i + 4);
  }
  await Deno.mkdir(dir, { recursive: true });
  const source = join(dir, "source.onnx");
  await Deno.writeFile(source, file);
  return await convert(source, join(dir, "encoder.onnx"), CLIP);
}

/** Imports the same file, whose pictures are prepared in another way. */
export function importEncoderOtherwise(dir: string): Promise<string> {
  const settings = ["--size", "32", "--output", "image_embeds"];
  return convert(SOURCE, join(dir, "encoder.onnx"), settings);
}

/** Imports the encoder that gives no usable vector of black and of white pictures. */
export function importLogEncoder(dir: string): Promise<string> {
  const settings = ["--size", "32", "--mean", "0,0,0", "--std", "1,1,1"];
  return convert(join(FIXTURES, "log_encoder.onnx"), join(dir, "log_encoder.onnx"), settings);
}

async function convert(source: string, path: string, settings: string[]): Promise<string> {
  const { code, stderr } = await runTask(["model", "convert", source, path, ...settings]);
  assert.equal(code, 0, stderr);
  return path;
}
