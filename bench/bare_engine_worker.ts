/** A worker with a session of one thread, which runs on a tensor that lies ready each time it is told. */
/// <reference lib="deno.worker" />
import { inputDims } from "../lib/inference/engines/engine.ts";
import { openModel } from "../lib/inference/models/model.ts";
import { loadEngine } from "../lib/inference/engines/onnx_engine.ts";

self.onmessage = async (
  { data: { path, batch } }: MessageEvent<{ path: string; batch: number }>,
) => {
  const model = { ...await openModel(path), threads: 1 };
  const engine = await loadEngine(model);
  const length = inputDims(model.input, batch).reduce((product, size) => product * size);
  const input = Float32Array.from({ length }, (_, i) => Math.sin(i * i) * 0.9);
  for (let i = 0; i < 2; i++) await engine.run(input, batch);
  self.onmessage = async () => {
    await engine.run(input, batch);
    self.postMessage("done");
  };
  self.postMessage("ready");
};
