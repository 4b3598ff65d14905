/** Folders as revisions of the older Python scripts left them are gone on with. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { decodeNpy } from "../../lib/vectors/npy.ts";
import { encodeVct } from "../../lib/vectors/vct.ts";
import { demoApi, RECORDS } from "../helpers/demo_api.ts";
import { importEncoder } from "../helpers/encoder.ts";
import { jsonOf, ROOT, runTask } from "../helpers/run_task.ts";
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

/** Records by their folders and access, and where the picture of each is. */
const ODD_FOLDERS = [
  ["everywhere/a", "EVERYWHERE", "EVERYWHERE/a"],
  ["2020/b", "RESTRICTED", "restricted/b"],
  ["2021/c", "RESTRICTED", "RESTRICTED/c"],
  ["Week1/EVERYWHERE/d", "EVERYWHERE", "Week1/everywhere/d"],
] as const;

Deno.test("pictures in folders of other case and of other access are used, and no folder begun beside", async () => {
  await using dir = await tempDir();
  const at = (...parts: string[]) => join(dir.path, ...parts);
  const photo = join(ROOT, "tests/fixtures/photos/skl_china.jpg");
  for (const [record, access, picture] of ODD_FOLDERS) {
    const path = at("r", `${record}.json`);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.mkdir(dirname(at("v", picture)), { recursive: true });
    const json = { id: record.at(-1), accessInfo: { accessAllowedFrom: access } };
    await Deno.writeTextFile(path, JSON.stringify(json));
    await Deno.copyFile(photo, at("v", `${picture}.jpg`));
  }
  const folders = ["--records-dir", at("r"), "--vectors-dir", at("v"), "--json"];
  const vectorize = ["vectorize", ...folders, "--model", await importEncoder(dir.path)];
  const ingest = ["ingest", ...folders, "--index-dir", at("i")];
  const run = async (args: readonly string[]) => {
    const result = await runTask(args);
    assert.equal(result.code, 0, result.stderr);
    return jsonOf(result);
  };
  assert.equal((await run(vectorize)).stored, 4);
  const made = (await Array.fromAsync(walkFiles(at("v")))).filter((path) => path.endsWith(".npy"));
  const wanted = ["2020/b.npy", "2021/c.npy", "EVERYWHERE/a.npy", "Week1/everywhere/d.npy"];
  assert.deepEqual(made.sort(), wanted);
  // As a script would have it: the vectors, too, by access.
  await Deno.rename(at("v/2020/b.npy"), at("v/restricted/b.npy"));
  await Deno.rename(at("v/2021/c.npy"), at("v/RESTRICTED/c.npy"));
  assert.equal((await run([...vectorize, "--dry-run"])).done, 4);
  assert.equal((await run(vectorize)).stored, 0);
  assert.equal((await run([...ingest, "--dry-run"])).withVector, 4);
  assert.equal((await run(ingest)).stored, 4);
});

Deno.test("what moves along with a record goes into the folder that is there, in whatever case", async () => {
  await using dir = await tempDir();
  const at = (...parts: string[]) => join(dir.path, ...parts);
  for (const [id, made] of [["a", "everywhere"], ["b", "NB"]] as const) {
    await Deno.mkdir(at("r/nb"), { recursive: true });
    await Deno.mkdir(at("v", made), { recursive: true });
    const json = { id, accessInfo: { accessAllowedFrom: "NB" } };
    await Deno.writeTextFile(at("r/nb", `${id}.json`), JSON.stringify(json));
    const photo = join(ROOT, "tests/fixtures/photos/skl_china.jpg");
    await Deno.copyFile(photo, at("v", made, `${id}.jpg`));
  }
  const args = ["vectorize", "--records-dir", at("r"), "--vectors-dir", at("v"), "--json"];
  const result = await runTask([...args, "--model", await importEncoder(dir.path)]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(jsonOf(result).stored, 2);
  const files = await Array.fromAsync(walkFiles(at("v")));
  const left = files.filter((path) => !path.startsWith(".maken")).sort();
  assert.deepEqual(left, ["NB/a.jpg", "NB/a.npy", "NB/b.jpg", "NB/b.npy"]);
});
