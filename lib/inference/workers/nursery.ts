/**
 * A worker that starts others in place of those that died, when the main thread has given up the
 * right to native code.
 */
/// <reference lib="deno.worker" />
import { errorMessage } from "../../shared/errors.ts";
import type { FromNursery, ToNursery } from "./messages.ts";
import { startWorker } from "./start_worker.ts";

self.onmessage = ({ data: { module, id, permissions }, ports }: MessageEvent<ToNursery>) => {
  const onDeath = (reason: string) => {
    const message: FromNursery = { id, reason };
    self.postMessage(message);
  };
  try {
    startWorker(module, permissions, ports[0]!, onDeath);
  } catch (error) {
    onDeath(errorMessage(error));
  }
};
