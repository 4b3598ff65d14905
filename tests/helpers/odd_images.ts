/** Embeds odd images in a pool of workers and prints what became of each. */
import { join } from "node:path";
import sharp from "sharp";
import { openModel } from "../../lib/inference/models/model.ts";
import { WorkerPool } from "../../lib/inference/workers/worker_pool.ts";
import { ROOT } from "./run_task.ts";

const tall = await sharp({
  create: { width: 1, height: 400_000, channels: 3, background: "red" },
}).png().toBuffer();
const images: Record<string, Uint8Array<ArrayBuffer>> = {
  svg: new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
  empty: new Uint8Array(),
  photo: await Deno.readFile(join(ROOT, "tests/fixtures/photos/skl_china.jpg")),
  tall: new Uint8Array(tall),
};
const model = await openModel("demo");
using pool = await WorkerPool.start({ engine: "onnx", model, size: 1 });
const results = await Promise.all(Object.values(images).map((image) => pool.embed(image)));
const outcomes = results.map((result) => "vector" in result ? "vector" : result.code);
// deno-lint-ignore no-console -- its result
console.log(
  JSON.stringify(Object.fromEntries(Object.keys(images).map((k, i) => [k, outcomes[i]]))),
);
