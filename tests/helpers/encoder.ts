/** A small image encoder, for tests that are about records and pictures, not about InceptionV3. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT, runTask } from "./run_task.ts";

/** Imports tests/fixtures/models/encoder.onnx as CLIP's would be; gives the path for `--model`. */
export async function importEncoder(dir: string): Promise<string> {
  const path = join(dir, "encoder.onnx");
  const source = join(ROOT, "tests/fixtures/models/encoder.onnx");
  const { code, stderr } = await runTask(
    ["model", "convert", source, path, "--size", "32", "--fit", "crop", "--output", "image_embeds"]
      .concat("--mean", "0.48145466,0.4578275,0.40821073")
      .concat("--std", "0.26862954,0.26130258,0.27577711"),
  );
  assert.equal(code, 0, stderr);
  return path;
}
