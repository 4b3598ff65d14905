/** A worker with one model: takes image files, gives vectors. It has neither net nor write permission. */
/// <reference lib="deno.worker" />
import { errorMessage } from "../shared/errors.ts";
import { embedImages } from "./embed.ts";
import type { Engine, EngineModel } from "./engine.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { loadOnnxEngine } from "./onnx_engine.ts";

let loaded: { engine: Engine; model: EngineModel } | undefined;

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  try {
    if (data.kind === "load") {
      loaded = { engine: await loadOnnxEngine(data.model), model: data.model };
      send({ kind: "ready" });
    } else {
      if (loaded === undefined) throw new Error("No model is loaded");
      const results = await embedImages(data.images, loaded.engine, loaded.model);
      const buffers = results.flatMap((r) => "vector" in r ? [r.vector.buffer] : []);
      send({ kind: "embedded", results }, buffers);
    }
  } catch (error) {
    send({ kind: "failed", message: errorMessage(error) });
  }
};

function send(message: FromWorker, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}
