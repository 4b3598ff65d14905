import assert from "node:assert/strict";
import { join } from "node:path";
import { TFJS_DIR } from "../../lib/inference/engines/tfjs_package.ts";
import { exists } from "../../lib/shared/files.ts";
import { decodeNpy } from "../../lib/vectors/npy.ts";
import { decodeVct } from "../../lib/vectors/vct.ts";
import { demoApi, RECORDS } from "../helpers/demo_api.ts";
import { importEncoder } from "../helpers/encoder.ts";
import { failuresIn } from "../helpers/files.ts";
import { countsOf, jsonOf, ROOT, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";

const FIXTURES = join(ROOT, "tests/fixtures");
/** Keras with TensorFlow and ONNX Runtime add up in different orders; 8.1e-7 apart was seen. */
const TOLERANCE = 1e-5;

async function writeRecords(dir: string, records: Record<string, unknown>): Promise<void> {
  for (const [path, record] of Object.entries(records)) {
    await Deno.mkdir(join(dir, path, ".."), { recursive: true });
    const text = typeof record === "string" ? record : JSON.stringify(record);
    await Deno.writeTextFile(join(dir, path), text);
  }
}

Deno.test("vectorize makes the vectors that Keras makes, and nothing again", async () => {
  await using dir = await tempDir();
  const names: string[] = JSON.parse(
    await Deno.readTextFile(join(FIXTURES, "reference/index.json")),
  ).vectors;
  await Deno.mkdir(join(dir.path, "vectors/nb"), { recursive: true });
  for (const name of names) {
    const stem = name.replace(/\.\w+$/, "");
    await writeRecords(dir.path, { [`records/nb/${stem}.json`]: { id: stem } });
    await Deno.copyFile(join(FIXTURES, "photos", name), join(dir.path, "vectors/nb", name));
  }
  const [r, v] = [join(dir.path, "records"), join(dir.path, "vectors")];
  const args = ["vectorize", r, "**/*", v, "npy", "_v", "false", "false", "2", "5"]
    .concat("--model", "demo");
  const first = await runTask([...args, "--json"]);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(jsonOf(first).stored, 12);
  for (const name of names) {
    const stem = name.replace(/\.\w+$/, "");
    const made = decodeNpy(await Deno.readFile(join(dir.path, `vectors/nb/${stem}_v.npy`)));
    const wanted = decodeNpy(await Deno.readFile(join(FIXTURES, `reference/${name}.npy`)));
    const difference = Math.max(...made.map((x, i) => Math.abs(x - wanted[i]!)));
    assert.ok(difference < TOLERANCE, `${name} differs by ${difference}`);
  }
  const second = await runTask(args);
  assert.equal(second.code, 0);
  assert.match(second.stderr, /0 stored, 12 skipped, 0 failed of 12/);
  const text = await runTask(
    [...args.slice(0, 4), "vct", "", "--records-glob", "ski_c*", "--model", "demo"],
  );
  assert.match(text.stderr, /3 stored, 0 skipped/);
  const vct = decodeVct(await Deno.readTextFile(join(dir.path, "vectors/nb/ski_coffee.vct")));
  assert.deepEqual(
    vct,
    decodeNpy(await Deno.readFile(join(dir.path, "vectors/nb/ski_coffee_v.npy"))),
  );
});

// The tfjs engine only where the user has installed its package.
for (const engine of exists(TFJS_DIR) ? ["wasm", "tfjs"] : ["wasm"]) {
  Deno.test(`vectorize --engine ${engine} makes the vectors that Keras makes`, async () => {
    await using dir = await tempDir();
    const names = ["ski_coffee.png", "skl_china.jpg", "sb_grayscale_bg-masthead.jpg"];
    await Deno.mkdir(join(dir.path, "v"));
    for (const name of names) {
      const stem = name.replace(/\.\w+$/, "");
      await writeRecords(dir.path, { [`r/${stem}.json`]: { id: stem } });
      await Deno.copyFile(join(FIXTURES, "photos", name), join(dir.path, "v", name));
    }
    await writeRecords(dir.path, { "r/plain.json": { id: "plain" } });
    await Deno.copyFile(join(FIXTURES, "pictures/plain.gif"), join(dir.path, "v/plain.gif"));
    const args = ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--model", "demo"]
      .concat("--engine", engine, "--jobs", "2");
    const { stdout } = await runTask([...args, "--print-permissions"]);
    assert.equal(stdout.includes("--allow-ffi"), engine !== "wasm");
    const result = await runTask([...args, "--json"]);
    if (engine === "wasm") {
      assert.deepEqual(jsonOf(result).errors, { image_type: 1 }, result.stderr);
      assert.match(result.stderr, /GIF file: --engine onnx reads it/);
    } else assert.equal(result.code, 0, result.stderr);
    for (const name of names) {
      const stem = name.replace(/\.\w+$/, "");
      const made = decodeNpy(await Deno.readFile(join(dir.path, `v/${stem}.npy`)));
      const wanted = decodeNpy(await Deno.readFile(join(FIXTURES, `reference/${name}.npy`)));
      const difference = Math.max(...made.map((x, i) => Math.abs(x - wanted[i]!)));
      assert.ok(difference < TOLERANCE, `${name} differs by ${difference}`);
    }
  });
}

// A worker may read no more than its engine needs: not, say, what the options are made from.
if (!exists(TFJS_DIR)) {
  Deno.test("vectorize --engine tfjs says how its package is installed, in one line", async () => {
    await using dir = await tempDir();
    await writeRecords(dir.path, { "r/a.json": { id: "a" } });
    await Deno.mkdir(join(dir.path, "v"));
    await Deno.copyFile(join(FIXTURES, "photos/ski_coffee.png"), join(dir.path, "v/a.png"));
    const args = ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--engine", "tfjs"]
      .concat("--model", await importEncoder(dir.path));
    const { code, stderr } = await runTask(args);
    assert.deepEqual([code, stderr.trim().split("\n").length], [2, 1], stderr);
    assert.match(stderr, /Cannot find @tensorflow\/tfjs-node in ".*": run npm install/);
  });
}

Deno.test("vectorize fetches pictures, in a smaller size where need be, and accounts for all", async () => {
  await using dir = await tempDir();
  await using api = demoApi();
  const link = (urn: string) => ({
    thumbnail_custom: {
      href: `${api.url}/services/image/resolver/${urn}/full/{width},{height}/0/native.jpg`,
    },
  });
  const urnOf = (access: string) =>
    RECORDS.find((r: { accessInfo: { accessAllowedFrom: string } }) =>
      r.accessInfo.accessAllowedFrom === access
    ).metadata.identifiers.urn;
  await writeRecords(dir.path, {
    "r/open.json": { id: "open", _links: link(urnOf("EVERYWHERE")) },
    "r/norway/gated.json": { id: "gated", _links: link(urnOf("NORWAY")) },
    "r/unknown.json": { id: "unknown", _links: link("URN:NBN:no-nb_none") },
    "r/elsewhere.json": {
      id: "elsewhere",
      _links: { thumbnail_custom: { href: "http://169.254.169.254/{width},{height}" } },
    },
    "r/linkless.json": { id: "linkless" },
    "r/broken.json": '{"id": "bro',
    "r/notes.txt": "not a record",
  });
  const args = ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--model", "demo"]
    .concat("--download-images", "--delay", "0", "--base-url", api.url, "--json");
  const result = await runTask(args);
  assert.equal(result.code, 1, result.stderr);
  assert.deepEqual(countsOf(result), { total: 6, stored: 2, skipped: 1, failed: 3 });
  assert.deepEqual(jsonOf(result).errors, { http_404: 1, host_not_allowed: 1, record_json: 1 });
  const failures = await failuresIn(join(dir.path, "v"));
  assert.deepEqual(failures.map(({ id }) => id).sort(), [
    "broken",
    "elsewhere",
    "linkless",
    "unknown",
  ]);
  assert.ok(
    failures.every(({ stage, message, time }) => stage && message && !isNaN(Date.parse(time))),
  );
  assert.deepEqual(
    api.requests.filter((path) => path.includes(urnOf("NORWAY"))).map((path) =>
      path.split("/").at(-3)
    ),
    ["600,600", "300,300", "0,200"],
  );
  const pictures = JSON.parse(await Deno.readTextFile(join(ROOT, "demo/pictures.json")));
  assert.deepEqual(
    await Deno.readFile(join(dir.path, "v/open.jpg")),
    await Deno.readFile(join(ROOT, "demo/pictures", pictures[urnOf("EVERYWHERE")])),
    "the image is stored as it was received",
  );
});

Deno.test("vectorize skips pictures that are not on disk unless told to fetch them", async () => {
  await using dir = await tempDir();
  await using api = demoApi();
  const href = `${api.url}/services/image/resolver/x/full/{width},{height}/0/native.jpg`;
  await writeRecords(dir.path, {
    "r/a.json": { id: "a", _links: { thumbnail_custom: { href } } },
    "r/b.json": { id: "b", _links: { thumbnail_custom: { href } } },
  });
  const photo = await Deno.readFile(join(FIXTURES, "photos/skl_china.jpg"));
  await Deno.mkdir(join(dir.path, "v"));
  await Deno.writeFile(join(dir.path, "v/b.jpg"), photo.slice(0, photo.length / 2));
  const result = await runTask(
    ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--model", "demo"]
      .concat("--base-url", api.url),
  );
  assert.equal(result.code, 1);
  assert.match(
    result.stderr,
    /skipped without a picture on disk: 1; --download-images fetches them/,
  );
  assert.match(result.stderr, /0 stored, 1 skipped, 1 failed of 2 \[1 image_unreadable\]/);
  assert.deepEqual(api.requests, []);
});

Deno.test("vectorize fetches a picture again that was stored damaged", async () => {
  await using dir = await tempDir();
  const photo = await Deno.readFile(join(FIXTURES, "photos/skl_china.jpg"));
  let sent = photo.slice(0, photo.length / 2);
  await using api = demoApi({ intercept: () => new Response(sent) });
  const href = `${api.url}/services/image/resolver/x/full/{width},{height}/0/native.jpg`;
  await writeRecords(dir.path, { "r/a.json": { id: "a", _links: { thumbnail_custom: { href } } } });
  const args = ["vectorize", join(dir.path, "r"), "*", join(dir.path, "v"), "--model", "demo"]
    .concat("--download-images", "--base-url", api.url, "--json");
  assert.deepEqual(jsonOf(await runTask(args)).errors, { image_unreadable: 1 });
  sent = photo;
  assert.equal(jsonOf(await runTask(args)).stored, 1);
});

Deno.test("vectorize takes the last, partial batch too, and --step passes over whole ones", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(join(dir.path, "v"));
  for (const id of ["a", "b", "c", "d", "e"]) {
    await writeRecords(dir.path, { [`r/${id}.json`]: { id } });
    await Deno.copyFile(join(FIXTURES, "photos/ski_rocket.jpg"), join(dir.path, `v/${id}.jpg`));
  }
  const args = [
    "vectorize",
    join(dir.path, "r"),
    "*",
    join(dir.path, "v"),
    "--model",
    "demo",
    "--batch",
    "2",
  ];
  const stepped = await runTask([...args, "--step", "2"]);
  assert.match(stepped.stderr, /1 stored, 0 skipped, 0 failed of 1/);
  const vectors = async () => {
    const names = await Array.fromAsync(Deno.readDir(join(dir.path, "v")), ({ name }) => name);
    return names.filter((name) => name.endsWith(".npy")).sort();
  };
  assert.deepEqual(await vectors(), ["e.npy"]);
  await runTask(args);
  assert.deepEqual(await vectors(), ["a.npy", "b.npy", "c.npy", "d.npy", "e.npy"]);
});
