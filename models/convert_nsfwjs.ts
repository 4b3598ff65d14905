/**
 * Made `demo.safetensors`: the InceptionV3 of npm nsfwjs 4.4.0 (MIT), less its classifier, with its
 * 8-bit weights as they are (weight = q * scale + min).
 *
 * Usage: deno run --allow-read --allow-write models/convert_nsfwjs.ts NSFWJS_PACKAGE_FOLDER
 */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

interface Weight {
  name: string;
  shape: number[];
  quantization: { dtype: "uint8"; scale: number; min: number };
}
interface Model {
  weightsManifest: { paths: string[]; weights: Weight[] }[];
}

const folder = join(resolve(Deno.args[0] ?? "."), "dist/models/inception_v3");
const load = createRequire(import.meta.url);
const model: Model = load(join(folder, "model.min.js"));

const header: Record<string, unknown> = {};
const metadata: Record<string, string> = {};
const parts: Uint8Array[] = [];
let offset = 0;
for (const { paths, weights } of model.weightsManifest) {
  const bytes = Buffer.concat(
    paths.map((path) => Buffer.from(load(join(folder, `${path}.min.js`)), "base64")),
  );
  let start = 0;
  for (const { name, shape, quantization } of weights) {
    const length = shape.reduce((a, b) => a * b, 1);
    const data = bytes.subarray(start, start += length);
    if (!/^(conv2d|batch_normalization)_/.test(name)) continue;
    header[name] = { dtype: "U8", shape, data_offsets: [offset, offset += length] };
    metadata[name] = JSON.stringify({ scale: quantization.scale, min: quantization.min });
    parts.push(data);
  }
}
const json = JSON.stringify({ __metadata__: metadata, ...header });
const head = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8));
const size = new Uint8Array(new BigUint64Array([BigInt(head.length)]).buffer);
const file = join(import.meta.dirname!, "demo.safetensors");
await Deno.writeFile(file, Buffer.concat([size, head, ...parts]));
