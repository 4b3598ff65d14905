/**
 * Runs a model on tensors that lie ready, one session of one thread in each of several workers, and
 * prints how many pictures a second that makes. Arguments: model, workers, batch, pictures.
 */
import { printResult } from "../lib/shared/log.ts";

const [path = "", ...numbers] = Deno.args;
const [jobs = 1, batch = 1, pictures = 1] = numbers.map(Number);
const workers = Array.from(
  { length: jobs },
  () => new Worker(new URL("./bare_engine_worker.ts", import.meta.url), { type: "module" }),
);

function ask(worker: Worker, message: unknown): Promise<unknown> {
  return new Promise((resolve) => {
    worker.onmessage = resolve;
    worker.postMessage(message);
  });
}

await Promise.all(workers.map((worker) => ask(worker, { path, batch })));
const batches = Math.ceil(pictures / batch);
let left = batches;
const start = performance.now();
await Promise.all(workers.map(async (worker) => {
  while (left-- > 0) await ask(worker, "run");
}));
const seconds = (performance.now() - start) / 1000;
printResult(String(batches * batch / seconds));
Deno.exit(0);
