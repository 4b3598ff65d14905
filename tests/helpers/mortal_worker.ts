/** The real worker, but a picture that begins with "deadly" kills it. */
/// <reference lib="deno.worker" />
import "../../lib/inference/worker.ts";

const start = self.onmessage!;
self.onmessage = function (event) {
  event.ports[0]!.addEventListener("message", ({ data: { images = [] } }) => {
    const texts = (images as Uint8Array[]).map((image) => new TextDecoder().decode(image));
    if (texts.some((text) => text.startsWith("deadly"))) throw new Error("killed by a picture");
  });
  start.call(self as never, event);
};
