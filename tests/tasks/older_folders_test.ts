/** Folders as revisions of the older Python scripts left them are gone on with. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { decodeNpy } from "../../lib/vectors/npy.ts";
import { encodeVct } from "../../lib/vectors/vct.ts";
import { demoApi, RECORDS } from "../helpers/demo_api.ts";
import { importEncoder } from "../helpers/encoder.ts";
import { jsonOf, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { walkFiles } from "../helpers/walk_files.ts";

/** Where a script had the files of a record, of which Maken's own folder is given. */
interface Revision {
  readonly name: string;
  readonly groupby: string;
  readonly records: (folder: string) => string;
  readonly vectors: (folder: string) => string;
  /** What it wrote as a vector. */
  readonly text?: boolean;
}

const BY_ACCESS = "accessInfo.accessAllowedFrom";
const BY_DAY = `${BY_ACCESS},metadata.originInfo.firstDigitalContentTime:DATE`;
const same = (folder: string) => folder;
const upper = (folder: string) => folder.toUpperCase();

const REVISIONS: Revision[] = [
  { name: "lower case, mirrored", groupby: BY_ACCESS, records: same, vectors: same },
  { name: "upper case, mirrored", groupby: BY_ACCESS, records: upper, vectors: upper },
  {
    name: "records by access and day, vectors by access",
    groupby: BY_DAY,
    records: same,
    vectors: (folder) => upper(folder.split("/")[0]!),
  },
  {
    name: "vectors flat, text in .npy files",
    groupby: BY_ACCESS,
    records: same,
    vectors: () => "",
    text: true,
  },
];

const SOME = RECORDS.filter((record: { _links?: { thumbnail_custom?: unknown } }) =>
  record._links?.thumbnail_custom !== undefined
).slice(0, 8);

async function move(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  await Deno.rename(from, to);
}

for (const { name, groupby, records, vectors, text } of REVISIONS) {
  Deno.test(`older folders are gone on with: ${name}`, async () => {
    await using dir = await tempDir();
    await using api = demoApi({ records: SOME });
    const at = (...parts: string[]) => join(dir.path, ...parts);
    const model = await importEncoder(dir.path);
    const polite = ["--delay", "0", "--base-url", api.url];
    const tools = (r: string, v: string) => ({
      download: ["download", "-o", r, "--groupby", groupby, ...polite],
      vectorize: ["vectorize", "--records-dir", r, "--vectors-dir", v, "--model", model]
        .concat("--download-images", ...polite),
      ingest: ["ingest", "--records-dir", r, "--vectors-dir", v, "--index-dir", at("i")],
    });
    const run = async (args: readonly string[]) => {
      const result = await runTask([...args, "--json"]);
      assert.equal(result.code, 0, result.stderr);
      return jsonOf(result);
    };
    const made = tools(at("made/r"), at("made/v"));
    assert.equal((await run(made.download)).stored, SOME.length);
    assert.equal((await run(made.vectorize)).stored, SOME.length);

    // What a script left: all but the last record, and all but the vectors of the last two.
    const paths = await Array.fromAsync(walkFiles(at("made/r")));
    const wanted = new Map<string, Uint8Array>();
    for (const [i, path] of paths.entries()) {
      const [folder, id] = [dirname(path), path.replace(/.*\/(.*)\.json/, "$1")];
      if (i < paths.length - 1) {
        await move(at("made/r", path), at("r", records(folder), `${id}.json`));
      }
      if (i >= paths.length - 2) continue;
      for (const end of [".jpg", ".npy"]) {
        await move(at("made/v", folder, id + end), at("v", vectors(folder), id + end));
      }
      const file = at("v", vectors(folder), `${id}.npy`);
      if (text) await Deno.writeTextFile(file, encodeVct(decodeNpy(await Deno.readFile(file))));
      wanted.set(file, await Deno.readFile(file));
    }

    const own = tools(at("r"), at("v"));
    const harvested = await run(own.download);
    assert.deepEqual([harvested.stored, harvested.skipped], [1, SOME.length - 1]);
    const before = api.requests.filter((path) => path.includes("resolver")).length;
    const vectorized = await run(own.vectorize);
    assert.deepEqual([vectorized.stored, vectorized.skipped], [2, SOME.length - 2]);
    const fetched = api.requests.filter((path) => path.includes("resolver")).slice(before);
    const pictures = new Set(fetched.map((path) => path.split("/full/")[0]));
    assert.equal(pictures.size, 2, "no picture that is there is asked for");
    for (const [file, bytes] of wanted) assert.deepEqual(await Deno.readFile(file), bytes);
    const loaded = await run(own.ingest);
    assert.deepEqual([loaded.stored, loaded.documents], [SOME.length, SOME.length]);
    assert.equal((await run(own.download)).stored, 0);
    assert.equal((await run(own.vectorize)).stored, 0);
    assert.equal((await run(own.ingest)).stored, 0);
  });
}
