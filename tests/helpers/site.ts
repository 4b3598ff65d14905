/** The web page as a user gets it: the demo's pictures, served by `deno task serve`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import type { Document } from "../../lib/index/types.ts";
import { runTask } from "./run_task.ts";
import { startServe } from "./serve_task.ts";
import { tempDir } from "./temp_dir.ts";

/** A title that would run if it were read as HTML. */
export const HOSTILE = `<img src=x onerror="document.title='owned'"><script>alert(1)</script>`;

/** Documents of the index `odd`, each with a picture's vector; the first has no picture. */
const ODD: readonly Partial<Document>[] = [
  { id: "odd/1?&#", title: HOSTILE, creators: ["<b>Nobody</b>"], thumbnail: "" },
  { title: "A title that goes on and on, ".repeat(40) },
  { title: "", creators: [], subject: [], date: "" },
  { title: "Wordwithoutanyspaceinit".repeat(12) },
  { title: "\u202Etfel ot thgir morf\u202C", access: "norway" },
];

/** Servers of the indexes `images.knn` (54 pictures), `odd` and `empty`. */
export interface Site extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40123/`. */
  readonly url: string;
  /** The same, where no pictures are taken. */
  readonly withoutUploads: string;
}

/** Makes the indexes and serves them. */
export async function startSite(): Promise<Site> {
  const dir = await tempDir();
  const data = join(dir.path, "demo");
  const { code, stderr } = await runTask(["demo", "--once", "--data", data]);
  assert.equal(code, 0, stderr);
  await makeOddIndexes(join(data, "index"));
  const args = ["--index-dir", join(data, "index"), "--images", join(data, "vectors")];
  const [own, other] = await Promise.all([
    startServe([...args, "--model", "demo", "--quiet"]),
    startServe([...args, "--no-uploads", "--quiet"]),
  ]);
  return {
    url: `${own.url}/`,
    withoutUploads: `${other.url}/`,
    async [Symbol.asyncDispose]() {
      await Promise.all([own.stop(), other.stop()]);
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function makeOddIndexes(dir: string): Promise<void> {
  await using images = await EmbeddedIndex.open({ dir, name: "images.knn", mode: "read" });
  await using odd = await EmbeddedIndex.open({ dir, name: "odd", mode: "write" });
  await using _empty = await EmbeddedIndex.open({ dir, name: "empty", mode: "write" });
  const documents = await images.random(ODD.length);
  const items = documents.map(async ({ id }, i) => {
    const { document, vector } = (await images.get("id", id))!;
    return { document: { ...document, ...ODD[i] }, vector };
  });
  await odd.bulk(await Promise.all(items));
  await odd.refresh();
}
