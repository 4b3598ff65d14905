/** A worker with one model: takes image files, gives vectors. It has neither net nor write permission. */
/// <reference lib="deno.worker" />
import { errorMessage } from "../shared/errors.ts";
import { Embedder } from "./embed.ts";
import type { EngineModel, EngineName, LoadEngine } from "./engine.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

let embedder: Embedder | undefined;
let stop: Int32Array | undefined;

self.onmessage = ({ ports: [port] }: MessageEvent<null>) => {
  let last = Promise.resolve();
  port!.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    last = last.then(() => answer(data, port!));
  };
  const die = (event: Event, reason: unknown) => {
    event.preventDefault();
    const message: FromWorker = { kind: "died", reason: errorMessage(reason) };
    port!.postMessage(message);
    self.close();
  };
  self.addEventListener("error", (event) => die(event, event.error ?? event.message));
  self.addEventListener("unhandledrejection", (event) => die(event, event.reason));
};

async function answer(message: ToWorker, port: MessagePort): Promise<void> {
  const send = (answer: FromWorker, transfer: Transferable[] = []) =>
    port.postMessage(answer, transfer);
  try {
    if (message.kind === "load") {
      embedder = await load(message.engine, message.model);
      await embedder.tryOut();
      stop = message.stop;
      send({ kind: "ready" });
    } else {
      if (embedder === undefined || stop === undefined) throw new Error("No model is loaded");
      if (Atomics.load(stop, 0) !== 0) throw new Error("It was told to stop");
      const results = await embedder.embed(message.images);
      const buffers = results.flatMap((r) => "vector" in r ? [r.vector.buffer] : []);
      send({ kind: "embedded", results }, buffers);
    }
  } catch (error) {
    send({ kind: "failed", message: errorMessage(error) });
  }
}

/** Loads the engine's code with its decoder's: the wasm engine then needs no right to native code. */
async function load(engine: EngineName, model: EngineModel): Promise<Embedder> {
  const { decode } = engine === "wasm"
    ? await import("../images/decode_wasm.ts")
    : await import("../images/decode.ts");
  const { loadEngine } = await loaders[engine]();
  return new Embedder(decode, await loadEngine(model), model);
}

const loaders: Record<EngineName, () => Promise<{ loadEngine: LoadEngine }>> = {
  onnx: () => import("./onnx_engine.ts"),
  wasm: () => import("./wasm_engine.ts"),
  tfjs: () => import("./tfjs_engine.ts"),
};
