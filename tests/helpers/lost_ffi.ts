/** Starts a pool of workers, then tries to load native code in the main thread; prints what it may. */
import { openModel } from "../../lib/inference/models/model.ts";
import { PACKAGES_DIR } from "../../lib/inference/native.ts";
import { WorkerPool } from "../../lib/inference/workers/worker_pool.ts";

const model = await openModel("demo");
using pool = await WorkerPool.start({ engine: "onnx", model, size: 1 });
const { state } = await Deno.permissions.query({ name: "ffi", path: PACKAGES_DIR });
const picture = await Deno.readFile(Deno.args[0]!);
const result = await pool.embed(picture);
// deno-lint-ignore no-console -- its result
console.log(JSON.stringify({ state, works: "vector" in result }));
