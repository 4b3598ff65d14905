import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { decodeNpy } from "../../lib/vectors/npy.ts";
import { importEncoder } from "../helpers/encoder.ts";
import { symlink } from "../helpers/files.ts";
import { serve } from "../helpers/http_server.ts";
import { writeRecord } from "../helpers/picture_records.ts";
import { jsonOf, ROOT, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";

const FIXTURES = join(ROOT, "tests/fixtures");

/** An HDF5 file with the structure of Keras' InceptionV3 weights, written by Keras. */
async function kerasFile(dir: string): Promise<string> {
  const packed = await Deno.open(join(FIXTURES, "keras/top.h5.gz"));
  const path = join(dir, "weights.h5");
  await Deno.writeFile(path, packed.readable.pipeThrough(new DecompressionStream("gzip")));
  return path;
}

Deno.test("an image encoder in ONNX gives the vectors that ONNX Runtime in Python gives", async () => {
  await using dir = await tempDir();
  const model = await importEncoder(dir.path);
  const manifest = JSON.parse(await Deno.readTextFile(model.replace(".onnx", ".json")));
  assert.deepEqual(manifest.input.name, "pixel_values");
  assert.deepEqual(manifest.output, { name: "image_embeds", size: 12 });
  const names = ["ski_rocket.jpg", "nikola_frontispiece.jpg"];
  await Deno.mkdir(join(dir.path, "v"));
  for (const name of names) {
    await writeRecord(join(dir.path, "r"), name.replace(".jpg", ""));
    await Deno.copyFile(join(FIXTURES, "photos", name), join(dir.path, "v", name));
  }
  const args = ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--model", model];
  assert.equal((await runTask(args)).code, 0);
  for (const name of names) {
    const made = decodeNpy(
      await Deno.readFile(join(dir.path, "v", name.replace(".jpg", ".npy"))),
    );
    const wanted = decodeNpy(await Deno.readFile(join(FIXTURES, `models/${name}.npy`)));
    made.forEach((x, i) => assert.ok(Math.abs(x - wanted[i]!) < 1e-5, `${name}: ${x}`));
  }
});

Deno.test("model convert turns Keras' HDF5 weights into ONNX, and check sees damage", async () => {
  await using dir = await tempDir();
  const onnx = join(dir.path, "made/mine.onnx");
  const result = await runTask(
    ["model", "convert", await kerasFile(dir.path), onnx, "--licence", "mine", "--json"],
  );
  assert.equal(result.code, 0, result.stderr);
  const file = await Deno.readFile(onnx);
  const manifest = JSON.parse(await Deno.readTextFile(join(dir.path, "made/mine.json")));
  assert.equal(manifest.sha256, createHash("sha256").update(file).digest("hex"));
  assert.deepEqual(
    [manifest.name, manifest.licence, manifest.source, manifest.output.size, manifest.input.size],
    ["mine", "mine", "weights.h5", 2048, 299],
  );
  assert.equal(jsonOf(result).sha256, manifest.sha256);
  assert.equal((await runTask(["model", "check", onnx])).code, 0);
  file[file.length >> 1]! ^= 1;
  await Deno.writeFile(onnx, file);
  const damaged = await runTask(["model", "check", onnx]);
  assert.equal(damaged.code, 2);
  assert.match(damaged.stderr, /damaged/);
});

Deno.test("model refuses in one line what it cannot use", async () => {
  await using dir = await tempDir();
  const text = join(dir.path, "text.h5");
  await Deno.writeTextFile(text, "no weights");
  await Deno.writeTextFile(join(dir.path, "text.onnx"), "no model");
  const out = join(dir.path, "out.onnx");
  const encoder = join(FIXTURES, "models/encoder.onnx");
  const cases: [args: string[], reason: RegExp][] = [
    [[], /action/],
    [["burn"], /list, check, fetch, import, convert/],
    [["check", "none"], /"none"/],
    [["check", "../../etc"], /etc/],
    [["fetch", "resnet"], /only imagenet/],
    [["import", text], /--name/],
    [["import", text, "--name", "demo"], /taken/],
    [["import", text, "--name", "../x"], /name/],
    [["import", join(dir.path, "none.h5"), "--name", "x"], /no such file/],
    [["convert", text, out], /no HDF5 file/],
    [["convert", join(dir.path, "text.onnx"), out], /text\.onnx/],
    [["convert", encoder, out, "--output", "image_embeds"], /--size/],
    [["convert", encoder, out, "--size", "32"], /--output/],
    [["fetch", "x", "--url", "http://127.0.0.1:1/x.h5"], /--md5/],
    [
      ["fetch", "x", "--url", "http://127.0.0.1:1/x.h5", "--md5", "0".repeat(32)]
        .concat("--allow-hosts", "cdn.org,a/b"),
      /allowed host "a\/b"/,
    ],
    [["fetch", "demo", "--url", "http://127.0.0.1:1/x.h5"], /taken/],
    [["convert", encoder, out, "--size", "32", "--output", "none"], /"none".*"image_embeds"/],
    [["convert", encoder, out, "--size", "32", "--std", "0,1,1"], /zero/],
    [["convert", encoder, join(dir.path, "out.txt")], /\.onnx/],
  ];
  for (const [args, reason] of cases) {
    const { code, stderr } = await runTask(["model", ...args]);
    assert.deepEqual([code, stderr.trim().split("\n").length], [2, 1], `${args}: ${stderr}`);
    assert.match(stderr, reason);
  }
  await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
});

Deno.test("--models-dir and MAKEN_MODELS say where models are; none is replaced unasked", async () => {
  await using dir = await tempDir();
  const [models, others] = [join(dir.path, "models"), join(dir.path, "others")];
  const encoder = (name: string, ...more: string[]) =>
    ["model", "import", join(FIXTURES, "models/encoder.onnx"), "--name", name, "--size", "32"]
      .concat("--output", "image_embeds", ...more);
  const manifest = join(models, "mine.json");
  const refused = async (args: string[], reason: RegExp) => {
    const before = await Deno.readTextFile(manifest);
    const { code, stderr } = await runTask(args, { MAKEN_MODELS: models });
    assert.deepEqual([code, stderr.trim().split("\n").length], [2, 1], stderr);
    assert.match(stderr, reason);
    assert.equal(await Deno.readTextFile(manifest), before);
  };
  assert.equal((await runTask(encoder("mine", "--models-dir", models))).code, 0);
  assert.equal(
    (await runTask(encoder("mine"), { MAKEN_MODELS: models })).code,
    0,
    "the same again",
  );
  await refused(encoder("mine", "--fit", "crop"), /another model of the name "mine".*--overwrite/);
  const keras = ["model", "import", await kerasFile(dir.path), "--name", "mine"];
  await refused(keras, /another model of the name "mine", from "encoder.onnx".*--overwrite/);
  await refused(encoder("imagenet", "--overwrite"), /"imagenet" is for InceptionV3/);
  await refused(encoder("mine.onnx"), /must not end in \.onnx/);
  await refused(["model", "list", "--models-dir", "a,b"], /without a comma/);
  const comma = await runTask(["model", "list"], { MAKEN_MODELS: "a,b" });
  assert.match(comma.stderr, /^model: Cannot use MAKEN_MODELS "a,b": .*without a comma\n$/);
  assert.equal((await runTask([...keras, "--overwrite"], { MAKEN_MODELS: models })).code, 0);
  assert.equal(JSON.parse(await Deno.readTextFile(manifest)).output.size, 2048);
  assert.equal((await runTask(encoder("mine", "--models-dir", others))).code, 0);

  const photo = join(FIXTURES, "photos/ski_rocket.jpg");
  await writeRecord(join(dir.path, "r"), "rocket");
  await Deno.mkdir(join(dir.path, "v"));
  await Deno.copyFile(photo, join(dir.path, "v/rocket.jpg"));
  const vectorize = ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--model", "mine"]
    .concat("--models-dir", others);
  const made = await runTask(vectorize, { MAKEN_MODELS: models });
  assert.equal(made.code, 0, made.stderr);
  assert.equal(decodeNpy(await Deno.readFile(join(dir.path, "v/rocket.npy"))).length, 12);
  assert.match((await runTask(vectorize.slice(0, -2))).stderr, /Cannot use model "mine"/);
  const flags = await runTask(["vectorize", ...vectorize.slice(1), "--print-permissions"]);
  assert.doesNotMatch(flags.stdout, /--allow-write=.*models/);
  const index = ["--index-dir", join(dir.path, "index")];
  const data = ["--records-dir", join(dir.path, "r"), "--vectors-dir", join(dir.path, "v")];
  assert.equal((await runTask(["ingest", ...data, ...index, "--mapping", "few"])).code, 0);
  const question = ["search", "--index", "few", ...index, "--image", photo, "--models-dir", others];
  assert.match((await runTask(question)).stdout, /1 +1\.0000 +rocket/);
});

Deno.test("model convert replaces files that are of no model only with --overwrite", async () => {
  await using dir = await tempDir();
  const encoder = join(FIXTURES, "models/encoder.onnx");
  const convert = ["model", "convert", encoder, join(dir.path, "mine.onnx"), "--size", "32"]
    .concat("--output", "image_embeds");
  for (const [name, content] of [["mine.onnx", "someone's"], ["mine.json", '{"name": "mine"}']]) {
    const path = join(dir.path, name!);
    await Deno.writeTextFile(path, content!);
    const { code, stderr } = await runTask(convert);
    assert.deepEqual([code, stderr.trim().split("\n").length], [2, 1], stderr);
    assert.ok(stderr.includes(`"${path}" is there already`) && /--overwrite/.test(stderr), stderr);
    assert.equal(await Deno.readTextFile(path), content);
    await Deno.remove(path);
  }
  await Deno.copyFile(encoder, join(dir.path, "mine.onnx"));
  assert.equal((await runTask(convert)).code, 0, "the same file may get its manifest");
  await Deno.writeTextFile(join(dir.path, "mine.json"), "{}");
  assert.equal((await runTask([...convert, "--overwrite"])).code, 0);
});

Deno.test("model says in plain words what is wrong with the files of a model", async () => {
  await using dir = await tempDir();
  const models = join(dir.path, "models");
  const env = { MAKEN_MODELS: models };
  const encoder = await importEncoder(dir.path);
  await Deno.mkdir(models);
  for (const name of ["bare", "alone", "other", "shorter", "folder"]) {
    await Deno.copyFile(encoder, join(models, `${name}.onnx`));
    await Deno.copyFile(encoder.replace(/onnx$/, "json"), join(models, `${name}.json`));
  }
  await Deno.remove(join(models, "bare.json"));
  await Deno.remove(join(models, "alone.onnx"));
  await Deno.writeTextFile(join(models, "other.json"), '{"name": "other"}');
  await Deno.truncate(join(models, "shorter.onnx"), 1000);
  await Deno.remove(join(models, "folder.json"));
  await Deno.mkdir(join(models, "folder.json"));
  await symlink(join(dir.path, "nowhere"), join(models, "dangling.onnx"));
  const reasons = {
    bare: /its manifest ".*bare\.json" is missing; ".*model import" makes it/,
    alone: /its file ".*alone\.onnx" is missing/,
    other: /other\.json" is not a manifest: "source" is missing in it/,
    shorter: /shorter\.onnx" is not the file that its manifest describes.*damaged/,
    folder: /its manifest ".*folder\.json" cannot be read: it is a folder/,
  };
  for (const [name, reason] of Object.entries(reasons)) {
    const { code, stderr } = await runTask(["model", "check", name], env);
    assert.deepEqual([code, stderr.trim().split("\n").length], [2, 1], stderr);
    assert.match(stderr, reason);
  }
  const list = await runTask(["model", "list", "--json"], env);
  const { models: listed } = JSON.parse(list.stdout);
  const states = new Map<string, string>(
    listed.map(({ name, state }: Record<"name" | "state", string>) => [name, state]),
  );
  for (const [name, reason] of Object.entries(reasons)) {
    if (name !== "alone") assert.match(states.get(name)!, reason);
  }
  assert.match(states.get("dangling")!, /link/);
});

Deno.test("model fetch goes on where it stopped, checks the sum, and names what is wrong", async () => {
  await using dir = await tempDir();
  const file = await Deno.readFile(await kerasFile(dir.path));
  // Larger than one part, so that it can break off in between: HDF5 ignores what follows its end.
  const weights = new Uint8Array(9_000_000);
  weights.set(file);
  const md5 = createHash("md5").update(weights).digest("hex");
  let isBroken = true;
  const ranges: string[] = [];
  await using host = serve((request) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.get("range") ?? "")!;
    ranges.push(from!);
    if (isBroken && Number(from) > 0) return new Response("down", { status: 500 });
    const part = weights.slice(Number(from), Number(to) + 1);
    const end = Number(from) + part.length - 1;
    const range = `bytes ${from}-${end}/${weights.length}`;
    return new Response(part, { status: 206, headers: { "content-range": range } });
  });
  const name = `test-${crypto.randomUUID().slice(0, 8)}`;
  const args = ["model", "fetch", name, "--url", `${host.url}weights.h5`, "--retries", "0"];
  try {
    const broken = await runTask([...args, "--md5", md5]);
    assert.equal(broken.code, 2);
    assert.match(broken.stderr, /status 500.*goes on where it stopped/);
    isBroken = false;
    const done = await runTask([...args, "--md5", md5, "--json"]);
    assert.equal(done.code, 0, done.stderr);
    assert.deepEqual(ranges, ["0", "4000000", "4000000", "8000000"]);
    assert.equal((await runTask(["model", "check", name])).code, 0);
    assert.match((await runTask(["model", "list"])).stdout, new RegExp(`${name} .*2048 .*299`));
    const other = await runTask([...args, "--md5", "0".repeat(32)]);
    assert.equal(other.code, 2);
    assert.match(
      other.stderr,
      new RegExp(`^model: Cannot fetch "${name}": another model .*--overw`),
    );
    const wrong = await runTask([...args, "--md5", "0".repeat(32), "--overwrite"]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, new RegExp(`md5 is ${md5}`));
  } finally {
    const files = [`${name}.onnx`, `${name}.json`, `.maken/${md5}.lock`];
    for (const file of [...files, `.maken/${"0".repeat(32)}.lock`]) {
      await Deno.remove(join(ROOT, "models", file)).catch(() => {}); // not made
    }
  }
});
