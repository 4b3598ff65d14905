/** What the benches work on: vectors, documents, and records with their vectors on disk. */
import { join } from "node:path";
import type { IndexItem } from "../lib/index/types.ts";
import { openModel } from "../lib/inference/models/model.ts";
import { WorkerPool } from "../lib/inference/workers/worker_pool.ts";
import { PROGRAM_DIR } from "../lib/shared/program.ts";
import { encodeNpy } from "../lib/vectors/npy.ts";

/** Numbers of a vector. */
export const DIMS = 2048;

const ACCESS = ["everywhere", "everywhere", "everywhere", "norway", "norway", "library", "nb"];

const WORDS = Array.from(
  { length: 97 },
  (_, i) =>
    ["fjord", "fjell", "skole", "kirke", "båt", "ski", "gård"][i % 7] + (i + 10).toString(36),
);

/** The vector of each row. */
export type Vectors = (row: number) => Float32Array;

/** Numbers from 0 to 1 that are the same on every run. */
export function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Random vectors, of which a third of the numbers are 0. */
export function randomVectors(n: number): Float32Array {
  const random = randomNumbers(n);
  return Float32Array.from({ length: n * DIMS }, () => Math.max(0, random() - 0.3));
}

/** The vectors of a file, one after the other. */
export async function readVectors(file: string): Promise<Float32Array> {
  const { buffer, byteLength } = await Deno.readFile(file);
  return new Float32Array(buffer, 0, Math.floor(byteLength / 4 / DIMS) * DIMS);
}

/** The vectors of a file, or those of the bundled pictures. */
export function realVectors(file: string | undefined): Promise<Float32Array> {
  return file === undefined ? bundledVectors() : readVectors(file);
}

/** The bundled pictures' vectors by the demo model. */
async function bundledVectors(): Promise<Float32Array> {
  const model = await openModel("demo");
  using pool = await WorkerPool.start({ engine: "onnx", model, size: 1 });
  const vectors: number[] = [];
  for (const folder of ["demo/pictures", "tests/fixtures/photos"]) {
    for await (const { name } of Deno.readDir(join(PROGRAM_DIR, folder))) {
      if (!/\.(jpg|png)$/.test(name)) continue;
      const result = await pool.embed(await Deno.readFile(join(PROGRAM_DIR, folder, name)));
      if ("vector" in result) vectors.push(...result.vector);
    }
  }
  return Float32Array.from(vectors);
}

/** The vectors in turn, over and over. */
export function repeated(vectors: Float32Array): Vectors {
  const n = vectors.length / DIMS;
  return (row) => vectors.subarray(DIMS * (row % n), DIMS * (row % n + 1));
}

/** The vectors, and then neighbours of them. */
export function withNeighbours(vectors: Float32Array): Vectors {
  const n = vectors.length / DIMS;
  const at = repeated(vectors);
  return (row) => {
    if (row < n) return at(row);
    const random = randomNumbers(row);
    const [a, b] = [at(row), at(Math.floor(random() * n))];
    const part = 0.4 * random();
    const noise = 0.3 * random();
    return a.map((x, i) => ((1 - part) * x + part * b[i]!) * (1 + noise * (2 * random() - 1)));
  };
}

/** A document as ingest makes it, with a vector. */
export function itemOf(row: number, vector: Float32Array): IndexItem {
  const urn = `digifoto_20160304_${String(row).padStart(5, "0")}_NB_MIT_FNR_${row}`;
  const document = {
    id: idOf(row),
    filename: urn,
    access: ACCESS[row % ACCESS.length]!,
    title: `Utsikt over ${WORDS[row % 97]} mot ${WORDS[row % 89]}, nummer ${row}`,
    creators: [`Fotograf, ${WORDS[row % 83]}`],
    subject: [WORDS[row % 79]!, WORDS[row % 73]!, `Sted ${row % 5000}`],
    license: row % 3 === 0 ? "publicdomain" : "",
    date: String(1850 + row % 150),
    thumbnail:
      `https://www.nb.no/services/image/resolver/URN:NBN:no-nb_${urn}/full/0,200/0/native.jpg`,
  };
  return { document, vector };
}

/** Id of a row's document; those of rows that follow each other have nothing in common. */
export function idOf(row: number): string {
  return Math.imul(row, 0x9e3779b1).toString(16).replace("-", "f").padStart(32, "0") + row;
}

/** Writes `<dir>/records` as the catalogue gives them, in three folders, and `<dir>/vectors`. */
export async function writeRecords(dir: string, n: number, vectors: Vectors): Promise<void> {
  const catalogue = JSON.parse(await Deno.readTextFile(join(PROGRAM_DIR, "demo/catalogue.json")));
  const templates: { id: string }[] = catalogue.slice(0, -2); // the last have no picture
  const folders = ["everywhere", "norway", "nb"];
  for (const folder of folders) {
    await Deno.mkdir(join(dir, "records", folder), { recursive: true });
    await Deno.mkdir(join(dir, "vectors", folder), { recursive: true });
  }
  for (let row = 0; row < n; row++) {
    const id = idOf(row);
    const folder = folders[row % folders.length]!;
    const template = templates[row % templates.length]!;
    const text = JSON.stringify(template).replaceAll(template.id, id);
    await Deno.writeTextFile(join(dir, "records", folder, `${id}.json`), text);
    await Deno.writeFile(join(dir, "vectors", folder, `${id}.npy`), encodeNpy(vectors(row)));
  }
}
