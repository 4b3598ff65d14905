/** A worker with one model: takes image files, gives vectors. It has neither net nor write permission. */
/// <reference lib="deno.worker" />
import type { Pixels } from "../../images/pixels.ts";
import { errorMessage, ImageError } from "../../shared/errors.ts";
import { ahead } from "../../shared/streams.ts";
import { Embedder } from "./embed.ts";
import type { EngineModel, EngineName, LoadEngine } from "../engines/engine.ts";
import { requireOwnFile } from "../models/model_file.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

type Send = (answer: FromWorker, transfer?: Transferable[]) => void;

self.onmessage = ({ ports: [port] }: MessageEvent<null>) => {
  const send: Send = (answer, transfer = []) => port!.postMessage(answer, transfer);
  const die = (event: Event, reason: unknown) => {
    event.preventDefault();
    send({ kind: "died", reason: errorMessage(reason) });
    self.close();
  };
  self.addEventListener("error", (event) => die(event, event.error ?? event.message));
  self.addEventListener("unhandledrejection", (event) => die(event, event.reason));
  work(messagesOf(port!), send);
};

/** Loads the model, then embeds image after image; the next one is decoded meanwhile. */
async function work(messages: AsyncIterableIterator<ToWorker>, send: Send): Promise<void> {
  const { value: first } = await messages.next();
  const loaded = await settled(start(first));
  if (loaded.status === "rejected") {
    return send({ kind: "failed", message: errorMessage(loaded.reason) });
  }
  send({ kind: "ready" });
  const { embedder, stop } = loaded.value;
  for await (const picture of ahead(decoded(messages, embedder, stop))) {
    try {
      throwIfStopped(stop);
      if (picture.status === "rejected") throw picture.reason;
      const vector = await embedder.embed(picture.value);
      send({ kind: "embedded", result: { vector } }, [vector.buffer]);
    } catch (error) {
      const message = errorMessage(error);
      if (!(error instanceof ImageError)) send({ kind: "failed", message });
      else send({ kind: "embedded", result: { code: error.code, message: error.message } });
    }
  }
}

function messagesOf(port: MessagePort): AsyncIterableIterator<ToWorker> {
  return new ReadableStream<ToWorker>({
    start: (queue) => {
      port.onmessage = ({ data }) => queue.enqueue(data);
    },
  }).values();
}

async function start(message: ToWorker) {
  if (message.kind !== "load") throw new Error("No model is loaded");
  const { engine, model } = message;
  const embedder = await load(engine, model);
  await requireOwnFile(model.path, model); // another may have taken its place since it was found
  if (message.isTriedOut) await embedder.tryOut();
  return { embedder, stop: message.stop };
}

async function* decoded(
  messages: AsyncIterable<ToWorker>,
  embedder: Embedder,
  stop: Int32Array,
): AsyncGenerator<PromiseSettledResult<Pixels>> {
  const open = async (message: ToWorker): Promise<Pixels> => {
    if (message.kind !== "embed") throw new Error("The model is loaded already");
    throwIfStopped(stop);
    return await embedder.open(message.image);
  };
  for await (const message of messages) yield await settled(open(message));
}

function throwIfStopped(stop: Int32Array): void {
  if (Atomics.load(stop, 0) !== 0) throw new Error("It was told to stop");
}

async function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  return (await Promise.allSettled([promise]))[0];
}

/** Loads the engine's code with its decoder's: the wasm engine then needs no right to native code. */
async function load(engine: EngineName, model: EngineModel): Promise<Embedder> {
  const { decode } = engine === "wasm"
    ? await import("../../images/decode_wasm.ts")
    : await import("../../images/decode.ts");
  const { loadEngine } = await loaders[engine]();
  return new Embedder(decode, await loadEngine(model), model);
}

const loaders: Record<EngineName, () => Promise<{ loadEngine: LoadEngine }>> = {
  onnx: () => import("../engines/onnx_engine.ts"),
  wasm: () => import("../engines/wasm_engine.ts"),
  tfjs: () => import("../engines/tfjs_engine.ts"),
};
