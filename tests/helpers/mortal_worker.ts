/**
 * The real worker, but a picture that begins with "deadly" kills it when its turn comes, and one that
 * begins with "slow poison" after it has answered. The channel of its address hears when it has its
 * model.
 */
/// <reference lib="deno.worker" />
import type { FromWorker } from "../../lib/inference/workers/messages.ts";
import "../../lib/inference/workers/worker.ts";

const start = self.onmessage!;
const ready = new BroadcastChannel(import.meta.url);
self.onmessage = function (event) {
  const port = event.ports[0]!;
  const send = port.postMessage.bind(port);
  const toDo: string[] = []; // how each message not yet answered begins
  const die = () => {
    throw new Error("killed by a picture");
  };
  const dieInTurn = () => {
    if (toDo[0]?.startsWith("deadly")) queueMicrotask(die);
  };
  port.addEventListener("message", ({ data: { image = new Uint8Array() } }) => {
    toDo.push(new TextDecoder().decode(image.subarray(0, 20)));
    if (toDo.length === 1) dieInTurn();
  });
  port.postMessage = (...answer: [FromWorker]) => {
    send(...answer);
    if (answer[0].kind === "ready") ready.postMessage("ready");
    if (toDo.shift()?.startsWith("slow poison")) setTimeout(die); // once it is gone
    dieInTurn();
  };
  start.call(self as never, event);
};
