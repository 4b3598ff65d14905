/** The real worker, but a picture that begins with "deadly" kills it when its turn comes. */
/// <reference lib="deno.worker" />
import "../../lib/inference/worker.ts";

const start = self.onmessage!;
self.onmessage = function (event) {
  const port = event.ports[0]!;
  const send = port.postMessage.bind(port);
  const toDo: boolean[] = []; // whether each message not yet answered is deadly
  const dieInTurn = () => {
    if (toDo[0]) {
      queueMicrotask(() => {
        throw new Error("killed by a picture");
      });
    }
  };
  port.addEventListener("message", ({ data: { image = new Uint8Array() } }) => {
    toDo.push(new TextDecoder().decode(image).startsWith("deadly"));
    if (toDo.length === 1) dieInTurn();
  });
  port.postMessage = (...answer: [unknown]) => {
    send(...answer);
    toDo.shift();
    dieInTurn();
  };
  start.call(self as never, event);
};
