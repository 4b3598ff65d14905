/** What the main thread and its workers tell each other. Buffers are transferred, not copied. */
import type { ImageError } from "../../shared/errors.ts";
import type { EngineModel, EngineName } from "../engines/engine.ts";
import type { FileOfModel } from "../models/model_file.ts";

/** To a worker, which answers the messages in order; the first is for loading. */
export type ToWorker =
  | {
    readonly kind: "load";
    readonly engine: EngineName;
    readonly model: EngineModel & FileOfModel;
    /** Whether the model is tried out before it is used; of a pool's workers, one does it. */
    readonly isTriedOut: boolean;
    /** One number, shared by all: once it is not 0, no further image is begun. */
    readonly stop: Int32Array<SharedArrayBuffer>;
  }
  | { readonly kind: "embed"; readonly image: Uint8Array<ArrayBuffer> };

/** The outcome of one image. */
export type Embedding =
  | { readonly vector: Float32Array<ArrayBuffer> }
  | {
    readonly code: ImageError["code"];
    readonly message: string;
  };

/** From a worker. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "embedded"; readonly result: Embedding }
  | { readonly kind: "failed"; readonly message: string }
  /** The worker ends. */
  | { readonly kind: "died"; readonly reason: string };

/** To the nursery, with the port that the new worker is to use. */
export interface ToNursery {
  /** Module of the worker. */
  readonly module: string;
  readonly id: number;
  readonly permissions: Deno.PermissionOptionsObject;
}

/** From the nursery: a worker that it started has died. */
export interface FromNursery {
  readonly id: number;
  readonly reason: string;
}
