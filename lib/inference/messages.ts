/** What the main thread and a worker tell each other. Buffers are transferred, not copied. */
import type { EngineModel } from "./engine.ts";

/** To a worker, which answers each message before it is sent another. */
export type ToWorker =
  | { readonly kind: "load"; readonly model: EngineModel }
  | { readonly kind: "embed"; readonly images: Uint8Array<ArrayBuffer>[] };

/** The outcome of one image of a batch. */
export type Embedding =
  | { readonly vector: Float32Array<ArrayBuffer> }
  | {
    readonly code: "image_unreadable" | "image_too_large" | "image_type";
    readonly message: string;
  };

/** From a worker. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "embedded"; readonly results: Embedding[] }
  | { readonly kind: "failed"; readonly message: string };
