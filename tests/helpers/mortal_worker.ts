/**
 * The real worker, but a picture that begins with "deadly" kills it when its turn comes, and one that
 * begins with "slow poison" after it has answered.
 */
/// <reference lib="deno.worker" />
import "../../lib/inference/workers/worker.ts";

const start = self.onmessage!;
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
  port.postMessage = (...answer: [unknown]) => {
    send(...answer);
    if (toDo.shift()?.startsWith("slow poison")) setTimeout(die);
    dieInTurn();
  };
  start.call(self as never, event);
};
