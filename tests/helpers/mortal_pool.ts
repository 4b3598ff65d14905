/** Kills workers of a pool, and embeds a photo after each death; prints what became of all. */
import { join } from "node:path";
import { openModel } from "../../lib/inference/models/model.ts";
import { WorkerPool } from "../../lib/inference/workers/worker_pool.ts";
import { errorMessage } from "../../lib/shared/errors.ts";
import { ROOT } from "./run_task.ts";
import { until } from "./until.ts";

const photo = await Deno.readFile(join(ROOT, "tests/fixtures/photos/ski_rocket.jpg"));
const model = await openModel("demo");
const module = new URL("./mortal_worker.ts", import.meta.url).href;
const channel = new BroadcastChannel(module);
let ready = 0;
channel.onmessage = () => void ready++;
const allReady = (n: number) => until(() => ready === n, `The start of worker ${n}`);
using pool = await WorkerPool.start({ engine: "onnx", model, size: 2, module });
const embed = async (image: Uint8Array<ArrayBuffer>) => {
  try {
    const result = await pool.embed(image);
    return "vector" in result ? "vector" : "none";
  } catch (error) {
    return errorMessage(error);
  }
};
const outcomes: string[] = [];
for (let i = 0; i < 5; i++) {
  // A deadly one at a time, with good ones beside it and behind it.
  const deadly = embed(new TextEncoder().encode("deadly picture"));
  outcomes.push(...await Promise.all([deadly, ...Array.from({ length: 4 }, () => embed(photo))]));
}
// A deadly one is tried twice; then both workers have nothing to do.
await allReady(2 + 2 * 5);
const poison = new TextEncoder().encode("slow poison");
await Promise.all([embed(poison), embed(poison)]); // one for each worker
await allReady(2 + 2 * 5 + 2);
channel.close();
const afterwards = await Promise.all([embed(photo), embed(photo)]);
const { state } = await Deno.permissions.query({ name: "ffi" });
// deno-lint-ignore no-console -- its result
console.log(JSON.stringify({ outcomes, afterwards, state }));
